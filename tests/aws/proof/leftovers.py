"""Looks for what a run left, with the service's own list calls: independent of runctl's search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aws.proof.account import Account, code_of

_LIVE_INSTANCES = ["pending", "running", "stopping", "stopped", "shutting-down"]
_LIVE_REQUESTS = ["open", "active", "disabled"]


def left_of(account: Account, job: str) -> list[str]:
    """Everything in the account's region that carries the job's tag or name, as ``kind id``."""
    return sorted(
        {
            *_ec2(account, job),
            *_groups(account, job),
            *_s3(account, job),
            *_iam(account, job),
            *_others(account, job),
        }
    )


def _ec2(account: Account, job: str) -> Iterator[str]:
    ec2 = account.client("ec2")
    tagged = {"Name": "tag:runctl:job", "Values": [job]}
    instances = [tagged, {"Name": "instance-state-name", "Values": _LIVE_INSTANCES}]
    requests = [tagged, {"Name": "state", "Values": _LIVE_REQUESTS}]
    for reservation in ec2.describe_instances(Filters=instances)["Reservations"]:
        yield from (f"instance {each['InstanceId']}" for each in reservation["Instances"])
    for each in ec2.describe_spot_instance_requests(Filters=requests)["SpotInstanceRequests"]:
        yield f"spot request {each['SpotInstanceRequestId']}"
    for operation, items, key, more in (
        ("describe_volumes", "Volumes", "VolumeId", {}),
        ("describe_snapshots", "Snapshots", "SnapshotId", {"OwnerIds": ["self"]}),
        ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId", {}),
        ("describe_security_groups", "SecurityGroups", "GroupId", {}),
        ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", {}),
    ):
        for each in getattr(ec2, operation)(Filters=[tagged], **more)[items]:
            if each.get("State") not in ("deleting", "deleted"):
                yield f"{items.lower().rstrip('s')} {each[key]}"


def _groups(account: Account, job: str) -> Iterator[str]:
    tagged = [{"Name": "tag:runctl:job", "Values": [job]}]
    for each in account.client("autoscaling").describe_auto_scaling_groups(Filters=tagged)[
        "AutoScalingGroups"
    ]:
        yield f"Auto Scaling group {each['AutoScalingGroupName']}"


def _s3(account: Account, job: str) -> Iterator[str]:
    for each in account.client("s3").list_buckets()["Buckets"]:
        if each["Name"].startswith(f"runctl-{job}-"):
            yield f"bucket {each['Name']}"


def _iam(account: Account, job: str) -> Iterator[str]:
    iam = account.client("iam")
    for kind, operation, items, key in (
        ("role", "list_roles", "Roles", "RoleName"),
        ("instance profile", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ):
        for page in iam.get_paginator(operation).paginate():
            yield from (
                f"{kind} {each[key]}" for each in page[items] if each[key].startswith(f"runctl-{job}-")
            )


def _others(account: Account, job: str) -> Iterator[str]:
    ssm, scheduler, logs = (account.client(each) for each in ("ssm", "scheduler", "logs"))
    path = {"Key": "Path", "Option": "Recursive", "Values": [f"/runctl/{job}/"]}
    for each in ssm.describe_parameters(ParameterFilters=[path])["Parameters"]:
        yield f"parameter {each['Name']}"
    for each in _scheduled(scheduler, job):
        yield f"schedule group {each['Name']}"
    for each in logs.describe_log_groups(logGroupNamePrefix=f"/runctl/{job}/")["logGroups"]:
        yield f"log group {each['logGroupName']}"


def _scheduled(scheduler: Any, job: str) -> list[dict[str, Any]]:
    try:
        listed = scheduler.list_schedule_groups(NamePrefix=f"runctl-{job}-")["ScheduleGroups"]
    except Exception as error:
        if code_of(error) == "EndpointConnectionError":  # a region without the service
            return []
        raise
    return [each for each in listed if each.get("State") != "DELETING"]
