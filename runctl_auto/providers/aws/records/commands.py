"""The commands of the AWS CLI that remove something, for people who have no runctl at hand."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from runctl_auto.providers import resource as found

_EC2 = {
    found.INSTANCE: "terminate-instances --instance-ids",
    found.VOLUME: "delete-volume --volume-id",
    found.INTERFACE: "delete-network-interface --network-interface-id",
    found.SECURITY_GROUP: "delete-security-group --group-id",
    found.SPOT_REQUEST: "cancel-spot-instance-requests --spot-instance-request-ids",
    found.SNAPSHOT: "delete-snapshot --snapshot-id",
    found.LAUNCH_TEMPLATE: "delete-launch-template --launch-template-id",
    found.KEY_PAIR: "delete-key-pair --key-name",
}


def remove_ec2(kind: str, region: str, identity: str) -> str:
    return f"aws ec2 --region {region} {_EC2[kind]} {quote(identity)}"


def remove_bucket(region: str, bucket: str) -> str:
    return f"aws s3 --region {region} rb --force s3://{quote(bucket)}"


def abort_upload(region: str, bucket: str, key: str, upload: str) -> str:
    return (
        f"aws s3api --region {region} abort-multipart-upload --bucket {quote(bucket)} "
        f"--key {quote(key)} --upload-id {quote(upload)}"
    )


def remove_parameter(region: str, name: str) -> str:
    return f"aws ssm --region {region} delete-parameter --name {quote(name)}"


def remove_log_group(region: str, name: str) -> str:
    return f"aws logs --region {region} delete-log-group --log-group-name {quote(name)}"


def remove_schedule(region: str, group: str, name: str) -> str:
    return f"aws scheduler --region {region} delete-schedule --group-name {quote(group)} --name {quote(name)}"


def remove_schedule_group(region: str, name: str) -> str:
    """Its schedules are deleted with it."""
    return f"aws scheduler --region {region} delete-schedule-group --name {quote(name)}"


def remove_role_policy(role: str, policy: str) -> str:
    return f"aws iam delete-role-policy --role-name {quote(role)} --policy-name {quote(policy)}"


def remove_role(role: str, inline: Iterable[str], attached: Iterable[str]) -> str:
    """A role can be deleted once it has no policies, and after the profile that it is in."""
    name = quote(role)
    return " && ".join(
        (
            *(remove_role_policy(role, policy) for policy in inline),
            *(f"aws iam detach-role-policy --role-name {name} --policy-arn {quote(arn)}" for arn in attached),
            f"aws iam delete-role --role-name {name}",
        )
    )


def remove_profile(profile: str, roles: Iterable[str]) -> str:
    return " && ".join(
        (
            *(
                f"aws iam remove-role-from-instance-profile --instance-profile-name {quote(profile)} "
                f"--role-name {quote(role)}"
                for role in roles
            ),
            f"aws iam delete-instance-profile --instance-profile-name {quote(profile)}",
        )
    )
