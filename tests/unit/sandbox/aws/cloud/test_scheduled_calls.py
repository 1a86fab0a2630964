"""One-time schedules over time, with a clock that the test moves."""

from __future__ import annotations

import pytest

from sandbox.aws.cloud.scheduled_calls import (
    NotCarriedOut,
    ScheduledCall,
    ScheduledCalls,
    instances_of,
    time_of,
)


class Cloud:
    def __init__(self, *calls: ScheduledCall) -> None:
        self.now = 100.0
        self.held = list(calls)
        self.made: list[tuple[float, str]] = []
        self.wrong: str | None = None
        self.scheduled = ScheduledCalls(lambda: self.now, lambda: self.held, self._invoke)

    def _invoke(self, call: ScheduledCall) -> str | None:
        self.made.append((self.now, call.arn))
        return self.wrong

    def until(self, end: float) -> None:
        """Lets time pass as the cloud does, from one deadline to the next."""
        while (due := self.scheduled.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.scheduled.fire()
        self.now = end


def call(arn: str = "a", version: str = "1", due: float = 110.0, **more: float) -> ScheduledCall:
    return ScheduledCall(
        arn=arn, version=version, due=due, retries=int(more.get("retries", 3)), age=more.get("age", 3600.0)
    )


def test_it_is_called_once_and_not_before_its_time() -> None:
    cloud = Cloud(call())
    cloud.until(109.9)
    assert cloud.made == []
    cloud.until(1000)
    assert cloud.made == [(110.0, "a")]
    assert cloud.scheduled.next_deadline() is None


def test_one_that_is_overdue_when_it_is_made_is_called_at_once() -> None:
    cloud = Cloud(call(due=5))
    cloud.scheduled.fire()
    assert cloud.made == [(100.0, "a")]


def test_a_changed_schedule_is_due_anew() -> None:
    cloud = Cloud(call())
    cloud.until(120)
    cloud.held = [call(version="2", due=130)]
    cloud.until(200)
    assert [when for when, _ in cloud.made] == [110.0, 130.0]


def test_one_that_was_deleted_is_never_called() -> None:
    cloud = Cloud(call())
    cloud.held = []
    cloud.until(200)
    assert cloud.made == []


def test_a_call_that_fails_is_repeated_with_growing_pauses_as_often_as_allowed() -> None:
    cloud = Cloud(call(retries=3))
    cloud.wrong = "refused"
    cloud.until(1000)
    assert [when for when, _ in cloud.made] == [110.0, 111.0, 113.0, 117.0]


def test_it_is_repeated_until_it_works() -> None:
    cloud = Cloud(call())
    cloud.wrong = "refused"
    cloud.until(110)
    cloud.wrong = None
    cloud.until(1000)
    assert len(cloud.made) == 2


def test_it_is_not_repeated_beyond_its_age() -> None:
    cloud = Cloud(call(retries=100, age=5))
    cloud.wrong = "refused"
    cloud.until(1000)
    assert [when for when, _ in cloud.made] == [110.0, 111.0, 113.0]


def test_times_are_those_of_the_zone() -> None:
    assert time_of("at(1970-01-01T01:00:00)", None) == 3600.0
    assert time_of("at(1970-01-01T01:00:00)", "UTC") == 3600.0
    assert time_of("at(1970-07-01T02:00:00)", "Asia/Tokyo") == 181 * 86400 - 7 * 3600


@pytest.mark.parametrize(
    "expression", ["rate(1 hour)", "cron(0 0 * * ? *)", "at(2030-13-01T00:00:00)", "at()"]
)
def test_other_expressions_are_refused_by_name(expression: str) -> None:
    with pytest.raises(NotCarriedOut, match="at"):
        time_of(expression, None)


def test_targets_terminate_the_instances_that_they_name() -> None:
    arn = "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances"
    assert instances_of({"Arn": arn, "Input": '{"InstanceIds": ["i-1", "i-2"]}'}) == ["i-1", "i-2"]
    for target in (
        {"Arn": arn},
        {"Arn": arn, "Input": "no json"},
        {"Arn": arn.replace("terminate", "stop"), "Input": '{"InstanceIds": []}'},
        {"Arn": "arn:aws:lambda:us-east-1:1:function:f"},
    ):
        with pytest.raises(NotCarriedOut):
            instances_of(target)
