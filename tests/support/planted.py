"""Leaks of the 17 kinds, planted as a job's, and 17 look-alikes of other owners.

Uses AWS only: of runctl, nothing but its documented names and tags.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

ClientOf = Callable[[str], Any]
KINDS = (
    "volume",
    "network interface",
    "spot request",
    "multipart upload",
    "snapshot",
    "log group",
    "Auto Scaling group",
    "launch template",
    "key pair",
    "role",
    "instance profile",
    "security group",
    "placement group",
    "bucket",
    "parameter",
    "schedule group",
    "schedule",
)
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": ["ec2.amazonaws.com", "scheduler.amazonaws.com"]},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/*"}],
    }
)


@dataclass(frozen=True)
class Owner:
    """Owner of the planted resources. ``digest`` is the suffix of physical names; ``tags`` may be empty."""

    job: str
    digest: str
    tags: tuple[tuple[str, str], ...]

    def name(self, role: str) -> str:
        return f"runctl-{self.job}-{role}-{self.digest}"

    def listed(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.tags]

    def specification(self, kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": self.listed()}] if self.tags else []


def plant(client_of: ClientOf, owner: Owner, *, named: bool = True) -> dict[str, str]:
    """Create one resource per kind; return the ids by kind. Those found by relation or name have no tags.

    With ``named`` False, names are not runctl's, and everything that can be tagged has the owner's tags.
    """
    name = owner.name if named else (lambda role: f"mine-{owner.job}-{role}")
    in_ec2 = _in_ec2(client_of("ec2"), client_of("ssm"), owner, name, named=named)
    return {
        **in_ec2,
        **_scaling_group(client_of, owner, name, in_ec2["launch template"]),
        **_in_s3(client_of("s3"), owner, name),
        **_in_iam(client_of("iam"), owner, name),
        **_records(client_of("ssm"), client_of("logs"), owner, named=named),
        **_schedules(client_of("scheduler"), client_of("iam"), owner, name),
    }


def _in_ec2(ec2: Any, ssm: Any, owner: Owner, name: Callable[[str], str], *, named: bool) -> dict[str, str]:
    volume = ec2.create_volume(
        AvailabilityZone="us-east-1a",
        Size=73,
        VolumeType="gp3",
        TagSpecifications=owner.specification("volume"),
    )["VolumeId"]
    by_relation = [] if named else owner.specification("snapshot")
    snapshot = ec2.create_snapshot(VolumeId=volume, TagSpecifications=by_relation)["SnapshotId"]
    group = ec2.create_security_group(
        GroupName=name("network"),
        Description="planted",
        TagSpecifications=owner.specification("security-group"),
    )["GroupId"]
    close = ec2.create_placement_group(
        GroupName=name("cluster"),
        Strategy="cluster",
        TagSpecifications=[] if named else owner.specification("placement-group"),
    )["PlacementGroup"]["GroupId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = ec2.create_network_interface(
        SubnetId=subnet,
        Groups=[group],
        Description="planted",
        TagSpecifications=[] if named else owner.specification("network-interface"),
    )["NetworkInterface"]["NetworkInterfaceId"]
    image = ssm.get_parameter(Name=IMAGE)["Parameter"]["Value"]
    template = ec2.create_launch_template(
        LaunchTemplateName=name("machine"),
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"},
        TagSpecifications=[] if named else owner.specification("launch-template"),
    )["LaunchTemplate"]["LaunchTemplateId"]
    pair = ec2.create_key_pair(KeyName=name("machine"), TagSpecifications=owner.specification("key-pair"))
    instance = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        InstanceMarketOptions={"MarketType": "spot"},
        TagSpecifications=owner.specification("spot-instances-request"),
    )["Instances"][0]
    requests = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    request = next(
        each["SpotInstanceRequestId"] for each in requests if each.get("InstanceId") == instance["InstanceId"]
    )
    return {
        "volume": volume,
        "snapshot": snapshot,
        "security group": group,
        "placement group": close,
        "network interface": interface,
        "launch template": template,
        "key pair": pair["KeyPairId"],
        "spot request": request,
    }


def _scaling_group(
    client_of: ClientOf, owner: Owner, name: Callable[[str], str], template: str
) -> dict[str, str]:
    """A group that would launch a machine, with a scheduled action, which goes with it."""
    group = name("group")
    subnet = client_of("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    scaling = client_of("autoscaling")
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=group,
        MinSize=0,
        MaxSize=1,
        DesiredCapacity=1,
        LaunchTemplate={"LaunchTemplateId": template, "Version": "1"},
        VPCZoneIdentifier=subnet,
        Tags=[{**each, "PropagateAtLaunch": True} for each in owner.listed()],
    )
    scaling.put_scheduled_update_group_action(
        AutoScalingGroupName=group,
        ScheduledActionName="end",
        StartTime=datetime(2100, 1, 1, tzinfo=timezone.utc),
        DesiredCapacity=0,
    )
    return {"Auto Scaling group": group}


def _in_s3(s3: Any, owner: Owner, name: Callable[[str], str]) -> dict[str, str]:
    bucket = name("artifacts")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="runs/r1/status.json", Body=b"{}")
    if owner.tags:
        s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": owner.listed()})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="it's a key/model.bin")["UploadId"]
    return {"bucket": bucket, "multipart upload": upload}


def _in_iam(iam: Any, owner: Owner, name: Callable[[str], str]) -> dict[str, str]:
    role = name("machine")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=_TRUST, Tags=owner.listed())
    iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=_POLICY)
    iam.create_instance_profile(InstanceProfileName=role, Tags=owner.listed())
    iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
    return {"role": role, "instance profile": role}


def _records(ssm: Any, logs: Any, owner: Owner, *, named: bool) -> dict[str, str]:
    begin = "/runctl/" if named else "/mine/"
    parameter, group = f"{begin}{owner.job}/TOKEN", f"{begin}{owner.job}/agent"
    tags = {} if named or not owner.tags else {"Tags": owner.listed()}
    ssm.put_parameter(Name=parameter, Value="v", Type="SecureString", **tags)
    logs.create_log_group(logGroupName=group)
    if not named and owner.tags:
        logs.tag_log_group(logGroupName=group, tags=dict(owner.tags))
    return {"parameter": parameter, "log group": group}


def _schedules(scheduler: Any, iam: Any, owner: Owner, name: Callable[[str], str]) -> dict[str, str]:
    """A tagged group, and a schedule in it; schedules cannot be tagged."""
    group, schedule = name("timer"), name("end")
    scheduler.create_schedule_group(Name=group, Tags=owner.listed())
    scheduler.create_schedule(
        Name=schedule,
        GroupName=group,
        ScheduleExpression="at(2100-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
            "RoleArn": iam.get_role(RoleName=name("machine"))["Role"]["Arn"],
            "Input": json.dumps({"InstanceIds": ["i-00000000000000000"]}),
        },
    )
    return {"schedule group": group, "schedule": f"{group}/{schedule}"}
