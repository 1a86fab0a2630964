"""What became of a machine."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import AccessDeniedError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.machines import find_machine, find_machines
from runctl_auto.providers.contract import Machine


class Ec2:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def describe_instances(self, InstanceIds: list[str]) -> Any:
        if isinstance(self.answer, str):
            raise ClientError({"Error": {"Code": self.answer, "Message": ""}}, "DescribeInstances")
        return {"Reservations": [{"Instances": self.answer}]}


def found(answer: Any) -> Machine:
    return find_machine(Cloud(lambda service, region: Ec2(answer), "us-east-1"), "i-1")


@pytest.mark.parametrize("answer", ["InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", []])
def test_what_the_cloud_does_not_know_is_gone(answer: Any) -> None:
    machine = found(answer)
    assert machine == Machine("i-1", "gone")
    assert machine.has_ended


@pytest.mark.parametrize(
    ("state", "ending", "ended"),
    [
        ("pending", False, False),
        ("running", False, False),
        ("shutting-down", True, False),
        ("stopped", True, False),
        ("terminated", True, True),
    ],
)
def test_states(state: str, ending: bool, ended: bool) -> None:
    machine = found(
        [{"State": {"Name": state}, "Placement": {"AvailabilityZone": "z"}, "InstanceType": "t3.micro"}]
    )
    assert (machine.zone, machine.type) == ("z", "t3.micro")
    assert (machine.is_ending, machine.has_ended) == (ending, ended)


class Many:
    """Answers a filter by id as EC2 does: unknown ids are left out."""

    def __init__(self, states: dict[str, str]) -> None:
        self.states = states
        self.asked: list[int] = []

    def describe_instances(self, Filters: list[dict[str, Any]]) -> Any:
        (wanted,) = Filters
        self.asked.append(len(wanted["Values"]))
        found = [
            {"InstanceId": each, "State": {"Name": self.states[each]}}
            for each in wanted["Values"]
            if each in self.states
        ]
        return {"Reservations": [{"Instances": found}]}


def test_many_are_asked_for_200_at_a_time() -> None:
    ec2 = Many({"i-1": "running", "i-2": "terminated", "i-3": "shutting-down", "i-300": "pending"})
    cloud = Cloud(lambda service, region: ec2, "us-east-1")
    machines = find_machines(cloud, [f"i-{number}" for number in range(1, 302)])
    assert {each.id for each in machines.values() if not each.has_ended} == {"i-1", "i-3", "i-300"}
    assert (len(machines), machines["i-301"].state) == (301, "gone")
    assert ec2.asked == [200, 101]


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        ("User initiated (2026-01-31 12:00:01 GMT)", datetime(2026, 1, 31, 12, 0, 1, tzinfo=timezone.utc)),
        ("Service initiated (2026-01-31 12:00:01 UTC)", datetime(2026, 1, 31, 12, 0, 1, tzinfo=timezone.utc)),
        ("User initiated", None),
        ("User initiated (2026-13-31 12:00:01 GMT)", None),
        ("", None),
        (None, None),
    ],
)
def test_when_it_ended(reason: str | None, ended: datetime | None) -> None:
    launched = datetime(2026, 1, 31, tzinfo=timezone.utc)
    machine = found(
        [{"State": {"Name": "terminated"}, "StateTransitionReason": reason, "LaunchTime": launched}]
    )
    assert (machine.launched_at, machine.ended_at) == (launched, ended)
    assert machine.as_json()["launched_at"] == "2026-01-31T00:00:00Z"


def test_being_denied_is_not_being_gone() -> None:
    with pytest.raises(AccessDeniedError):
        found("UnauthorizedOperation")
