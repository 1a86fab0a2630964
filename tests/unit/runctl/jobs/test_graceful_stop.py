"""A graceful stop: asked once, waited for, never for ever."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import FakeTime

from runctl_auto.agent.contract import LATER_STOP_SECONDS
from runctl_auto.agent.pace import FIRST_SECONDS
from runctl_auto.errors import NotFoundError
from runctl_auto.jobs.graceful_stop import REPORTING_SECONDS, StopOutcome, stop_run
from runctl_auto.providers.contract import Results
from runctl_auto.run.status import RunStatus, parse_run_status

RUNNING = RunStatus(run="r1", phase="running")
STOPPED = RunStatus(run="r1", phase="stopped", reason="down")


@pytest.fixture
def bucket() -> Any:
    return create_autospec(Results, instance=True)


def stop(bucket: Any, clock: FakeTime, machine: bool | list[bool] = True, grace: int = 30) -> StopOutcome:
    answers = iter(machine) if isinstance(machine, list) else None
    return stop_run(
        bucket,
        "r1",
        reason="down",
        grace_seconds=grace,
        machine_runs=lambda: next(answers) if answers else bool(machine),
        sleep=clock.sleep,
        clock=clock.monotonic,
    )


def test_it_asks_once_and_waits_for_the_end(bucket: Any) -> None:
    bucket.status.side_effect = [RUNNING, RUNNING, RUNNING, STOPPED]
    clock = FakeTime()
    assert stop(bucket, clock) == StopOutcome("stopped", STOPPED)
    bucket.request_stop.assert_called_once()
    assert bucket.request_stop.call_args.kwargs["reason"] == "down"
    assert bucket.request_stop.call_args.kwargs["grace_seconds"] == 30
    assert clock.now == 3


def test_a_run_that_has_ended_is_not_asked(bucket: Any) -> None:
    bucket.status.return_value = STOPPED
    assert stop(bucket, FakeTime()).how == "ended-before"
    bucket.request_stop.assert_not_called()


@pytest.mark.parametrize("fault", [None, NotFoundError("no bucket")])
def test_without_a_machine_it_is_written_down_that_the_run_gets_no_other(
    bucket: Any, fault: Exception | None
) -> None:
    bucket.status.return_value = RUNNING
    bucket.request_stop.side_effect = fault
    clock = FakeTime()
    assert stop(bucket, clock, machine=False).how == "no-machine"
    assert bucket.request_stop.call_count == 1
    assert clock.now == 0


def test_a_machine_that_goes_meanwhile_ends_the_wait(bucket: Any) -> None:
    bucket.status.return_value = RUNNING
    clock = FakeTime()
    assert stop(bucket, clock, machine=[True, True, False]).how == "no-machine"
    assert clock.now == 2


def test_an_agent_that_does_not_answer_is_not_waited_for_for_ever(bucket: Any) -> None:
    bucket.status.return_value = RUNNING
    clock = FakeTime()
    assert stop(bucket, clock, grace=7).how == "late"
    assert clock.now == pytest.approx(7 + REPORTING_SECONDS, abs=1)


def test_an_agent_of_a_long_run_has_the_time_after_which_it_looks(bucket: Any) -> None:
    for seconds, more in ((FIRST_SECONDS - 1, 0), (FIRST_SECONDS, LATER_STOP_SECONDS)):
        bucket.status.return_value = RunStatus(run="r1", phase="running", seconds={"running": seconds})
        clock = FakeTime()
        assert stop(bucket, clock, grace=7).how == "late"
        assert clock.now == pytest.approx(7 + more + REPORTING_SECONDS, abs=1)


def test_a_run_whose_status_cannot_be_read_is_asked_and_waited_for(bucket: Any) -> None:
    bucket.status.return_value = parse_run_status(b"{", "r1")
    clock = FakeTime()
    assert stop(bucket, clock).how == "late"
    bucket.request_stop.assert_called_once()
    assert clock.now == 30 + REPORTING_SECONDS + LATER_STOP_SECONDS
