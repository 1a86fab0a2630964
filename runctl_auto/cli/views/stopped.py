"""What is told of a job that is stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runctl_auto.local.printable import printable
from runctl_auto.reports.figures import rate_text

if TYPE_CHECKING:
    from runctl_auto.operations.status import JobStatus
    from runctl_auto.operations.stop import StopResult

_HOW = {
    "ended-before": "It was stopped before.",
    "stopped": "Its command saved and left.",
    "no-machine": "It had no machine.",
    "late": "Its command did not leave in time, and was ended.",
}


def stopped_lines(result: StopResult) -> Iterator[str]:
    """The result of ``stop``."""
    job, status = result.now.config.job.name, result.outcome.status
    yield f"Job '{job}' is stopped. {_HOW[result.outcome.how]}"
    if status is not None and status.message:
        yield f"  {printable(status.message)}"
    yield f"  {costs_of_stopped(result.now)}"
    yield f"  runctl resume {job}    continue it"
    yield f"  runctl down {job}      delete what it keeps"


def stopped_note(names: Sequence[str]) -> str | None:
    """Of a list of jobs; None without a stopped one."""
    if not names:
        return None
    return f"stopped, at the cost of storage only: {', '.join(names)} (`runctl resume JOB` continues one)"


def costs_of_stopped(job: JobStatus) -> str:
    """What a job without a machine costs on."""
    hour = job.facts.cost.hour
    if not hour.usd and hour.complete:
        return "it costs storage only: what its bucket holds"
    return f"it costs storage only: {rate_text(hour)} an hour, and what its bucket holds"
