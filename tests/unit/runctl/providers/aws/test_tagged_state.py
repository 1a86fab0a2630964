"""What carries a job's tags, as a state: volumes by their names, the machine or the group of the run."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

from support.job_stacks import job_spec

from components.naming import TAG_LIMIT, Names
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.tagged_state import tagged_state
from runctl_auto.stack.state import GROUP, INSTANCE, VOLUME

NAMES = Names(account="111122223333", region="us-east-1", project="infra", job="digits")
IDENTITY = {"runctl:job": "digits", "runctl:stack": "dev"}
SPEC = job_spec(
    volumes=[
        {"name": "data", "size": "1GB", "mount": "/data"},
        {"name": "old", "id": "vol-0123456789abcdef0", "mount": "/old"},
    ]
)


def cloud(**lists: list[dict[str, Any]]) -> Any:
    found = create_autospec(Cloud, instance=True)
    found.asked = {}

    def pages(service: str, operation: str, key: str, *, Filters: list[dict[str, Any]]) -> Any:
        found.asked[operation] = {each["Name"]: each["Values"] for each in Filters}
        return iter(lists.get(key, []))

    found.pages.side_effect = pages
    return found


def volume(state: str = "in-use") -> dict[str, Any]:
    name = NAMES.name("volume-data", limit=TAG_LIMIT)
    tags = [{"Key": "Name", "Value": name}]
    return {"VolumeId": "vol-1", "State": state, "AvailabilityZone": "us-east-1b", "Tags": tags}


def instance(identity: str, state: str) -> dict[str, Any]:
    return {"Instances": [{"InstanceId": identity, "State": {"Name": state}}]}


def test_the_own_volumes_and_the_machine_that_has_not_ended() -> None:
    found = cloud(
        Volumes=[volume()], Reservations=[instance("i-0", "terminated"), instance("i-1", "running")]
    )
    state = tagged_state(found, NAMES, SPEC, run="abc", identity=IDENTITY)
    held = state.first(VOLUME)
    assert held is not None
    assert (held.id, held.name) == ("vol-1", "digits-data-volume")
    assert held.outputs == {"availabilityZone": "us-east-1b"}
    assert [each.id for each in state.of_type(INSTANCE)] == ["i-1"]
    assert found.asked["describe_volumes"]["tag:runctl:stack"] == ["dev"]
    assert "tag:runctl:run" not in found.asked["describe_volumes"]
    assert found.asked["describe_instances"]["tag:runctl:run"] == ["abc"]


def test_a_group_stands_for_its_machines() -> None:
    found = cloud(
        AutoScalingGroups=[
            {"AutoScalingGroupName": "going", "Status": "Delete in progress"},
            {"AutoScalingGroupName": "runctl-digits-group-1"},
        ]
    )
    state = tagged_state(found, NAMES, job_spec(), run="abc", identity=IDENTITY)
    assert [(each.type, each.id) for each in state.resources] == [(GROUP, "runctl-digits-group-1")]
    assert "describe_volumes" not in found.asked


def test_what_is_being_deleted_is_gone() -> None:
    state = tagged_state(cloud(Volumes=[volume("deleting")]), NAMES, SPEC, run="abc", identity=IDENTITY)
    assert state.resources == ()
