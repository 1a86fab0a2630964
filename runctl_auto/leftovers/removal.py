"""Removes what was found, dependents first. What resists is told by staying."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from runctl_auto.errors import CloudError
from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.resource import CloudResource

_PAUSE_SECONDS = 2.0
_OBJECTS_A_CALL = 1000


def remove_all(
    cloud: Cloud,
    things: Iterable[CloudResource],
    *,
    owner: str,
    rounds: int = 1,
    sleep: Callable[[float], None] | None = None,
) -> tuple[CloudResource, ...]:
    """Deletes ``things`` and blocks until instances have ended. What was removed, in that order.

    What another thing still holds is tried again, ``rounds`` times in all; what resists then is left to the
    look that follows. ``owner`` is the account that buckets must belong to.
    """
    removers = _removers(cloud, owner)
    left = sorted(
        (each for each in things if each.kind in removers), key=lambda each: list(removers).index(each.kind)
    )
    removed: list[CloudResource] = []
    for number in range(rounds):
        if number and left and sleep is not None:
            sleep(_PAUSE_SECONDS)
        left = [each for each in left if not _removed(removers[each.kind], each, removed)]
    return tuple(removed)


def _removed(
    remove: Callable[[CloudResource], object], thing: CloudResource, removed: list[CloudResource]
) -> bool:
    try:
        remove(thing)
    except CloudError:
        return False
    removed.append(thing)
    return True


def _removers(cloud: Cloud, owner: str) -> dict[str, Callable[[CloudResource], object]]:
    """How each kind is removed, in the order in which they can be."""

    def ec2(operation: str, key: str) -> Callable[[CloudResource], object]:
        return lambda each: cloud.call("ec2", operation, **{key: each.id})

    return {
        found.ROLE_POLICY: lambda each: _delete_role_policy(cloud, *each.id.split(":", 1)),
        found.SPOT_REQUEST: lambda each: cloud.call(
            "ec2", "cancel_spot_instance_requests", SpotInstanceRequestIds=[each.id]
        ),
        found.INSTANCE: lambda each: _terminate(cloud, each.id),
        found.SCHEDULE: lambda each: cloud.call(
            "scheduler", "delete_schedule", GroupName=each.parent, Name=each.name
        ),
        found.SCHEDULE_GROUP: lambda each: cloud.call("scheduler", "delete_schedule_group", Name=each.id),
        found.INTERFACE: ec2("delete_network_interface", "NetworkInterfaceId"),
        found.SNAPSHOT: ec2("delete_snapshot", "SnapshotId"),
        found.VOLUME: ec2("delete_volume", "VolumeId"),
        found.SECURITY_GROUP: ec2("delete_security_group", "GroupId"),
        found.LAUNCH_TEMPLATE: ec2("delete_launch_template", "LaunchTemplateId"),
        found.KEY_PAIR: lambda each: cloud.call("ec2", "delete_key_pair", KeyName=each.name),
        found.PROFILE: lambda each: _delete_profile(cloud, each.id),
        found.ROLE: lambda each: _delete_role(cloud, each.id),
        found.UPLOAD: lambda each: _abort(cloud, each, owner),
        found.BUCKET: lambda each: _delete_bucket(cloud, each.id, owner),
        found.PARAMETER: lambda each: cloud.call("ssm", "delete_parameter", Name=each.id),
        found.LOG_GROUP: lambda each: cloud.call("logs", "delete_log_group", logGroupName=each.id),
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
        _delete_role_policy(cloud, role, policy)
    for attached in cloud.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role):
        cloud.call("iam", "detach_role_policy", RoleName=role, PolicyArn=attached["PolicyArn"])
    cloud.call("iam", "delete_role", RoleName=role)


def _abort(cloud: Cloud, upload: CloudResource, owner: str) -> None:
    identity = upload.id.rpartition("#")[2]
    place = {"Bucket": upload.parent, "ExpectedBucketOwner": owner}
    cloud.call("s3", "abort_multipart_upload", Key=upload.name, UploadId=identity, **place)


def _delete_bucket(cloud: Cloud, bucket: str, owner: str) -> None:
    place = {"Bucket": bucket, "ExpectedBucketOwner": owner}
    keys = [each["Key"] for each in cloud.pages("s3", "list_objects_v2", "Contents", **place)]
    for start in range(0, len(keys), _OBJECTS_A_CALL):
        objects = [{"Key": key} for key in keys[start : start + _OBJECTS_A_CALL]]
        cloud.call("s3", "delete_objects", Delete={"Objects": objects, "Quiet": True}, **place)
    cloud.call("s3", "delete_bucket", **place)
