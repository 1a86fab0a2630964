"""Settles what a killed operation left open: what it made and no state recorded is found and removed.

An engine notes in the state which creation it is about to ask for. When it is killed before it could note the
answer, the thing may exist: with the job's tag, and in no state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from runctl_auto.cloud.access import Cloud
from runctl_auto.errors import CloudError
from runctl_auto.stack.state import StackState
from runctl_auto.teardown.scan import Found, Scanner

_KIND_OF_TYPE = {
    "aws:ec2/instance:Instance": "instance",
    "aws:ebs/volume:Volume": "volume",
    "aws:ec2/securityGroup:SecurityGroup": "security group",
    "aws:iam/role:Role": "role",
    "aws:iam/instanceProfile:InstanceProfile": "instance profile",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:ssm/parameter:Parameter": "parameter",
}


ROLE_POLICY = "role policy"
_ROLE_POLICY_TYPE = "aws:iam/rolePolicy:RolePolicy"


def unrecorded(scanner: Scanner, state: StackState) -> tuple[Found, ...]:
    """What the open creations of ``state`` may have made: tagged as the job's, of the kinds that were being
    created, in no state and not protected."""
    policies = tuple(_role_policies(state))
    kinds = {_KIND_OF_TYPE.get(each.resource.type) for each in state.pending_creates}
    if not kinds - {None}:
        return policies
    recorded = {each.id for each in state.in_cloud()}
    found = scanner.find()
    return policies + tuple(
        each for each in found if each.kind in kinds and each.id not in recorded and not each.protected
    )


def _role_policies(state: StackState) -> Iterator[Found]:
    """Inline policies carry no tags; they are known by their role, which cannot be deleted before them."""
    for pending in state.pending_creates:
        role, name = pending.resource.inputs.get("role"), pending.resource.inputs.get("name")
        if pending.resource.type == _ROLE_POLICY_TYPE and role and name:
            command = f"aws iam delete-role-policy --role-name {role} --policy-name {name}"
            yield Found(ROLE_POLICY, f"{role}:{name}", command)


def remove_all(cloud: Cloud, found: Iterable[Found], *, owner: str) -> tuple[Found, ...]:
    """Deletes everything in ``found``, dependents first, and blocks until instances have ended.

    Returns what was removed; what resists is left to the scan at the end, which tells it. ``owner`` is the
    account that buckets must belong to.
    """
    by_kind: dict[str, list[Found]] = {}
    for each in found:
        by_kind.setdefault(each.kind, []).append(each)
    removed = []
    for kind, remove in _removers(cloud, owner).items():
        for each in by_kind.get(kind, ()):
            with suppress(CloudError):
                remove(each.id)
                removed.append(each)
    return tuple(removed)


def _removers(cloud: Cloud, owner: str) -> dict[str, Callable[[str], object]]:
    """How each kind is removed, in the order in which they can be."""
    return {
        ROLE_POLICY: lambda each: _delete_role_policy(cloud, *each.split(":", 1)),
        "instance": lambda each: _terminate(cloud, each),
        "volume": lambda each: cloud.call("ec2", "delete_volume", VolumeId=each),
        "security group": lambda each: cloud.call("ec2", "delete_security_group", GroupId=each),
        "instance profile": lambda each: _delete_profile(cloud, each),
        "role": lambda each: _delete_role(cloud, each),
        "bucket": lambda each: _delete_bucket(cloud, each, owner),
        "parameter": lambda each: cloud.call("ssm", "delete_parameter", Name=each),
    }


def _terminate(cloud: Cloud, instance: str) -> None:
    cloud.call("ec2", "terminate_instances", InstanceIds=[instance])
    waiter = cloud.client("ec2").get_waiter("instance_terminated")
    cloud.retried(
        lambda: waiter.wait(InstanceIds=[instance], WaiterConfig={"Delay": 2, "MaxAttempts": 90}),
        f"waiting for the end of {instance}",
    )


def _delete_role_policy(cloud: Cloud, role: str, policy: str) -> None:
    cloud.call("iam", "delete_role_policy", RoleName=role, PolicyName=policy)


def _delete_profile(cloud: Cloud, profile: str) -> None:
    described = cloud.call("iam", "get_instance_profile", InstanceProfileName=profile)
    for role in described["InstanceProfile"]["Roles"]:
        cloud.call(
            "iam",
            "remove_role_from_instance_profile",
            InstanceProfileName=profile,
            RoleName=role["RoleName"],
        )
    cloud.call("iam", "delete_instance_profile", InstanceProfileName=profile)


def _delete_role(cloud: Cloud, role: str) -> None:
    for policy in cloud.pages("iam", "list_role_policies", "PolicyNames", RoleName=role):
        cloud.call("iam", "delete_role_policy", RoleName=role, PolicyName=policy)
    cloud.call("iam", "delete_role", RoleName=role)


def _delete_bucket(cloud: Cloud, bucket: str, owner: str) -> None:
    place = {"Bucket": bucket, "ExpectedBucketOwner": owner}
    keys = [each["Key"] for each in cloud.pages("s3", "list_objects_v2", "Contents", **place)]
    for start in range(0, len(keys), 1000):
        objects = [{"Key": key} for key in keys[start : start + 1000]]
        cloud.call("s3", "delete_objects", Delete={"Objects": objects, "Quiet": True}, **place)
    cloud.call("s3", "delete_bucket", **place)
