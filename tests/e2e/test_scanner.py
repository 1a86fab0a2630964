"""The tests' own scanner sees what it is there to see, before it is believed when it sees nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import emulated_cloud
from support.cloud_scanner import leaks

pytestmark = pytest.mark.sandbox

JOB = "planted"
TAGS = [{"Key": "runctl:job", "Value": JOB}]


def client(service: str, cloud_url: str) -> Any:
    return emulated_cloud.client(cloud_url, service)


def test_planted_leaks_are_seen_and_gone_when_removed(cloud_url: str) -> None:
    ec2, s3, iam = (client(service, cloud_url) for service in ("ec2", "s3", "iam"))
    assert leaks(JOB, cloud_url) == []

    volume = ec2.create_volume(
        AvailabilityZone="us-east-1a",
        Size=1,
        TagSpecifications=[{"ResourceType": "volume", "Tags": TAGS}],
    )["VolumeId"]
    s3.create_bucket(Bucket=f"runctl-{JOB}-artifacts-00000000")
    trust = {"Version": "2012-10-17", "Statement": []}
    iam.create_role(
        RoleName=f"runctl-{JOB}-machine-00000000", AssumeRolePolicyDocument=json.dumps(trust), Tags=TAGS
    )
    group = ec2.create_security_group(
        GroupName=f"runctl-{JOB}-network-00000000", Description="planted", TagSpecifications=[]
    )["GroupId"]
    image = client("ssm", cloud_url).get_parameter(
        Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    )["Parameter"]["Value"]
    instance = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        InstanceMarketOptions={"MarketType": "spot"},
        TagSpecifications=[{"ResourceType": "spot-instances-request", "Tags": TAGS}],
    )["Instances"][0]

    kinds = {found.kind for found in leaks(JOB, cloud_url)}
    assert {"volume", "bucket", "role", "security-group", "spot-request"} <= kinds

    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    ec2.get_waiter("instance_terminated").wait(
        InstanceIds=[instance["InstanceId"]], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    ec2.delete_volume(VolumeId=volume)
    ec2.delete_security_group(GroupId=group)
    s3.delete_bucket(Bucket=f"runctl-{JOB}-artifacts-00000000")
    iam.delete_role(RoleName=f"runctl-{JOB}-machine-00000000")
    assert leaks(JOB, cloud_url) == []
