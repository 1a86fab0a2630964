"""Groups and their machines: found together, removed together."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.emulated_account import account
from support.planted import Owner, plant

from components.naming import Names
from runctl_auto.errors import AccessDeniedError, CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.scaling_groups import MACHINE_TAG, SCALING_GROUP
from runctl_auto.providers.aws.records.scanner import AwsScanner
from runctl_auto.providers.resource import CloudResource

__all__ = ["account"]

ACCOUNT, REGION, JOB = "123456789012", "us-east-1", "planted"
GROUP = CloudResource("Auto Scaling group", "runctl-planted-machine-1f", "", job=JOB)


def test_a_machine_without_tags_of_its_own_is_found_by_its_group(account: Any) -> None:
    digest = Names(account=ACCOUNT, region=REGION, project="runctl", job=JOB).bucket()[-8:]
    planted = plant(account.client, Owner(JOB, digest, (("runctl:job", JOB), ("runctl:owner", "ann"))))
    ec2 = account.client("ec2")
    template = ec2.describe_launch_template_versions(LaunchTemplateId=planted["launch template"])
    image = template["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"]
    tags = [{"Key": MACHINE_TAG, "Value": planted["Auto Scaling group"]}]
    machine = ec2.run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )["Instances"][0]["InstanceId"]
    found = {each.id: each for each in AwsScanner(account.cloud, JOB, ACCOUNT, "ann").find()}
    assert (found[machine].how, found[machine].parent, found[machine].owner) == (
        "relation",
        planted["Auto Scaling group"],
        "ann",
    )


class Scaling:
    """The service's answers to one deletion: how often it still lists the group, and how it refuses."""

    def __init__(self, listed: int = 0, refusal: str = "") -> None:
        self.listed, self.refusal = listed, refusal
        self.deleted: list[dict[str, Any]] = []
        self.pauses: list[float] = []

    def delete_auto_scaling_group(self, **parameters: Any) -> dict[str, Any]:
        self.deleted.append(parameters)
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": "no"}}, "DeleteAutoScalingGroup")
        return {}

    def describe_auto_scaling_groups(self, **parameters: Any) -> dict[str, Any]:
        assert parameters["AutoScalingGroupNames"] == [GROUP.id]
        self.listed -= 1
        return {"AutoScalingGroups": [{"AutoScalingGroupName": GROUP.id}] if self.listed >= 0 else []}

    def remove(self) -> None:
        cloud = Cloud(lambda service, region: self, REGION, sleep=self.pauses.append)
        SCALING_GROUP.remove(cloud, GROUP, ACCOUNT)


def test_a_removal_lasts_until_the_last_machine_has_ended() -> None:
    scaling = Scaling(listed=3)
    scaling.remove()
    assert scaling.deleted == [{"AutoScalingGroupName": GROUP.id, "ForceDelete": True}]
    assert scaling.pauses == [2.0] * 3


def test_a_group_that_is_gone_already_is_removed() -> None:
    Scaling(refusal="ValidationError").remove()


@pytest.mark.parametrize(
    ("scaling", "error"),
    [
        (Scaling(listed=1, refusal="ValidationError"), CloudError),
        (Scaling(refusal="AccessDenied"), AccessDeniedError),
        (Scaling(listed=1000), CloudError),
    ],
)
def test_a_group_that_stays_is_an_error(scaling: Scaling, error: type[CloudError]) -> None:
    with pytest.raises(error):
        scaling.remove()
    assert sum(scaling.pauses) <= 300
