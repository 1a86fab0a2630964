from __future__ import annotations

import json
import time
from unittest import mock

import pytest
from support.agent_spec import run_spec

from runctl_auto.agent.errors import FileChangedError
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.keys import stop_key
from runctl_auto.agent.machine.imds import InstanceMetadata
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.watchers import (
    InterruptionWatcher,
    Limits,
    LimitWatcher,
    RebalanceWatcher,
    StopRequestWatcher,
)

STOP = stop_key("r1")


@pytest.fixture
def switch() -> StopSwitch:
    return StopSwitch()


def metadata(notice: str | None) -> InstanceMetadata:
    found = mock.create_autospec(InstanceMetadata, instance=True)
    found.get.return_value = notice
    return found


def notice(clock, seconds: float) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now + seconds))
    return json.dumps({"action": "terminate", "time": moment})


def test_no_notice_is_no_interruption(switch, clock) -> None:
    service = metadata(None)
    InterruptionWatcher(service, switch, clock).look()
    assert switch.request is None
    service.get.assert_called_once_with("meta-data/spot/instance-action")


@pytest.mark.parametrize(("seconds", "grace"), [(120, 90), (60, 30), (5, 10), (-60, 10), (3600, 90)])
def test_a_notice_leaves_the_job_what_time_there_is(switch, clock, seconds: float, grace: float) -> None:
    InterruptionWatcher(metadata(notice(clock, seconds)), switch, clock).look()
    assert (switch.request.phase, switch.request.reason) == ("interrupted", "interruption")
    assert switch.request.grace_seconds == grace


@pytest.mark.parametrize(
    ("upload_seconds", "grace"), [(0, 90), (10, 90), (40, 60), (64, 30), (80, 10), (3600, 10)]
)
def test_a_large_checkpoint_is_left_more_time_to_upload(
    switch, clock, upload_seconds: float, grace: float
) -> None:
    limit = TimeLimit(clock)
    InterruptionWatcher(
        metadata(notice(clock, 120)), switch, clock, limit=limit, upload_seconds=lambda: upload_seconds
    ).look()
    assert switch.request.grace_seconds == grace
    assert (switch.request.ends_at, limit.left()) == (clock.now + 120, 110)


@pytest.mark.parametrize(("left", "uploads"), [(40, 30), (20, 15), (12, 9), (0, 0), (-5, 0)])
def test_a_late_notice_still_leaves_time_to_upload(switch, clock, left: float, uploads: float) -> None:
    limit = TimeLimit(clock)
    InterruptionWatcher(metadata(notice(clock, left)), switch, clock, limit=limit).look()
    assert limit.left() == uploads


def test_a_notice_counts_once(switch, clock) -> None:
    limit = TimeLimit(clock)
    service = metadata("a notice without a time")
    watcher = InterruptionWatcher(service, switch, clock, limit=limit)
    watcher.look()
    clock.now += 60
    watcher.look()
    assert limit.left() == 50
    service.get.assert_called_once()


class Rebalance:
    """A machine with a rebalance recommendation; saves fail as often as they are told to."""

    def __init__(self, switch: StopSwitch) -> None:
        self.answers: dict[str, str] = {}
        self.failures: list[Exception] = []
        self.saves = 0
        self.said: list[str] = []
        service = mock.create_autospec(InstanceMetadata, instance=True)
        service.get.side_effect = self.answers.get
        self.watcher = RebalanceWatcher(service, switch, self.save, self.said.append)

    def save(self) -> str:
        if self.failures:
            raise self.failures.pop()
        self.saves += 1
        return f"checkpoint {self.saves:08} is saved"


RECOMMENDED = "meta-data/events/recommendations/rebalance"


def test_a_rebalance_recommendation_saves_a_checkpoint_and_the_job_goes_on(switch) -> None:
    machine = Rebalance(switch)
    machine.watcher.look()
    assert machine.saves == 0
    machine.answers[RECOMMENDED] = '{"noticeTime": "2026-11-22T11:58:00Z"}'
    machine.watcher.look()
    machine.watcher.look()
    assert (machine.saves, switch.request) == (1, None)
    assert machine.said == [
        "the cloud may take the machine back soon (rebalance recommendation): checkpoint 00000001 is saved"
    ]
    machine.answers[RECOMMENDED] = '{"noticeTime": "2026-11-22T12:58:00Z"}'
    machine.watcher.look()
    assert machine.said[1].endswith("checkpoint 00000002 is saved")


def test_a_save_that_fails_is_repeated_at_the_next_look(switch) -> None:
    machine = Rebalance(switch)
    machine.answers[RECOMMENDED] = "now"
    machine.failures.append(FileChangedError("model.pt is being written"))
    with pytest.raises(FileChangedError):
        machine.watcher.look()
    machine.watcher.look()
    assert machine.saves == 1


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_job_that_is_to_stop_anyway_is_saved_once_at_its_end(switch, is_stopped: bool) -> None:
    machine = Rebalance(switch)
    machine.answers[RECOMMENDED] = "now"
    if is_stopped:
        switch.set(StopRequest("stopped", "down", "stopped on request (down)"))
    else:
        machine.answers["meta-data/spot/instance-action"] = "a notice"
    machine.watcher.look()
    assert (machine.saves, machine.said) == (0, [])


@pytest.mark.parametrize("text", ["soon", "[]", '{"action": "terminate"}'])
def test_a_notice_that_cannot_be_read_is_one(switch, clock, text: str) -> None:
    InterruptionWatcher(metadata(text), switch, clock).look()
    assert switch.request.reason == "interruption"


def test_no_wish_is_no_stop(switch, store) -> None:
    StopRequestWatcher(store, "r1", switch).look()
    assert switch.request is None


@pytest.mark.parametrize(
    ("wish", "reason", "grace"),
    [
        ({"reason": "down", "grace_seconds": 5}, "down", 5.0),
        ({"reason": "replace"}, "replace", 30.0),
        ({"reason": "whatever", "grace_seconds": -1}, "user", 0.0),
        ({}, "user", 30.0),
        ("text", "user", 30.0),
        ({"reason": "down", "grace_seconds": 1e300}, "user", 30.0),
        ({"reason": "down", "grace_seconds": float("inf")}, "user", 30.0),
        ({"reason": ["down"]}, "user", 30.0),
        ({"reason": "down", "at": "x" * 9999}, "user", 30.0),
    ],
)
def test_wishes(switch, store, wish: object, reason: str, grace: float) -> None:
    store.objects[STOP] = json.dumps(wish).encode()
    StopRequestWatcher(store, "r1", switch).look()
    assert (switch.request.phase, switch.request.reason, switch.request.grace_seconds) == (
        "stopped",
        reason,
        grace,
    )


def test_a_request_that_is_nested_too_deeply_stops_the_run(switch, store) -> None:
    store.objects[STOP] = b"[" * 4000
    StopRequestWatcher(store, "r1", switch).look()
    assert switch.request.reason == "user"


def limits(switch, clock, spent: float, most: float | None, deadline: float | None) -> None:
    LimitWatcher(lambda: spent, Limits(most, deadline_at=deadline), switch, clock).look()


def test_within_its_limits_a_run_goes_on(switch, clock) -> None:
    limits(switch, clock, 3599, 3600, clock.now + 61)
    limits(switch, clock, 1e9, None, None)
    assert switch.request is None


@pytest.mark.parametrize(("spent", "left"), [(3600, 1000), (0, 60)])
def test_a_run_ends_at_its_limit_and_before_the_machines(switch, clock, spent: float, left: float) -> None:
    limits(switch, clock, spent, 3600, clock.now + left)
    assert (switch.request.phase, switch.request.reason) == ("stopped", "max_duration")


def test_a_run_ends_when_its_budget_is_spent(switch, clock) -> None:
    spec = run_spec(limits={"max_duration_seconds": None, "budget": 0.5, "price_hour": 2.0})
    assert spec.budget_seconds == 900.0
    allowed = Limits(spec.max_duration_seconds, spec.budget_seconds)
    LimitWatcher(lambda: 899.0, allowed, switch, clock).look()
    assert switch.request is None
    LimitWatcher(lambda: 900.0, allowed, switch, clock).look()
    assert (switch.request.phase, switch.request.reason) == ("stopped", "budget")


@pytest.mark.parametrize("limits", [{"budget": 5}, {"price_hour": 2}, {"budget": None, "price_hour": None}])
def test_without_a_price_a_budget_cannot_be_counted(limits: dict) -> None:
    assert run_spec(limits=limits).budget_seconds is None


@pytest.mark.parametrize("first", ["set", "set_in_signal_handler"])
def test_the_first_reason_wins(switch, first: str) -> None:
    getattr(switch, first)(StopRequest("interrupted", "interruption", "notice"))
    switch.set(StopRequest("stopped", "user", "wish"))
    switch.set_in_signal_handler(StopRequest("stopped", "down", "wish"))
    assert switch.request.reason == "interruption"
    assert switch.request.outcome(143).exit_code == 143
