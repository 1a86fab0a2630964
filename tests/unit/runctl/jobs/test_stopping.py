"""The last status of a run that nobody on a machine can write any more."""

from __future__ import annotations

import json

from runctl_auto.agent.status_format import new_status
from runctl_auto.jobs.stopping import NO_MACHINE, stopped_status
from runctl_auto.run.status import RunStatus, parse_run_status, unreadable_status

RUN, AT = "0123456789", "2026-11-30T12:00:00Z"


def written(before: RunStatus | None) -> RunStatus:
    status = stopped_status("digits", RUN, before, at=AT, message=NO_MACHINE)
    return parse_run_status(json.dumps(status).encode(), RUN)


def test_a_run_that_never_reported_is_stopped() -> None:
    found = written(None)
    assert (found.unreadable, found.phase, found.reason, found.ended_at) == (None, "stopped", "user", AT)
    assert found.ended
    assert found.message == NO_MACHINE


def test_what_the_run_told_before_stays() -> None:
    told = {**new_status("digits", RUN, "2026-11-30T11:00:00Z"), "phase": "interrupted", "log_parts": 7}
    told["checkpoints"] = {"count": 2, "last": "00000002", "last_at": "2026-11-30T11:30:00Z"}
    found = written(parse_run_status(json.dumps(told).encode(), RUN))
    assert (found.phase, found.started_at) == ("stopped", "2026-11-30T11:00:00Z")
    assert (found.raw["log_parts"], found.raw["checkpoints"]["count"]) == (7, 2)


def test_a_status_that_cannot_be_read_is_replaced() -> None:
    assert written(unreadable_status(RUN, "it is no JSON")).phase == "stopped"
