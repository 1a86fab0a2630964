"""``down --all``: ends all jobs that fit the filters, after one confirmation of all their plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from runctl_auto.engine.executor.contract import Executor, Work
from runctl_auto.errors import ExitCode, RunctlError
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.filters import Filters, wanted_jobs
from runctl_auto.jobs.folder.entry import Failure, exit_code_of, failure_of
from runctl_auto.jobs.local.everywhere import jobs_here, session_here
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.teardown.preview import TeardownForecast
from runctl_auto.operations.down import DownOptions, DownResult, down, foresee, refuse_leaks

if TYPE_CHECKING:
    from runctl_auto.jobs.local.session import LocalSession


@dataclass(frozen=True)
class EndedJob:
    """One job. ``result`` is None when it was not ended: then ``error`` says why, unless it was a dry run.
    ``error`` beside a ``result`` says what is left of it."""

    job: str
    owner: str | None
    forecast: TeardownForecast | None = None
    result: DownResult | None = None
    error: Failure | None = None


@dataclass(frozen=True)
class DownAllResult:
    """All jobs that fitted, by name."""

    jobs: tuple[EndedJob, ...]
    dry_run: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """That of the errors when all have the same, else FAILURE; of a dry run, what it would be as far as
        that is known."""
        codes = {each.exit_code for each in self._forecasts} - {ExitCode.DONE} if self.dry_run else set()
        failed = exit_code_of([each.error for each in self.jobs if each.error is not None])
        if failed != ExitCode.DONE:
            codes.add(failed)
        if not codes:
            return ExitCode.DONE
        return codes.pop() if len(codes) == 1 else ExitCode.FAILURE

    @property
    def _forecasts(self) -> tuple[TeardownForecast, ...]:
        return tuple(each.forecast for each in self.jobs if each.forecast is not None)


@dataclass(frozen=True)
class _Asked:
    """What is to be done about one job, as plain data."""

    job: EndedJob
    options: DownOptions


def down_all(
    session: Session,
    filters: Filters,
    options: DownOptions,
    executor: Executor[Session],
    *,
    dry_run: bool = False,
) -> DownAllResult:
    """Ends every job that fits ``filters``: the plans of all, one question, then several at once.

    A job whose plan or teardown fails does not keep the others from theirs. What is protected stays. Each is
    planned again before it is ended, and left alone when more would be deleted than was confirmed. Blocks.
    Raises ``ConfirmationNeededError`` when declined.
    """
    here = _Here.of(session, filters)
    found = () if here.is_all else wanted_jobs(session, filters)
    jobs = {
        each.summary.name: EndedJob(each.summary.name, each.facts.config.owner if each.facts else None)
        for each in found
    }
    planned_here = [here.foreseen(each, options) for each in here.jobs]
    for each in executor.run(_works(jobs.values(), options), _foreseen) if jobs else ():
        planned_here.append(_outcome(each.work.item.job, each.result, each.error))
    for planned in planned_here:
        jobs[planned.job] = planned
        if planned.forecast is not None and planned.forecast.view is not None:
            session.reporter.plan(planned.forecast.view)
        elif planned.error is not None:
            session.reporter.say(f"job '{planned.job}' is left alone: {planned.error.text}")
    goes = [each for each in jobs.values() if each.error is None]
    if dry_run or not goes:
        return DownAllResult(_by_name(jobs), dry_run)
    _ask(session, goes, options)
    for job in goes:
        if job.job in here.names:
            jobs[job.job] = here.ended(job, options)
    away = [each for each in goes if each.job not in here.names]
    for each in executor.run(_works(away, options), _ended) if away else ():
        jobs[each.work.stack] = _outcome(each.work.item.job, each.result, each.error)
    return DownAllResult(_by_name(jobs))


def _by_name(jobs: Mapping[str, EndedJob]) -> tuple[EndedJob, ...]:
    return tuple(jobs[name] for name in sorted(jobs))


@dataclass(frozen=True)
class _Here:
    """The jobs of this machine that fit. ``is_all``: the session knows no others."""

    session: Session | None
    jobs: tuple[EndedJob, ...] = ()
    is_all: bool = False

    @classmethod
    def of(cls, session: Session, filters: Filters) -> _Here:
        here = session_here(session)
        jobs = tuple(
            EndedJob(each.summary.name, each.facts.config.owner if each.facts else None)
            for each in jobs_here(session, filters)
        )
        return cls(here, jobs, is_all=here is session)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(each.job for each in self.jobs)

    def foreseen(self, job: EndedJob, options: DownOptions) -> EndedJob:
        """Changes nothing. Never raises a ``RunctlError``."""
        from runctl_auto.operations.local.down import foresee_here

        try:
            return replace(job, forecast=foresee_here(cast("LocalSession", self.session), job.job, options))
        except RunctlError as error:
            return replace(job, error=failure_of(error))

    def ended(self, job: EndedJob, options: DownOptions) -> EndedJob:
        """Never raises a ``RunctlError``."""
        from runctl_auto.operations.local.down import down_here

        session = cast("LocalSession", self.session)
        try:
            result = down_here(session, job.job, replace(options, yes=True))
        except RunctlError as error:
            return replace(job, error=failure_of(error))
        return _with_leaks(job, result)


def _with_leaks(job: EndedJob, result: DownResult) -> EndedJob:
    try:
        refuse_leaks(result.receipt)
    except RunctlError as error:
        return replace(job, result=result, error=failure_of(error))
    return replace(job, result=result)


def _works(jobs: Iterable[EndedJob], options: DownOptions) -> list[Work[_Asked]]:
    return [Work(each.job, _Asked(each, options)) for each in jobs]


def _outcome(job: EndedJob, result: EndedJob | None, error: BaseException | None) -> EndedJob:
    if result is not None:
        return result
    if isinstance(error, RunctlError):
        return replace(job, error=failure_of(error))
    raise error or AssertionError("work that has ended has a result or an error")


def _ask(session: Session, jobs: Sequence[EndedJob], options: DownOptions) -> None:
    owners = ", ".join(sorted({each.owner for each in jobs if each.owner}))
    whose = f" of {owners}" if owners else ""
    things = sum(len(each.forecast.planned) for each in jobs if each.forecast)
    require_confirmation(
        session.reporter,
        f"End these {len(jobs)} jobs{whose} and delete {things} resources?",
        "Nothing was deleted: the plans were not confirmed.",
        yes=options.yes,
    )


def _foreseen(session: Session, asked: _Asked) -> EndedJob:
    """Changes nothing. Never raises a ``RunctlError``."""
    try:
        forecast = foresee(session, asked.job.job, asked.options, in_full=False)
    except RunctlError as error:
        return replace(asked.job, error=failure_of(error))
    return replace(asked.job, forecast=forecast)


def _ended(session: Session, asked: _Asked) -> EndedJob:
    """Never raises a ``RunctlError``. May be repeated: what is gone already is not missed."""
    job = asked.job
    expected = job.forecast.planned if job.forecast else ()
    try:
        result = down(session, job.job, replace(asked.options, yes=True), expected=expected)
    except RunctlError as error:
        session.reporter.say(f"not ended: {error}")
        return replace(job, error=failure_of(error))
    return _with_leaks(job, result)
