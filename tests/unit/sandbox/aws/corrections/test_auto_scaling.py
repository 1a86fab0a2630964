"""Groups over the API: what is launched from which template, where, and what AWS refuses."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.cloud.scaling.groups import Activity, Member
from sandbox.aws.cloud.scaling.keeper import Keeper, Launch, LaunchRefused, first_that_launches
from sandbox.aws.cloud.scaling.moto_cloud import MotoGroupCloud, moto_groups
from sandbox.aws.cloud.scaling.pools import Pool
from sandbox.aws.inventory import inventory

NAME = "runctl-g"


class Scaling:
    """The service with one template, and the keeper's steps."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.api = cloud.client("autoscaling")
        self.ec2 = cloud.ec2
        self._group_cloud = MotoGroupCloud(cloud.lifecycle)
        self._keeper = Keeper(moto_groups(), self._group_cloud, cloud.clock)
        found = self.ec2.describe_subnets()["Subnets"]
        self.subnets = [each["SubnetId"] for each in sorted(found, key=lambda each: each["AvailabilityZone"])]

    def template(self, name: str = "a-template", **data: Any) -> str:
        given = {"ImageId": self.cloud.image(), "InstanceType": "m5.large", **data}
        made = self.ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=given)
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def create(
        self, template: str, *, types: tuple[str, ...] = ("m5.large", "c5.large"), **more: Any
    ) -> None:
        spot = {
            "OnDemandPercentageAboveBaseCapacity": 0,
            "SpotAllocationStrategy": "price-capacity-optimized",
        }
        policy = {
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {"LaunchTemplateId": template, "Version": "1"},
                "Overrides": [{"InstanceType": each} for each in types],
            },
            "InstancesDistribution": spot,
        }
        asked = {
            "AutoScalingGroupName": NAME,
            "MinSize": 0,
            "MaxSize": 1,
            "DesiredCapacity": 1,
            "VPCZoneIdentifier": ",".join(self.subnets[:2]),
            "MixedInstancesPolicy": policy,
            **more,
        }
        self.api.create_auto_scaling_group(
            **{key: value for key, value in asked.items() if value is not None}
        )

    def step(self, seconds: float = 0.0) -> None:
        self.cloud.after(seconds)
        for launch in self._keeper.review():
            self._keeper.launched(launch, first_that_launches(launch, self._run))
        self._keeper.review()

    def _run(self, launch: Launch, place: Pool) -> Member:
        try:
            made = self.ec2.run_instances(**self._group_cloud.request(launch, place))["Instances"][0]
        except ClientError as error:
            told = error.response["Error"]
            raise LaunchRefused(told["Code"], told["Message"]) from error
        zone = made["Placement"]["AvailabilityZone"]
        return Member(
            made["InstanceId"], made["InstanceType"], zone, made["ImageId"], {}, Activity("", "", 0.0, {})
        )

    def group(self) -> dict[str, Any] | None:
        found = self.api.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])["AutoScalingGroups"]
        return dict(found[0]) if found else None

    def machine(self) -> dict[str, Any]:
        group = self.group()
        assert group is not None
        (member,) = group["Instances"]
        return dict(self.cloud.describe(member["InstanceId"]))

    def activities(self) -> list[dict[str, Any]]:
        return list(self.api.describe_scaling_activities(AutoScalingGroupName=NAME)["Activities"])


@pytest.fixture
def scaling(corrected: Any) -> Scaling:
    return Scaling(corrected)


def refused(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    told = caught.value.response["Error"]
    return f"{told['Code']}: {told['Message']}"


def test_a_machine_has_everything_that_its_template_and_group_say(cloud: Any) -> None:
    scaling = Scaling(cloud)
    security_group = scaling.ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    tags = [{"Key": "runctl:job", "Value": "j"}]
    template = scaling.template(
        UserData=base64.b64encode(b"#!/bin/sh").decode(),
        InstanceInitiatedShutdownBehavior="terminate",
        MetadataOptions={"HttpTokens": "required"},
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 40, "Encrypted": True}}],
        NetworkInterfaces=[{"DeviceIndex": 0, "AssociatePublicIpAddress": True, "Groups": [security_group]}],
        TagSpecifications=[
            {"ResourceType": each, "Tags": tags} for each in ("instance", "volume", "spot-instances-request")
        ],
    )
    passed_on = {"Key": "runctl:run", "Value": "r1", "PropagateAtLaunch": True}
    kept = {"Key": "own", "Value": "x", "PropagateAtLaunch": False}
    scaling.create(template, Tags=[passed_on, kept])
    scaling.step()
    machine = scaling.machine()
    assert machine["InstanceType"] == "c5.large", "the cheaper of the two"
    assert machine["InstanceLifecycle"] == "spot"
    assert machine["SubnetId"] in scaling.subnets[:2]
    assert machine["SecurityGroups"][0]["GroupId"] == security_group
    assert machine["PublicIpAddress"]
    assert {each["Key"]: each["Value"] for each in machine["Tags"]} == {
        "runctl:job": "j",
        "runctl:run": "r1",
        "aws:autoscaling:groupName": NAME,
        "aws:ec2launchtemplate:id": template,
        "aws:ec2launchtemplate:version": "1",
    }
    volume = scaling.ec2.describe_volumes()["Volumes"][0]
    assert (volume["Size"], volume["Encrypted"], volume["Tags"]) == (40, True, tags)
    request = scaling.ec2.describe_spot_instance_requests()["SpotInstanceRequests"][0]
    assert (request["InstanceId"], request["Tags"]) == (machine["InstanceId"], tags)
    for attribute, value in (
        ("instanceInitiatedShutdownBehavior", "terminate"),
        ("userData", base64.b64encode(b"#!/bin/sh").decode()),
    ):
        told = scaling.ec2.describe_instance_attribute(InstanceId=machine["InstanceId"], Attribute=attribute)
        assert told[attribute[0].upper() + attribute[1:]]["Value"] == value


def test_an_ended_machine_is_replaced_and_both_are_in_the_activities(cloud: Any) -> None:
    scaling = Scaling(cloud)
    scaling.create(scaling.template())
    scaling.step()
    first = scaling.machine()["InstanceId"]
    scaling.ec2.terminate_instances(InstanceIds=[first])
    scaling.step(5)
    scaling.step(1)
    second = scaling.machine()["InstanceId"]
    scaling.step(1)
    assert second != first
    group = scaling.group()
    assert group is not None
    assert [(each["LifecycleState"], each["HealthStatus"]) for each in group["Instances"]] == [
        ("InService", "Healthy")
    ]
    told = [(each["StatusCode"], each["Description"]) for each in scaling.activities()]
    assert told == [
        ("Successful", f"Launching a new EC2 instance: {second}"),
        ("Successful", f"Terminating EC2 instance: {first}"),
        ("Successful", f"Launching a new EC2 instance: {first}"),
    ]


def test_a_price_below_the_markets_is_a_failed_activity(cloud: Any) -> None:
    scaling = Scaling(cloud)
    template = scaling.template()
    scaling.create(template)
    policy = (scaling.group() or {})["MixedInstancesPolicy"]
    policy["InstancesDistribution"]["SpotMaxPrice"] = "0.0001"
    scaling.api.update_auto_scaling_group(AutoScalingGroupName=NAME, MixedInstancesPolicy=policy)
    scaling.step()
    told = scaling.activities()
    assert {each["StatusCode"] for each in told} == {"Failed"}
    assert len(told) == 2, "one a zone"
    assert told[0]["StatusMessage"].startswith("Could not launch Spot Instances. SpotMaxPriceTooLow - Your")
    assert told[0]["StatusMessage"].endswith("Launching EC2 instance failed.")
    assert (scaling.group() or {})["Instances"] == []


def test_a_scheduled_action_ends_the_machine_and_is_then_forgotten(cloud: Any) -> None:
    scaling = Scaling(cloud)
    scaling.create(scaling.template())
    scaling.step()
    end = datetime.fromtimestamp(cloud.clock.now, timezone.utc) + timedelta(seconds=60)
    named = {"AutoScalingGroupName": NAME, "ScheduledActionName": "end"}
    scaling.api.put_scheduled_update_group_action(**named, StartTime=end, MinSize=0, DesiredCapacity=0)
    (told,) = scaling.api.describe_scheduled_actions(AutoScalingGroupName=NAME)["ScheduledUpdateGroupActions"]
    assert (told["StartTime"], told["DesiredCapacity"], "MaxSize" in told) == (end, 0, False)
    scaling.step(59)
    assert scaling.machine()["State"]["Name"] == "running"
    scaling.step(2)
    assert scaling.machine()["State"]["Name"] == "shutting-down"
    scaling.step(5)
    group = scaling.group()
    assert group is not None
    assert (group["DesiredCapacity"], group["MaxSize"], group["Instances"]) == (0, 1, [])
    left = scaling.api.describe_scheduled_actions(AutoScalingGroupName=NAME)["ScheduledUpdateGroupActions"]
    assert left == []


def test_two_groups_may_have_actions_of_one_name(cloud: Any) -> None:
    scaling = Scaling(cloud)
    template = scaling.template()
    end = datetime.fromtimestamp(cloud.clock.now, timezone.utc) + timedelta(hours=1)
    for name in ("one", "two"):
        scaling.create(template, AutoScalingGroupName=name)
        scaling.api.put_scheduled_update_group_action(
            AutoScalingGroupName=name, ScheduledActionName="end", StartTime=end, DesiredCapacity=0
        )
    scaling.api.delete_scheduled_action(AutoScalingGroupName="one", ScheduledActionName="end")
    left = scaling.api.describe_scheduled_actions()["ScheduledUpdateGroupActions"]
    assert [each["AutoScalingGroupName"] for each in left] == ["two"]


def test_an_update_keeps_what_it_does_not_name(scaling: Scaling) -> None:
    scaling.create(scaling.template(), DefaultCooldown=7)
    before = scaling.group()
    scaling.api.update_auto_scaling_group(AutoScalingGroupName=NAME, MaxSize=0)
    after = scaling.group()
    assert before is not None
    assert after is not None
    assert after == {**before, "MaxSize": 0, "DesiredCapacity": 0}


def test_a_new_version_of_the_template_is_for_the_next_machine(scaling: Scaling) -> None:
    template = scaling.template()
    scaling.create(template)
    scaling.step()
    first = scaling.machine()["InstanceId"]
    data = {"ImageId": scaling.cloud.image(), "UserData": base64.b64encode(b"new").decode()}
    scaling.ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=data)
    policy = (scaling.group() or {})["MixedInstancesPolicy"]
    policy["LaunchTemplate"]["LaunchTemplateSpecification"] = {"LaunchTemplateId": template, "Version": "2"}
    scaling.api.update_auto_scaling_group(AutoScalingGroupName=NAME, MixedInstancesPolicy=policy)
    scaling.step(1)
    assert scaling.machine()["InstanceId"] == first
    scaling.cloud.terminate(first)
    scaling.step()
    scaling.step(1)
    told = scaling.ec2.describe_instance_attribute(
        InstanceId=scaling.machine()["InstanceId"], Attribute="userData"
    )
    assert base64.b64decode(told["UserData"]["Value"]) == b"new"


def test_a_machine_that_is_ended_through_the_group(scaling: Scaling) -> None:
    scaling.create(scaling.template())
    scaling.step()
    first = scaling.machine()["InstanceId"]
    ended = scaling.api.terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=False
    )
    assert ended["Activity"]["Description"] == f"Terminating EC2 instance: {first}"
    scaling.step(5)
    scaling.step(1)
    second = scaling.machine()["InstanceId"]
    assert second != first
    scaling.api.terminate_instance_in_auto_scaling_group(
        InstanceId=second, ShouldDecrementDesiredCapacity=True
    )
    scaling.step(5)
    assert scaling.group() == {**(scaling.group() or {}), "DesiredCapacity": 0, "Instances": []}
    assert "shrinking the capacity from 1 to 0" in scaling.activities()[0]["Cause"]
    told = refused(
        scaling.api.terminate_instance_in_auto_scaling_group,
        InstanceId=second,
        ShouldDecrementDesiredCapacity=True,
    )
    assert "not found" in told


def test_a_deletion_needs_force_while_there_are_machines(scaling: Scaling) -> None:
    scaling.create(scaling.template())
    scaling.step()
    assert refused(scaling.api.delete_auto_scaling_group, AutoScalingGroupName=NAME).startswith(
        "ResourceInUse"
    )
    scaling.api.delete_auto_scaling_group(AutoScalingGroupName=NAME, ForceDelete=True)
    group = scaling.group()
    assert group is not None
    assert group["Status"] == "Delete in progress"
    told = refused(scaling.api.set_desired_capacity, AutoScalingGroupName=NAME, DesiredCapacity=0)
    assert "pending delete" in told
    assert [each["id"] for each in inventory()["scaling-group"]] == [NAME]
    assert [each["parent"] for each in inventory()["instance"]] == [NAME]
    scaling.step()
    scaling.step(5)
    assert scaling.group() is None
    assert "scaling-group" not in inventory()


def test_tags_and_protection_and_processes(scaling: Scaling) -> None:
    scaling.create(scaling.template())
    scaling.step()
    tag = {"ResourceId": NAME, "ResourceType": "auto-scaling-group", "Key": "a", "PropagateAtLaunch": True}
    scaling.api.create_or_update_tags(Tags=[{**tag, "Value": "1"}, {**tag, "Key": "b", "Value": "2"}])
    scaling.api.delete_tags(Tags=[{**tag, "Key": "b"}])
    assert [(each["Key"], each["Value"]) for each in scaling.api.describe_tags()["Tags"]] == [("a", "1")]
    by_tag = scaling.api.describe_auto_scaling_groups(Filters=[{"Name": "tag:a", "Values": ["1"]}])
    assert [each["AutoScalingGroupName"] for each in by_tag["AutoScalingGroups"]] == [NAME]
    other = scaling.api.describe_auto_scaling_groups(Filters=[{"Name": "tag-key", "Values": ["b"]}])
    assert other["AutoScalingGroups"] == []
    first = scaling.machine()["InstanceId"]
    scaling.api.set_instance_protection(
        AutoScalingGroupName=NAME, InstanceIds=[first], ProtectedFromScaleIn=True
    )
    (told,) = scaling.api.describe_auto_scaling_instances(InstanceIds=[first])["AutoScalingInstances"]
    assert (told["AutoScalingGroupName"], told["ProtectedFromScaleIn"]) == (NAME, True)
    scaling.api.suspend_processes(AutoScalingGroupName=NAME, ScalingProcesses=["AZRebalance", "Launch"])
    scaling.api.resume_processes(AutoScalingGroupName=NAME, ScalingProcesses=["Launch"])
    suspended = (scaling.group() or {})["SuspendedProcesses"]
    assert [each["ProcessName"] for each in suspended] == ["AZRebalance"]


def test_activities_come_in_pages_newest_first(scaling: Scaling) -> None:
    scaling.create(scaling.template())
    for _ in range(3):
        scaling.step()
        scaling.cloud.terminate(scaling.machine()["InstanceId"])
        scaling.step()
        scaling.step(1)
    pages = scaling.api.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName=NAME, MaxRecords=2
    )
    found = [each["ActivityId"] for page in pages for each in page["Activities"]]
    assert found == [each["ActivityId"] for each in scaling.activities()]
    assert len(found) >= 6


REFUSED_TEMPLATES: list[tuple[dict[str, Any], str]] = [
    ({"ImageId": "ami-0123456789abcdef0"}, "The image id '[ami-0123456789abcdef0]' does not exist"),
    ({"IamInstanceProfile": {"Name": "nobody"}}, "Invalid IAM Instance Profile name"),
    ({"InstanceMarketOptions": {"MarketType": "spot"}}, "InstanceMarketOptions"),
    ({"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-1"}]}, "must not name a subnet"),
    (
        {"NetworkInterfaces": [{"DeviceIndex": 0}], "SecurityGroupIds": ["sg-1"]},
        "may not be specified on the same request",
    ),
]


@pytest.mark.parametrize(("data", "why"), REFUSED_TEMPLATES)
def test_a_template_from_which_nothing_can_be_launched_is_refused(
    scaling: Scaling, data: dict[str, Any], why: str
) -> None:
    template = scaling.template(**data)
    assert why in refused(scaling.create, template=template)
    assert scaling.group() is None


def test_what_aws_or_the_sandbox_refuses(scaling: Scaling) -> None:
    template = scaling.template()
    assert "does not exist" in refused(scaling.create, template="lt-0123456789abcdef0")
    assert "VPCZoneIdentifier" in refused(scaling.create, template=template, VPCZoneIdentifier=None)
    assert "does not exist" in refused(scaling.create, template=template, VPCZoneIdentifier="subnet-1")
    assert "Invalid value" in refused(scaling.create, template=template, types=("x9.huge",))
    assert "must be between" in refused(scaling.create, template=template, DesiredCapacity=2)
    for name, value in (("CapacityRebalance", True), ("HealthCheckType", "ELB"), ("TargetGroupARNs", ["a"])):
        assert "The sandbox's groups" in refused(scaling.create, template=template, **{name: value})
    scaling.create(template)
    assert refused(scaling.create, template=template).startswith("AlreadyExists")
    capacity = scaling.api.set_desired_capacity
    above = refused(capacity, AutoScalingGroupName=NAME, DesiredCapacity=2)
    assert above == (
        "ValidationError: New SetDesiredCapacity value 2 is above max value 1 for the AutoScalingGroup."
    )
    assert "not found" in refused(capacity, AutoScalingGroupName="nobody", DesiredCapacity=0)
    put = scaling.api.put_scheduled_update_group_action
    named = {"AutoScalingGroupName": NAME, "ScheduledActionName": "end", "DesiredCapacity": 0}
    past = datetime.fromtimestamp(scaling.cloud.clock.now, timezone.utc) - timedelta(seconds=1)
    assert "in the past" in refused(put, **named, StartTime=past)
    assert "StartTime" in refused(put, **named)
    assert "once" in refused(put, **named, Recurrence="0 0 * * *")
    delete = scaling.api.delete_scheduled_action
    assert "not found" in refused(delete, AutoScalingGroupName=NAME, ScheduledActionName="none")


def test_a_profile_that_iam_has_not_told_of_yet_is_invalid(scaling: Scaling) -> None:
    scaling.cloud.consistency.delay_seconds = 5.0
    iam = scaling.cloud.client("iam")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    template = scaling.template(IamInstanceProfile={"Name": "p"})
    assert "Invalid IAM Instance Profile name" in refused(scaling.create, template=template)
    scaling.cloud.after(6)
    scaling.create(template)
    scaling.step()
    scaling.step(6)
    assert scaling.machine()["IamInstanceProfile"]["Arn"].endswith("instance-profile/p")
