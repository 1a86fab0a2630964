"""``stop --all``: stops all jobs that fit the filters, after one confirmation; their data stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from runctl_auto.engine.executor.contract import Executor, Work
from runctl_auto.errors import ExitCode, RunctlError
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.filters import Filters, wanted_jobs
from runctl_auto.jobs.folder.entry import Failure, exit_code_of, failure_of
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.local.everywhere import jobs_here, session_here
from runctl_auto.jobs.session import Session
from runctl_auto.operations.stop import StopOptions, StopResult, stop

if TYPE_CHECKING:
    from runctl_auto.jobs.local.session import LocalSession


@dataclass(frozen=True)
class StoppedJob:
    """One job: how it was stopped, or why not."""

    job: str
    result: StopResult | None = None
    error: Failure | None = None


@dataclass(frozen=True)
class StopAllResult:
    """The jobs that ran and fitted, by name."""

    jobs: tuple[StoppedJob, ...]

    @property
    def exit_code(self) -> ExitCode:
        """That of the errors when all have the same, else FAILURE."""
        return exit_code_of([each.error for each in self.jobs if each.error is not None])

    def as_json(self) -> dict[str, Any]:
        return {
            "jobs": [
                {
                    "job": each.job,
                    "result": each.result.as_json() if each.result else None,
                    "error": each.error.as_json() if each.error else None,
                }
                for each in self.jobs
            ]
        }


@dataclass(frozen=True)
class _Asked:
    job: str
    options: StopOptions


def stop_all(
    session: Session, filters: Filters, options: StopOptions, executor: Executor[Session]
) -> StopAllResult:
    """Stops every job that fits ``filters`` and whose run goes on: one question, then several at once. One
    that cannot be stopped does not keep the others from it. Blocks.

    Raises ``ConfirmationNeededError`` when declined.
    """
    here = session_here(session)
    local = [each.summary.name for each in jobs_here(session, filters) if _goes_on(each)]
    listed = () if here is session else wanted_jobs(session, filters)
    away = [each.summary.name for each in listed if _goes_on(each)]
    names = sorted((*local, *away))
    if not names:
        return StopAllResult(())
    require_confirmation(
        session.reporter,
        f"Stop these {len(names)} jobs ({', '.join(names)})? Their data stay.",
        "Nothing was stopped: it was not confirmed.",
        yes=options.yes,
    )
    sure = replace(options, yes=True)
    found = {name: _stopped_here(here, name, sure) for name in local}
    works = [Work(name, _Asked(name, sure)) for name in away]
    for each in executor.run(works, _stopped) if works else ():
        found[each.work.stack] = _outcome(each.work.item.job, each.result, each.error)
    return StopAllResult(_by_name(found))


def _by_name(found: Mapping[str, StoppedJob]) -> tuple[StoppedJob, ...]:
    return tuple(found[name] for name in sorted(found))


def _goes_on(job: ListedJob) -> bool:
    status = job.facts.status if job.facts else None
    return job.facts is not None and not (status is not None and status.ended)


def _outcome(name: str, result: StoppedJob | None, error: BaseException | None) -> StoppedJob:
    if result is not None:
        return result
    if isinstance(error, RunctlError):
        return StoppedJob(name, error=failure_of(error))
    raise error or AssertionError("work that has ended has a result or an error")


def _stopped(session: Session, asked: _Asked) -> StoppedJob:
    """Never raises a ``RunctlError``. May be repeated."""
    try:
        return StoppedJob(asked.job, stop(session, asked.job, asked.options))
    except RunctlError as error:
        return StoppedJob(asked.job, error=failure_of(error))


def _stopped_here(session: Session | None, name: str, options: StopOptions) -> StoppedJob:
    from runctl_auto.operations.local.stop import stop_job_here

    try:
        return StoppedJob(name, stop_job_here(cast("LocalSession", session), name, options))
    except RunctlError as error:
        return StoppedJob(name, error=failure_of(error))
