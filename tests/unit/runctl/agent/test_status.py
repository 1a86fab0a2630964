from __future__ import annotations

import json
from typing import Any

import pytest

from runctl_auto.agent.config import AgentConfig
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.status import Outcome, RunStatus, read_previous, rfc3339

CONFIG = AgentConfig(
    job="digits",
    run="r1",
    region="us-east-1",
    bucket="b",
    account="1",
    agent_key="a",
    agent_sha256="x",
    spec_key="s",
    booted_at=1_000_000.0,
    deadline_at=None,
)
KEY = "runs/r1/status.json"


def make(bucket, clock, **options) -> RunStatus:
    return RunStatus(CONFIG, "i-1", bucket, clock=clock, ticks=clock, **options)


def written(bucket) -> dict[str, Any]:
    return json.loads(bucket.objects[KEY])


def test_the_document_is_that_of_the_contract(bucket, clock) -> None:
    make(bucket, clock).write()
    assert written(bucket) == {
        "schema": 1,
        "job": "digits",
        "run": "r1",
        "attempt": 1,
        "node": 0,
        "instance": "i-1",
        "phase": "booting",
        "exit_code": None,
        "reason": None,
        "message": None,
        "started_at": "1970-01-12T13:46:40.000Z",
        "updated_at": "1970-01-12T13:46:40.000Z",
        "ended_at": None,
        "phases": {"boot": 0.0},
        "resumed_from": None,
        "checkpoints": {"count": 0, "last": None, "last_at": None},
        "artifacts": None,
        "log_parts": 0,
    }


def test_seconds_are_counted_by_phase(bucket, clock) -> None:
    status = make(bucket, clock)
    for phase, seconds in (("fetching", 1), ("setup", 2), ("running", 3), ("stopping", 4)):
        clock.now += 0.5 if phase == "fetching" else 0
        status.enter(phase)
        clock.now += seconds
    status.enter("stopping")
    clock.now += 1
    status.end(Outcome("succeeded", "completed", 0), bucket)
    assert written(bucket)["phases"] == {"boot": 0.5, "fetch": 1.0, "setup": 2.0, "run": 3.0, "upload": 5.0}
    assert status.seconds_spent() == pytest.approx(11.5)


def test_a_heartbeat_counts_the_phase_that_runs(bucket, clock) -> None:
    status = make(bucket, clock)
    status.enter("running")
    clock.now += 15
    status.write()
    assert written(bucket)["phases"]["run"] == 15.0
    clock.now += 15
    status.write()
    assert written(bucket)["phases"]["run"] == 30.0
    assert written(bucket)["updated_at"] == rfc3339(clock.now)


def test_nothing_is_written_after_the_end(bucket, clock) -> None:
    status = make(bucket, clock)
    status.end(Outcome("failed", "command_failed", 7, "the command failed"), bucket)
    last = written(bucket)
    status.write()
    status.end(Outcome("succeeded", "completed", 0), bucket)
    status.enter("running")
    assert written(bucket) == last
    assert bucket.puts == [KEY]
    assert (last["phase"], last["reason"], last["exit_code"]) == ("failed", "command_failed", 7)
    assert last["ended_at"] == rfc3339(clock.now)


def test_an_interruption_is_no_end_of_the_run(bucket, clock) -> None:
    make(bucket, clock).end(Outcome("interrupted", "interruption"), bucket)
    assert written(bucket)["ended_at"] is None


def test_a_run_goes_on_from_its_earlier_status(bucket, clock) -> None:
    first = make(bucket, clock)
    first.spend("boot", 10)
    first.enter("running")
    first.saved_checkpoint("00000000")
    clock.now += 100
    first.end(Outcome("interrupted", "interruption"), bucket)
    clock.now += 1000
    again = make(bucket, clock, previous=read_previous(bucket, KEY))
    again.saved_checkpoint("00000001")
    now = written(bucket)
    assert now["started_at"] == rfc3339(CONFIG.booted_at)
    assert now["checkpoints"]["count"] == 2
    assert (now["phase"], now["reason"]) == ("booting", None)
    assert again.seconds_spent() == pytest.approx(110), "the time without a machine does not count"


def test_no_status_or_an_unreadable_one_is_none(bucket) -> None:
    assert read_previous(bucket, KEY) is None
    bucket.objects[KEY] = b"{"
    assert read_previous(bucket, KEY) is None
    bucket.objects[KEY] = b"[]"
    assert read_previous(bucket, KEY) is None


def test_a_failed_last_write_is_told(bucket, clock) -> None:
    bucket.fail_on("status.json")
    with pytest.raises(AgentError):
        make(bucket, clock).end(Outcome("succeeded", "completed", 0), bucket)
