"""What a killed operation may have made: only that is removed, in an order that works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any
from unittest.mock import create_autospec

import pytest
from botocore.exceptions import ClientError
from support.sessions import fake_scanner

from runctl_auto.backend.unfinished import Period
from runctl_auto.leftovers.removal import remove_all
from runctl_auto.leftovers.unrecorded import made_unnoticed, unrecorded
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.aws.records.catalogue import KINDS
from runctl_auto.providers.aws.records.roles import policies_being_created
from runctl_auto.providers.resource import CloudResource
from runctl_auto.stack.state import StackState, parse_state

VOLUME = "aws:ebs/volume:Volume"


def pending(token: str, operation: str = "creating", **inputs: Any) -> dict[str, Any]:
    return {"type": operation, "resource": {"urn": f"urn::{token}::x", "type": token, "inputs": inputs}}


def state(*operations: dict[str, Any], recorded: tuple[str, ...] = ()) -> StackState:
    resources = [
        {"urn": f"urn::{VOLUME}::{each}", "type": VOLUME, "id": each, "custom": True} for each in recorded
    ]
    return parse_state({"resources": resources, "pending_operations": list(operations)})


def scanner(*found: CloudResource) -> Any:
    fake = fake_scanner(*found)
    fake.pending_unlisted.side_effect = lambda state: tuple(policies_being_created(state))
    return fake


def remove_from(cloud: Cloud) -> Callable[[CloudResource], None]:
    return partial(AwsProvider(cloud).remove, account="111122223333")


def volume(identity: str, *, protected: bool = False) -> CloudResource:
    return CloudResource("volume", identity, "", protected)


def test_only_the_kinds_that_were_being_created_count() -> None:
    found = scanner(volume("vol-1"), CloudResource("bucket", "b", ""))
    assert unrecorded(found, state(pending(VOLUME))) == (volume("vol-1"),)


def test_a_schedule_that_was_being_made_is_found_in_its_group() -> None:
    one = CloudResource("schedule", "timer/end", "", how="tag", parent="timer")
    open_one = state(pending("aws:scheduler/schedule:Schedule"))
    assert unrecorded(scanner(one, CloudResource("schedule group", "timer", "")), open_one) == (one,)


def test_what_is_recorded_or_protected_stays() -> None:
    found = scanner(volume("vol-1"), volume("vol-2"), volume("vol-3", protected=True))
    assert unrecorded(found, state(pending(VOLUME), recorded=("vol-1",))) == (volume("vol-2"),)


@pytest.mark.parametrize("operation", ["updating", "deleting", "reading"])
def test_other_open_operations_made_nothing(operation: str) -> None:
    found = scanner(volume("vol-1"))
    assert unrecorded(found, state(pending(VOLUME, operation))) == ()
    found.find.assert_not_called()


def test_what_only_hangs_on_something_or_is_named_alike_stays() -> None:
    found = scanner(
        CloudResource("volume", "vol-1", "", how="relation"),
        CloudResource("volume", "vol-2", "", how="name", sure=False),
    )
    assert unrecorded(found, state(pending(VOLUME))) == ()


def test_what_is_recorded_of_another_kind_is_something_else() -> None:
    profile = CloudResource("instance profile", "runctl-digits-machine-1", "")
    role = {"urn": "urn::role", "type": "aws:iam/role:Role", "id": profile.id, "custom": True}
    held = parse_state(
        {
            "resources": [role],
            "pending_operations": [pending("aws:iam/instanceProfile:InstanceProfile")],
        }
    )
    assert unrecorded(scanner(profile), held) == (profile,)


def test_what_failed_to_be_created_may_exist_as_well() -> None:
    found = scanner(volume("vol-1"), CloudResource("bucket", "b", ""))
    assert unrecorded(found, state(), {VOLUME, "aws:s3/bucketPolicy:BucketPolicy"}) == (volume("vol-1"),)


def test_an_inline_policy_is_known_by_its_role() -> None:
    open_policy = pending("aws:iam/rolePolicy:RolePolicy", role="r", name="p")
    found = scanner(volume("vol-1"))
    assert [(each.kind, each.id) for each in unrecorded(found, state(open_policy))] == [
        ("role policy", "r:p")
    ]


class Aws:
    """Remembers calls; the operations in ``failing`` are refused."""

    def __init__(self, *failing: str) -> None:
        self.calls: list[str] = []
        self.failing = failing

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.calls.append(operation)
            if operation in self.failing:
                raise ClientError({"Error": {"Code": "DependencyViolation", "Message": ""}}, operation)
            if operation == "list_object_versions":
                assert parameters["ExpectedBucketOwner"] == "111122223333"
                return {"Versions": [{"Key": "a", "VersionId": "v"}]}
            if operation == "get_instance_profile":
                return {"InstanceProfile": {"Roles": [{"RoleName": "r"}]}}
            if operation == "list_attached_role_policies":
                return {"AttachedPolicies": [{"PolicyArn": "a"}]}
            return {"PolicyNames": ["p"]} if operation == "list_role_policies" else {}

        return call

    def get_waiter(self, name: str) -> Any:
        assert name == "instance_terminated"
        return create_autospec(_Waiter, instance=True)


class _Waiter:
    def wait(self, **parameters: Any) -> None: ...


EVERY_KIND = (
    "network interface",
    "spot request",
    "snapshot",
    "launch template",
    "key pair",
    "multipart upload",
    "log group",
    "bucket",
    "role",
    "instance profile",
    "security group",
    "placement group",
    "volume",
    "instance",
    "role policy",
    "parameter",
    "schedule group",
    "schedule",
    "Auto Scaling group",
)


def removed(aws: Aws, *kinds: str) -> list[str]:
    cloud = Cloud(lambda service, region: aws, "us-east-1", sleep=lambda _: None)
    found = [CloudResource(kind, "r:p" if kind == "role policy" else "x", "") for kind in kinds]
    return [each.kind for each in remove_all(found, KINDS, remove_from(cloud))]


def test_dependents_go_first() -> None:
    order = removed(Aws(), *EVERY_KIND)
    assert set(order) == set(EVERY_KIND) == set(KINDS.removal_order)
    assert order.index("instance") < order.index("volume") < order.index("security group")
    assert order.index("spot request") < order.index("instance")
    assert order.index("Auto Scaling group") < order.index("instance") < order.index("volume")
    assert order.index("Auto Scaling group") < order.index("launch template")
    assert order.index("instance") < order.index("placement group")
    assert order.index("network interface") < order.index("security group")
    assert order.index("role policy") < order.index("role")
    assert order.index("instance profile") < order.index("role")
    assert order.index("schedule") < order.index("schedule group")


def test_a_schedule_is_deleted_in_its_group() -> None:
    aws = create_autospec(Cloud, instance=True)
    schedule = CloudResource("schedule", "timer/end", "", name="end", parent="timer")
    assert remove_all([schedule], KINDS, remove_from(aws)) == (schedule,)
    aws.call.assert_called_once_with("scheduler", "delete_schedule", GroupName="timer", Name="end")


def test_a_bucket_is_emptied_and_a_role_loses_its_policies() -> None:
    aws = Aws()
    removed(aws, "bucket", "role", "instance profile")
    assert aws.calls == [
        "get_instance_profile",
        "remove_role_from_instance_profile",
        "delete_instance_profile",
        "list_role_policies",
        "delete_role_policy",
        "list_attached_role_policies",
        "detach_role_policy",
        "delete_role",
        "list_object_versions",
        "delete_objects",
        "list_object_versions",  # the same again: nothing more can be done
        "delete_bucket",
    ]


def test_what_resists_is_not_called_removed_and_stops_nothing() -> None:
    assert removed(Aws("delete_security_group"), "security group", "role") == ["role"]


def test_what_is_held_for_a_while_is_tried_again() -> None:
    aws = Aws("delete_security_group")
    slept: list[float] = []

    def give_way(seconds: float) -> None:
        slept.append(seconds)
        aws.failing = ()

    cloud = Cloud(lambda service, region: aws, "us-east-1", sleep=lambda _: None)
    things = [CloudResource("security group", "sg-1", ""), CloudResource("volume", "vol-1", "")]
    removed = remove_all(things, KINDS, remove_from(cloud), rounds=3, sleep=give_way)
    assert [each.id for each in removed] == ["vol-1", "sg-1"]
    assert aws.calls.count("delete_volume") == 1
    assert len(slept) == 1


THEN = datetime(2030, 1, 1, tzinfo=timezone.utc)
PERIOD = Period(THEN, THEN + timedelta(minutes=10))
MADE = CloudResource("volume", "vol-1", "", created_at=THEN + timedelta(minutes=5))


def unnoticed(
    *things: CloudResource, own: bool = True, recorded: tuple[str, ...] = ()
) -> tuple[CloudResource, ...]:
    return made_unnoticed(
        things,
        state(recorded=recorded),
        (PERIOD,),
        lambda _: own,
        kinds=KINDS,
        listed=("vol-listed",),
    )


@pytest.mark.parametrize(
    "kind",
    [
        "instance",
        "volume",
        "snapshot",
        "role",
        "instance profile",
        "bucket",
        "parameter",
        "security group",
        "schedule",
        "schedule group",
        "Auto Scaling group",
    ],
)
def test_what_was_made_while_an_update_failed_goes(kind: str) -> None:
    made = replace(MADE, kind=kind)
    assert unnoticed(made) == (made,)
    assert unnoticed(made, own=False) == ()


@pytest.mark.parametrize(
    "thing",
    [
        replace(MADE, id="vol-recorded"),
        replace(MADE, id="vol-listed"),
        replace(MADE, protected=True),
        replace(MADE, created_at=THEN - timedelta(minutes=2)),
        replace(MADE, created_at=THEN + timedelta(minutes=12)),
        replace(MADE, created_at=None),
        replace(MADE, kind="network interface"),
        replace(MADE, kind="log group"),
    ],
)
def test_what_was_there_before_or_came_later_or_no_stack_makes_stays(thing: CloudResource) -> None:
    assert unnoticed(thing, recorded=("vol-recorded",)) == ()


def test_a_machine_that_a_recorded_group_launched_is_none_of_the_updates() -> None:
    group = "aws:autoscaling/group:Group"
    recorded = {"urn": f"urn::{group}::g", "type": group, "id": "runctl-g", "custom": True}
    machine = replace(MADE, kind="instance", id="i-1", parent="runctl-g")

    def left(*resources: dict[str, Any]) -> tuple[CloudResource, ...]:
        held = parse_state({"resources": list(resources)})
        return made_unnoticed([machine], held, (PERIOD,), lambda _: True, kinds=KINDS)

    assert left(recorded) == ()
    assert left() == (machine,)
