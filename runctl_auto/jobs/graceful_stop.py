"""Ends a run gracefully: the agent is told, the job saves its checkpoint, the agent reports the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from runctl_auto.agent.contract import LATER_STOP_SECONDS, REPORTING_SECONDS, StopReason
from runctl_auto.agent.pace import FIRST_SECONDS
from runctl_auto.errors import NotFoundError
from runctl_auto.run.status import RunStatus

if TYPE_CHECKING:
    from runctl_auto.providers.contract import Results

_POLL_SECONDS = 1.0


@dataclass(frozen=True)
class StopOutcome:
    """How a run came to its end. ``late`` means that it did not report in time and is ended regardless."""

    how: Literal["ended-before", "stopped", "no-machine", "late"]
    status: RunStatus | None


def stop_run(
    results: Results,
    run: str,
    *,
    reason: StopReason,
    grace_seconds: int,
    machine_runs: Callable[[], bool],
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> StopOutcome:
    """Stops ``run`` and waits for its end, at most the grace, a minute, and the time after which the agent of
    a long run notices. Idempotent. Without a machine the request says that none is to be made for the run.

    ``machine_runs`` tells whether there is a machine that could answer; ``clock`` counts seconds.
    """
    status = results.status(run)
    if status is not None and status.ended:
        return StopOutcome("ended-before", status)
    runs = machine_runs()
    with nullcontext() if runs else suppress(NotFoundError):
        results.request_stop(
            run, reason=reason, grace_seconds=grace_seconds, at=datetime.now(timezone.utc).isoformat()
        )
    if not runs:
        return StopOutcome("no-machine", status)
    deadline = clock() + _notice_seconds(status) + grace_seconds + REPORTING_SECONDS
    while clock() < deadline:
        sleep(_POLL_SECONDS)
        status = results.status(run)
        if status is not None and status.ended:
            return StopOutcome("stopped", status)
        if not machine_runs():
            return StopOutcome("no-machine", results.status(run))
    return StopOutcome("late", status)


def _notice_seconds(status: RunStatus | None) -> int:
    """How long the agent may take to notice: in the first minutes a few seconds at most."""
    if status is None:
        return 0
    may_be_long = status.unreadable is not None or sum(status.seconds.values()) >= FIRST_SECONDS
    return LATER_STOP_SECONDS if may_be_long else 0
