"""A schedule that is due terminates its instance, if its role may do so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws.cloud import scheduler_store
from sandbox.aws.cloud.scheduled_calls import ScheduledCalls

ACCOUNT, REGION = "123456789012", "us-east-1"
NAMES = {"GroupName": "ours", "Name": "end"}
DUE = 1_900_000_060.0  # a minute after the clock's beginning
EXPRESSION = "at(2030-03-17T17:47:40)"


class Timer:
    """One schedule for one machine, and the cloud's time."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.scheduler = cloud.client("scheduler")
        self.iam = cloud.client("iam")
        self.machine = cloud.launch()["InstanceId"]
        self.calls = ScheduledCalls(cloud.clock, scheduler_store.listed, scheduler_store.invoke)
        self.scheduler.create_schedule_group(Name="ours")

    def make(self, *, may: str, **more: Any) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        role = self.iam.create_role(
            RoleName="ends",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )["Role"]["Arn"]
        self.allow(may)
        self.scheduler.create_schedule(
            **NAMES,
            ScheduleExpression=EXPRESSION,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
                "RoleArn": role,
                "Input": json.dumps({"InstanceIds": [self.machine]}),
            },
            **more,
        )

    def allow(self, machine: str) -> None:
        arn = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{machine}"
        statement = {"Effect": "Allow", "Action": "ec2:TerminateInstances", "Resource": arn}
        self.iam.put_role_policy(
            RoleName="ends",
            PolicyName="ends",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    def at(self, moment: float) -> str:
        """The machine's state once it is that late and everything due has happened."""
        self.cloud.after(moment - self.cloud.clock.now)
        self.calls.fire()
        return str(self.cloud.state(self.machine))


@pytest.fixture
def timer(corrected: Any) -> Timer:
    return Timer(corrected)


def test_at_its_time_and_not_before_the_machine_ends(timer: Timer) -> None:
    timer.make(may=timer.machine)
    assert timer.calls.next_deadline() == DUE
    assert timer.at(DUE - 1) == "running"
    assert timer.at(DUE) == "shutting-down"
    assert timer.at(DUE + 5) == "terminated"
    assert timer.scheduler.get_schedule(**NAMES)["State"] == "ENABLED", "it stays: the stack owns it"
    assert timer.calls.next_deadline() is None


def test_a_role_that_may_end_another_machine_only_ends_none(timer: Timer) -> None:
    timer.make(may="i-0000")
    assert timer.at(DUE) == "running"
    timer.allow(timer.machine)
    assert timer.at(DUE + 1) == "shutting-down", "it is tried again"


def test_a_role_that_is_gone_ends_nothing(timer: Timer) -> None:
    timer.make(may=timer.machine)
    timer.iam.delete_role_policy(RoleName="ends", PolicyName="ends")
    timer.iam.delete_role(RoleName="ends")
    assert timer.at(DUE) == "running"


def test_one_that_is_switched_off_or_deleted_is_never_due(timer: Timer) -> None:
    timer.make(may=timer.machine, State="DISABLED")
    assert timer.calls.next_deadline() is None
    assert timer.at(DUE) == "running"


def test_a_machine_that_is_gone_stops_nobodys_time(timer: Timer) -> None:
    timer.make(may=timer.machine)
    timer.cloud.terminate(timer.machine)
    timer.cloud.after(7200)  # nobody knows it any more
    timer.calls.fire()
    assert timer.calls.next_deadline() is not None


def test_one_that_deletes_itself_is_gone_afterwards(timer: Timer) -> None:
    timer.make(may=timer.machine, ActionAfterCompletion="DELETE")
    assert timer.at(DUE) == "shutting-down"
    assert timer.scheduler.list_schedules()["Schedules"] == []
