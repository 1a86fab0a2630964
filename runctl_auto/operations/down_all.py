"""``down --all``: ends all jobs that fit the filters, after one confirmation of all their plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runctl_auto.errors import ConfirmationNeededError, ExitCode, RunctlError
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.filters import Filters, wanted_jobs
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.teardown_preview import TeardownForecast
from runctl_auto.operations.down import DownOptions, DownResult, down, foresee, refuse_leaks


@dataclass(frozen=True)
class EndedJob:
    """One job. ``result`` is None when it was not ended: then ``error`` says why, unless it was a dry run.
    ``error`` beside a ``result`` says what is left of it."""

    job: str
    owner: str | None
    forecast: TeardownForecast | None = None
    result: DownResult | None = None
    error: RunctlError | None = None


@dataclass(frozen=True)
class DownAllResult:
    """All jobs that fitted, by name."""

    jobs: tuple[EndedJob, ...]
    dry_run: bool = False

    @property
    def exit_code(self) -> ExitCode:
        """That of the errors when all have the same, else FAILURE; of a dry run, as if it had been none."""
        codes = {each.error.exit_code for each in self.jobs if each.error is not None}
        if not codes:
            return ExitCode.DONE
        return codes.pop() if len(codes) == 1 else ExitCode.FAILURE


def down_all(
    session: Session, filters: Filters, options: DownOptions, *, dry_run: bool = False
) -> DownAllResult:
    """Ends every job that fits ``filters``: the plans of all, one question, then one after the other.

    A job whose plan or teardown fails does not keep the others from theirs. What is protected stays. Each is
    planned again before it is ended, and left alone when more would be deleted than was confirmed. Blocks.
    Raises ``ConfirmationNeededError`` when declined.
    """
    found = wanted_jobs(session, filters)
    planned = tuple(_planned(session, each, options) for each in found)
    goes = [each for each in planned if each.error is None]
    if dry_run or not goes:
        return DownAllResult(planned, dry_run)
    _ask(session, goes, options)
    return DownAllResult(
        tuple(each if each.error is not None else _ended(session, each, options) for each in planned)
    )


def _planned(session: Session, job: ListedJob, options: DownOptions) -> EndedJob:
    owner = job.facts.config.owner if job.facts else None
    try:
        forecast = foresee(session, job.summary.name, options, in_full=False)
    except RunctlError as error:
        session.reporter.say(f"job '{job.summary.name}' is left alone: {error}")
        return EndedJob(job.summary.name, owner, error=error)
    return EndedJob(job.summary.name, owner, forecast)


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


def _ended(session: Session, planned: EndedJob, options: DownOptions) -> EndedJob:
    assert planned.forecast is not None  # noqa: S101 - a job without a forecast has an error
    confirmed = DownOptions(
        yes=True, discard_artifacts=options.discard_artifacts, grace_seconds=options.grace_seconds
    )
    try:
        result = down(session, planned.job, confirmed, expected=planned.forecast.planned)
    except ConfirmationNeededError:
        raise
    except RunctlError as error:
        session.reporter.say(f"job '{planned.job}' was not ended: {error}")
        return EndedJob(planned.job, planned.owner, planned.forecast, error=error)
    try:
        refuse_leaks(result.receipt)
    except RunctlError as error:
        return EndedJob(planned.job, planned.owner, planned.forecast, result, error)
    return EndedJob(planned.job, planned.owner, planned.forecast, result)
