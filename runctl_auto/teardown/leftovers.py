"""Removes what a killed operation made and no state recorded, found by the job's own tag."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from runctl_auto.cloud import Cloud
from runctl_auto.errors import CloudError
from runctl_auto.teardown.scan import Found


def remove_unrecorded(cloud: Cloud, found: Iterable[Found], kept: Collection[str]) -> None:
    """Deletes everything in ``found`` but ``kept``, dependents first. What resists is left for the scan.

    Only for what carries the job's tag and is in no state; the caller has destroyed the stack before.
    """
    removers = _removers(cloud)
    by_kind: dict[str, list[Found]] = {}
    for each in found:
        if each.id not in kept:
            by_kind.setdefault(each.kind, []).append(each)
    for kind, remove in removers.items():
        for each in by_kind.get(kind, ()):
            with suppress(CloudError):
                remove(each.id)


def _removers(cloud: Cloud) -> dict[str, Callable[[str], object]]:
    """How each kind is removed, in the order in which they can be."""
    return {
        "spot request": lambda each: cloud.call(
            "ec2", "cancel_spot_instance_requests", SpotInstanceRequestIds=[each]
        ),
        "instance": lambda each: _terminate(cloud, each),
        "volume": lambda each: cloud.call("ec2", "delete_volume", VolumeId=each),
        "network interface": lambda each: cloud.call(
            "ec2", "delete_network_interface", NetworkInterfaceId=each
        ),
        "security group": lambda each: cloud.call("ec2", "delete_security_group", GroupId=each),
        "instance profile": lambda each: _delete_profile(cloud, each),
        "role": lambda each: _delete_role(cloud, each),
        "bucket": lambda each: _delete_bucket(cloud, each),
        "parameter": lambda each: cloud.call("ssm", "delete_parameter", Name=each),
    }


def _terminate(cloud: Cloud, instance: str) -> None:
    cloud.call("ec2", "terminate_instances", InstanceIds=[instance])
    waiter = cloud.client("ec2").get_waiter("instance_terminated")
    cloud.retried(
        lambda: waiter.wait(InstanceIds=[instance], WaiterConfig={"Delay": 2, "MaxAttempts": 90}),
        f"waiting for the end of {instance}",
    )


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


def _delete_bucket(cloud: Cloud, bucket: str) -> None:
    keys = [each["Key"] for each in cloud.pages("s3", "list_objects_v2", "Contents", Bucket=bucket)]
    for start in range(0, len(keys), 1000):
        objects = [{"Key": key} for key in keys[start : start + 1000]]
        cloud.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    cloud.call("s3", "delete_bucket", Bucket=bucket)
