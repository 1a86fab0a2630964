"""Ends a run of this machine: as everywhere by the agent's one way of stopping, by force when it is late."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import cast

from runctl_auto.agent.contract import Phase, StopReason
from runctl_auto.agent.local.leftover import end_left
from runctl_auto.agent.status_format import StatusJson, new_status
from runctl_auto.jobs.graceful_stop import StopOutcome, stop_run
from runctl_auto.jobs.local.record import LocalJobs
from runctl_auto.run.status import RunStatus

POLL_SECONDS = 0.1
LATE_SECONDS = 30.0
"""How long an agent whose run has ended may take to end itself."""


def stop_here(
    jobs: LocalJobs,
    job: str,
    run: str,
    *,
    reason: StopReason,
    grace: int,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> StopOutcome:
    """Ends ``run``, whether it runs, waits or has lost its agent; none of its processes is left then. Blocks
    for the grace and a minute at most. Idempotent.

    A run that never began here has no status and gets none: `up` begins it.
    """
    folder, results = jobs.folder(job), jobs.results(job)
    if jobs.queue.position(job) is not None:
        jobs.queue.leave(job)
    outcome = stop_run(
        results,
        run,
        reason=reason,
        grace_seconds=grace,
        machine_runs=folder.agent_lives,
        sleep=lambda _: sleep(POLL_SECONDS),
        clock=clock,
    )
    deadline = clock() + (LATE_SECONDS if outcome.how == "stopped" else 1.0)
    while folder.agent_lives() and clock() < deadline:
        sleep(POLL_SECONDS)
    end_left(folder, run)
    jobs.queue.leave(job)
    status = results.status(run)
    if status is not None and not status.ended and status.unreadable is None:
        results.write_status(run, _stopped(job, run, status, reason))
        return StopOutcome(outcome.how, results.status(run))
    return outcome


def _stopped(job: str, run: str, known: RunStatus, reason: StopReason) -> StatusJson:
    """The status of a run that no agent can end any more."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    status: dict[str, object] = {**new_status(job, run, now), **known.raw}
    status.update({"phase": Phase.STOPPED, "reason": reason, "updated_at": now, "ended_at": now})
    status["message"] = "its agent was gone when it was stopped"
    return cast("StatusJson", status)
