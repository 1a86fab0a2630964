"""The form of a training environment in which the cloud itself makes the next machine."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.training_environments import IDENTITY, declared, environment_args, with_machine

from components.environment import VolumeRequest
from components.machine_group import UNCHANGED
from components.training_environment import (
    GroupRequest,
    TrainingEnvironmentArgs,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

GROUP = GroupRequest(
    name="runctl-digits-group-1",
    instance_types=["g5.xlarge", "g4dn.xlarge"],
    subnets=["subnet-1", "subnet-2"],
    root_device="/dev/sda1",
    ends_at=1_800_000_000,
)


@pytest.fixture
def args(tmp_path: Path) -> TrainingEnvironmentArgs:
    return replace(
        with_machine(environment_args(tmp_path), group=GROUP),
        volumes=[
            VolumeRequest(name="data", size_gb=100, mount="/data"),
            VolumeRequest(name="old", id="vol-12345678", mount="/old"),
        ],
    )


def group_of(args: TrainingEnvironmentArgs) -> dict[str, Any]:
    return declared(args).named("digits-machines-group").inputs


def test_takes_the_place_of_instance_and_attachments(args: TrainingEnvironmentArgs) -> None:
    single, grouped = declared(with_machine(args, group=None)).types, declared(args).types
    assert {kind for _, kind in grouped.items() - single.items()} == {
        "runctl:aws:MachineGroup",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:autoscaling/group:Group",
        "aws:autoscaling/schedule:Schedule",
    }
    assert {kind for _, kind in single.items() - grouped.items()} == {
        "runctl:aws:SpotInstance",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/instance:Instance",
        "aws:ec2/volumeAttachment:VolumeAttachment",
    }


def test_an_ended_run_has_no_group(args: TrainingEnvironmentArgs) -> None:
    assert not [
        each for each in declared(replace(args, machine=None)).types.values() if "autoscaling" in each
    ]


def test_wants_one_machine_until_its_run_has_ended(args: TrainingEnvironmentArgs) -> None:
    group = declared(args).named("digits-machines-group")
    sizes = {key: group.inputs[key] for key in ("minSize", "maxSize", "desiredCapacity")}
    assert sizes == {"minSize": 0, "maxSize": 1, "desiredCapacity": 1}
    assert group.options["ignoreChanges"] == ["desiredCapacity"]
    assert group.options["deleteBeforeReplace"] is True
    assert group.inputs["waitForCapacityTimeout"] == "0"


def test_leaves_a_machine_that_trains_alone(args: TrainingEnvironmentArgs) -> None:
    group = group_of(args)
    assert group["suspendedProcesses"] == ["AZRebalance"]
    assert group["capacityRebalance"] is False


@pytest.mark.parametrize(
    ("market", "on_demand", "price"), [("spot", 0, "0.600000"), ("on-demand", 100, None)]
)
def test_launches_any_of_its_types_anywhere_on_its_market(
    args: TrainingEnvironmentArgs, market: Any, on_demand: int, price: str | None
) -> None:
    group = group_of(with_machine(args, market=market))
    policy = group["mixedInstancesPolicy"]
    distribution = policy["instancesDistribution"]
    assert distribution["onDemandPercentageAboveBaseCapacity"] == on_demand
    assert distribution["onDemandBaseCapacity"] == 0
    assert distribution["spotAllocationStrategy"] == "price-capacity-optimized"
    assert distribution.get("spotMaxPrice") == price
    assert policy["launchTemplate"]["overrides"] == [
        {"instanceType": "g5.xlarge"},
        {"instanceType": "g4dn.xlarge"},
    ]
    assert policy["launchTemplate"]["launchTemplateSpecification"] == {
        "launchTemplateId": "digits-machines-template-id",
        "version": "1",
    }
    assert group["vpcZoneIdentifiers"] == ["subnet-1", "subnet-2"]


def test_its_machines_carry_all_tags(args: TrainingEnvironmentArgs) -> None:
    wanted = {**IDENTITY, "runctl:run": "abc123", "team": "nlp"}
    group = group_of(args)
    assert all(each["propagateAtLaunch"] is True for each in group["tags"])
    tags = {each["key"]: each["value"] for each in group["tags"]}
    assert tags.items() >= wanted.items()
    assert "runctl:protected" not in tags
    template = declared(args).named("digits-machines-template").inputs
    made = {each["resourceType"]: each["tags"] for each in template["tagSpecifications"]}
    assert made.keys() == {"instance", "volume", "network-interface", "spot-instances-request"}
    assert all(each.items() >= wanted.items() for each in made.values())


def test_its_template_is_a_whole_machine_that_ends_for_good(args: TrainingEnvironmentArgs) -> None:
    template = declared(args).named("digits-machines-template").inputs
    assert template["instanceInitiatedShutdownBehavior"] == "terminate"
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 2,
        "instanceMetadataTags": "enabled",
    }
    assert template["blockDeviceMappings"] == [
        {
            "deviceName": "/dev/sda1",
            "ebs": {
                "volumeSize": 80,
                "volumeType": "gp3",
                "encrypted": "true",
                "deleteOnTermination": "true",
            },
        }
    ]
    assert (template["imageId"], template["instanceType"]) == ("ami-1", "g5.xlarge")
    assert base64.b64decode(template["userData"]) == b"#!/bin/bash\n"
    assert "instanceMarketOptions" not in template
    (interface,) = template["networkInterfaces"]
    assert interface["securityGroups"] == ["digits-network-group-id"]
    assert "associatePublicIpAddress" not in interface


def test_tags_that_the_metadata_service_cannot_tell_are_not_told(args: TrainingEnvironmentArgs) -> None:
    """With such a tag the launch would fail; the machine then knows nothing of a failed boot before it."""
    template = declared(replace(args, tags={"cost/center": "nlp"})).named("digits-machines-template").inputs
    assert "instanceMetadataTags" not in template["metadataOptions"]


def test_a_template_for_on_demand_tags_no_spot_request(args: TrainingEnvironmentArgs) -> None:
    """AWS refuses to launch on-demand from a template that does."""
    template = declared(with_machine(args, market="on-demand")).named("digits-machines-template").inputs
    tagged = {each["resourceType"] for each in template["tagSpecifications"]}
    assert tagged == {"instance", "volume", "network-interface"}


def test_a_public_address_is_asked_for_where_it_is_the_way_out(args: TrainingEnvironmentArgs) -> None:
    template = declared(with_machine(args, public_address=True)).named("digits-machines-template").inputs
    assert template["networkInterfaces"][0]["associatePublicIpAddress"] == "true"


def test_the_cloud_ends_it_at_the_latest_end(args: TrainingEnvironmentArgs) -> None:
    action = declared(args).named("digits-machines-end").inputs
    assert action["startTime"] == "2027-01-15T08:00:00Z"
    sizes = {key: action[key] for key in ("minSize", "maxSize", "desiredCapacity")}
    assert sizes == {"minSize": 0, "maxSize": UNCHANGED, "desiredCapacity": 0}
    endless = with_machine(args, group=replace(GROUP, ends_at=None))
    assert "digits-machines-end" not in declared(endless).types


def test_boots_only_when_all_it_needs_is_there(args: TrainingEnvironmentArgs) -> None:
    assert declared(args).named("digits-machines-group").dependencies >= {
        "digits-iam-policy",
        "digits-iam-profile",
        "digits-artifacts-policy",
        "digits-code",
        "digits-agent",
        "digits-spec",
        "digits-data-volume",
    }


def test_the_machine_attaches_its_volumes_itself(args: TrainingEnvironmentArgs) -> None:
    found = declared(args)
    assert json.loads(found.named("digits-spec").inputs["content"])["volumes"] == [
        {"name": "data", "id": "digits-data-volume-id", "mount": "/data", "device": "/dev/sdf"},
        {"name": "old", "id": "vol-12345678", "mount": "/old", "device": "/dev/sdg"},
    ]
    place = "123456789012"
    statements = {
        each["Sid"]: each
        for each in json.loads(found.named("digits-iam-policy").inputs["policy"])["Statement"]
    }
    assert statements["EndOwnGroup"]["Action"] == ["autoscaling:SetDesiredCapacity"]
    assert statements["EndOwnGroup"]["Resource"] == [
        f"arn:aws:autoscaling:eu-west-1:{place}:autoScalingGroup:*:autoScalingGroupName/runctl-digits-group-1"
    ]
    assert statements["AttachOwnVolumes"]["Resource"] == [
        f"arn:aws:ec2:eu-west-1:{place}:instance/*",
        f"arn:aws:ec2:eu-west-1:{place}:volume/*",
    ]
    assert statements["AttachOwnVolumes"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/runctl:job": "digits"}
    }
    assert statements["AttachNamedVolumes"]["Resource"] == [
        f"arn:aws:ec2:eu-west-1:{place}:volume/vol-12345678"
    ]


@pytest.mark.parametrize("grouped", [True, False])
def test_no_more_is_allowed_than_the_form_needs(args: TrainingEnvironmentArgs, grouped: bool) -> None:
    plain = replace(args, volumes=[])
    found = declared(plain if grouped else with_machine(plain, group=None))
    policy = json.loads(found.named("digits-iam-policy").inputs["policy"])
    actions = {action for each in policy["Statement"] for action in each["Action"]}
    assert ("autoscaling:SetDesiredCapacity" in actions) is grouped
    assert "ec2:AttachVolume" not in actions


def test_every_child_is_named_from_its_parent(args: TrainingEnvironmentArgs) -> None:
    for each in declared(args).resources[1:]:
        assert each.name.startswith(f"{each.parent}-"), each
