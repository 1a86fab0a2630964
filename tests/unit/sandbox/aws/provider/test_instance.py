"""Instances: waiting, what an end on the way means, spot, and what makes a new one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.aws.provider import operations
from sandbox.aws.provider.checking import check
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.registry import resource_types
from sandbox.aws.provider.resource import Known
from sandbox.aws.provider.schema import Change
from sandbox.aws.provider.types.instance import Instance
from sandbox.aws.provider.types.instance_facts import spot_request
from sandbox.aws.provider.types.instance_launch import launch_parameters, user_data_to_send

IDENTIFIER = "i-0123"


class ScriptedCloud(Cloud):
    """A cloud whose calls are answered by functions, and recorded."""

    answers: dict[str, Callable[..., Any]]
    calls: list[str]

    def call(self, service: str, operation: str, doing: str = "", **parameters: Any) -> dict[str, Any]:
        self.work.check()
        self.calls.append(operation)
        return dict(self.answers[operation](**parameters))


@pytest.fixture
def scripted(some_cloud: Cloud) -> ScriptedCloud:
    fields = {name: getattr(some_cloud, name) for name in some_cloud.__dataclass_fields__}
    cloud = ScriptedCloud(**fields)
    object.__setattr__(cloud, "answers", {})
    object.__setattr__(cloud, "calls", [])
    return cloud


def in_states(*states: str) -> Callable[..., Any]:
    """Descriptions that go through the states, the last one for ever."""
    remaining = list(states)

    def describe(**_: Any) -> dict[str, Any]:
        state = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        if state == "unknown":
            raise CloudError("", "InvalidInstanceID.NotFound", "no")
        reason = {"Code": "Server.InsufficientInstanceCapacity", "Message": "none left"}
        instance = {"InstanceId": IDENTIFIER, "State": {"Name": state}, "StateReason": reason}
        return {"Reservations": [{"Instances": [instance]}]}

    return describe


def test_creation_waits_until_it_runs(scripted: ScriptedCloud, clock: Any) -> None:
    scripted.answers["describe_instances"] = in_states("unknown", "pending", "pending", "running")
    Instance().settle(scripted, IDENTIFIER, {})
    assert len(clock.waits) == 3


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_an_instance_that_ends_while_starting_fails_with_its_reason(
    scripted: ScriptedCloud, state: str
) -> None:
    scripted.answers["describe_instances"] = in_states("pending", state)
    with pytest.raises(CloudError, match=r"Server\.InsufficientInstanceCapacity: none left") as failed:
        Instance().settle(scripted, IDENTIFIER, {})
    assert failed.value.code == "Server.InsufficientInstanceCapacity"


def test_a_failure_after_the_launch_is_told_with_the_id(scripted: ScriptedCloud) -> None:
    scripted.answers |= {
        "run_instances": lambda **_: {"Instances": [{"InstanceId": IDENTIFIER}]},
        "describe_instances": in_states("pending", "terminated"),
    }
    inputs = {"ami": "ami-1", "instanceType": "t3.micro", "tagsAll": {"a": "1"}}
    made = operations.create(Instance(), scripted, scripted, inputs)
    assert made.identifier == IDENTIFIER
    assert made.reasons[0].startswith(f"waiting for EC2 Instance ({IDENTIFIER}) create: unexpected state")
    assert made.outputs == inputs


def test_what_was_left_undone_is_done_by_the_next_update(mocked_cloud: Cloud) -> None:
    inputs = {"bucket": "half-made", "tagsAll": {"a": "1"}, "forceDestroy": False}
    resource = resource_types()["aws:s3/bucket:Bucket"]
    identifier = resource.create(mocked_cloud, inputs)
    state = {**inputs, "region": mocked_cloud.region}
    made = operations.update(resource, mocked_cloud, mocked_cloud, identifier, state=state, inputs=inputs)
    assert made.reasons == ()
    assert made.outputs["tagsAll"] == {"a": "1"}


def test_deletion_waits_until_it_has_ended(scripted: ScriptedCloud, clock: Any) -> None:
    scripted.answers |= {
        "terminate_instances": lambda **_: {},
        "describe_instances": in_states("shutting-down", "shutting-down", "terminated"),
    }
    Instance().delete(scripted, IDENTIFIER, {})
    assert len(clock.waits) == 2


def test_deletion_cancels_the_spot_request(scripted: ScriptedCloud) -> None:
    scripted.answers |= {
        "terminate_instances": lambda **_: {},
        "cancel_spot_instance_requests": lambda **parameters: parameters,
        "describe_instances": in_states("terminated"),
    }
    Instance().delete(scripted, IDENTIFIER, {"spotInstanceRequestId": "sir-1"})
    assert "cancel_spot_instance_requests" in scripted.calls


def test_a_spot_request_that_is_not_seen_yet_is_not_waited_for(scripted: ScriptedCloud, clock: Any) -> None:
    """As in the official provider, whose sentence has no code."""
    refusal = CloudError("", "InvalidSpotInstanceRequestID.NotFound", "no")

    def unseen(**_: Any) -> dict[str, Any]:
        raise refusal

    scripted.answers["describe_spot_instance_requests"] = unseen
    with pytest.raises(CloudError) as failed:
        spot_request(scripted, "sir-1")
    assert str(failed.value) == "reading EC2 Spot Instance Request (sir-1): couldn't find resource"
    assert clock.waits == []


def test_what_ended_is_gone_and_what_shuts_down_is_not(scripted: ScriptedCloud) -> None:
    scripted.answers["describe_instances"] = in_states("terminated")
    assert Instance().read(scripted, IDENTIFIER, Known()) is None
    scripted.answers["describe_instances"] = in_states("unknown")
    assert Instance().read(scripted, IDENTIFIER, Known()) is None


def test_one_that_shuts_down_is_still_read(mocked_cloud: Cloud) -> None:
    identifier = launched(mocked_cloud)
    from moto.ec2 import ec2_backends

    instance = ec2_backends["123456789012"]["us-west-2"].get_instance(identifier)
    instance._state.name = "shutting-down"
    outputs = Instance().read(mocked_cloud, identifier, Known())
    assert outputs is not None
    assert outputs["instanceState"] == "shutting-down"


def launched(cloud: Cloud, **more: Any) -> str:
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    image = cloud.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"]
    return Instance().create(cloud, {"ami": image, "instanceType": "t3.micro", **more})


def test_a_profile_that_is_not_seen_yet_is_waited_for(scripted: ScriptedCloud, clock: Any) -> None:
    attempts = iter([True, True, False])

    def run(**_: Any) -> dict[str, Any]:
        if next(attempts):
            raise CloudError("", "InvalidParameterValue", "Value (p) ... Invalid IAM Instance Profile name")
        return {"Instances": [{"InstanceId": IDENTIFIER}]}

    scripted.answers["run_instances"] = run
    inputs = {"ami": "ami-1", "instanceType": "t3.micro", "iamInstanceProfile": "p"}
    assert Instance().create(scripted, inputs) == IDENTIFIER
    assert len(clock.waits) == 2


def test_any_other_invalid_value_is_raised_at_once(scripted: ScriptedCloud, clock: Any) -> None:
    def run(**_: Any) -> dict[str, Any]:
        raise CloudError("", "InvalidParameterValue", "another one")

    scripted.answers["run_instances"] = run
    with pytest.raises(CloudError, match="another one"):
        Instance().create(scripted, {"ami": "ami-1", "instanceType": "t3.micro"})
    assert clock.waits == []


def test_the_launch_asks_for_all_that_was_stated(some_cloud: Cloud) -> None:
    parameters = launch_parameters(
        some_cloud,
        {
            "ami": "ami-1",
            "instanceType": "g5.xlarge",
            "iamInstanceProfile": "profile",
            "instanceInitiatedShutdownBehavior": "terminate",
            "launchTemplate": {"id": "lt-1", "version": "3"},
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
            "instanceMarketOptions": {
                "marketType": "spot",
                "spotOptions": {
                    "maxPrice": "0.5",
                    "spotInstanceType": "one-time",
                    "instanceInterruptionBehavior": "terminate",
                },
            },
            "rootBlockDevice": {"deviceName": "/dev/xvda", "volumeSize": 50, "encrypted": True},
            "subnetId": "subnet-1",
            "vpcSecurityGroupIds": ["sg-1"],
            "userData": "#!/bin/sh\n",
            "tagsAll": {"a": "1"},
            "volumeTags": {"v": "1"},
        },
    )
    assert len(parameters.pop("ClientToken")) == 36
    assert parameters == {
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50, "Encrypted": True}}],
        "IamInstanceProfile": {"Name": "profile"},
        "ImageId": "ami-1",
        "InstanceInitiatedShutdownBehavior": "terminate",
        "InstanceMarketOptions": {
            "MarketType": "spot",
            "SpotOptions": {
                "MaxPrice": "0.5",
                "SpotInstanceType": "one-time",
                "InstanceInterruptionBehavior": "terminate",
            },
        },
        "InstanceType": "g5.xlarge",
        "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "3"},
        "MaxCount": 1,
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "MinCount": 1,
        "SecurityGroupIds": ["sg-1"],
        "SubnetId": "subnet-1",
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}]},
            {"ResourceType": "volume", "Tags": [{"Key": "v", "Value": "1"}]},
        ],
        "UserData": b"#!/bin/sh\n",
    }


def test_a_stated_public_address_needs_an_interface(some_cloud: Cloud) -> None:
    parameters = launch_parameters(
        some_cloud,
        {"associatePublicIpAddress": False, "subnetId": "subnet-1", "vpcSecurityGroupIds": ["sg-1"]},
    )
    assert parameters["NetworkInterfaces"] == [
        {"DeviceIndex": 0, "AssociatePublicIpAddress": False, "SubnetId": "subnet-1", "Groups": ["sg-1"]}
    ]
    assert "SubnetId" not in parameters


@pytest.mark.parametrize(
    ("inputs", "sent"),
    [
        ({}, None),
        ({"userData": "echo hällo"}, "echo hällo".encode()),
        ({"userData": base64.b64encode(b"bytes").decode()}, b"bytes"),
        ({"userDataBase64": base64.b64encode(b"\x1f\x8b\xff").decode()}, b"\x1f\x8b\xff"),
    ],
)
def test_user_data_is_encoded_once(inputs: dict[str, str], sent: bytes | None) -> None:
    assert user_data_to_send(inputs) == sent


def test_user_data_is_clear_text_in_state(mocked_cloud: Cloud) -> None:
    text = "#!/bin/sh\necho hällo\n"
    identifier = launched(mocked_cloud, userData=text)
    outputs = Instance().read(mocked_cloud, identifier, Known({"userData": text}))
    assert outputs is not None
    assert outputs["userData"] == text


def test_the_root_volume_gets_its_tags_and_the_providers(mocked_cloud: Cloud) -> None:
    root = {"deviceName": "/dev/xvda", "volumeSize": 20, "tags": {"own": "1"}}
    inputs = {"rootBlockDevice": root, "tagsAll": {"instance": "1"}}
    identifier = launched(mocked_cloud, **inputs)
    Instance().settle(mocked_cloud, identifier, inputs)
    outputs = Instance().read(mocked_cloud, identifier, Known(inputs))
    assert outputs is not None
    assert outputs["rootBlockDevice"]["tags"] == {"own": "1"}
    assert outputs["rootBlockDevice"]["tagsAll"] == {"own": "1", "runctl:project": "p"}


def attributes_modified(cloud: ScriptedCloud, **inputs: Any) -> list[dict[str, Any]]:
    """What a creation with these inputs sets by ModifyInstanceAttribute."""
    modified: list[dict[str, Any]] = []
    cloud.answers |= {
        "run_instances": lambda **_: {"Instances": [{"InstanceId": IDENTIFIER}]},
        "describe_instances": in_states("running"),
        "modify_instance_attribute": lambda **parameters: modified.append(parameters) or {},
    }
    given = {"ami": "ami-1", "instanceType": "t3.micro", **inputs}
    Instance().settle(cloud, Instance().create(cloud, given), given)
    return modified


def test_a_stated_shutdown_behaviour_is_set_again_after_the_launch(scripted: ScriptedCloud) -> None:
    assert attributes_modified(scripted, instanceInitiatedShutdownBehavior="terminate") == [
        {"InstanceId": IDENTIFIER, "InstanceInitiatedShutdownBehavior": {"Value": "terminate"}}
    ]


def test_nothing_is_set_after_a_launch_from_a_template(scripted: ScriptedCloud) -> None:
    template = {"id": "lt-1", "version": "1"}
    assert attributes_modified(scripted, launchTemplate=template, sourceDestCheck=True) == []


def from_template(cloud: Cloud, version: str) -> tuple[dict[str, Any], str]:
    """Inputs with a new template, and the id of an instance launched so."""
    template = resource_types()["aws:ec2/launchTemplate:LaunchTemplate"].create(
        cloud, {"name": "the-template"}
    )
    inputs = {"launchTemplate": {"id": template, "version": version}, "sourceDestCheck": True}
    return inputs, launched(cloud, **inputs)


@pytest.mark.parametrize("version", ["1", "$Default", "$Latest"])
def test_the_template_is_told_as_it_was_stated(mocked_cloud: Cloud, version: str) -> None:
    inputs, identifier = from_template(mocked_cloud, version)
    outputs = Instance().read(mocked_cloud, identifier, Known(inputs))
    assert outputs is not None
    assert outputs["launchTemplate"] == {**inputs["launchTemplate"], "name": "the-template"}
    assert operations.plan_changes(Instance(), mocked_cloud, outputs, inputs) == []


def test_another_version_of_the_template_makes_a_new_instance(mocked_cloud: Cloud) -> None:
    inputs, identifier = from_template(mocked_cloud, "1")
    outputs = Instance().read(mocked_cloud, identifier, Known(inputs))
    assert outputs is not None
    wanted = {**inputs, "launchTemplate": {**inputs["launchTemplate"], "version": "2"}}
    found = operations.plan_changes(Instance(), mocked_cloud, outputs, wanted)
    assert {one.path: one.change for one in found} == {"launchTemplate.version": Change.REPLACE}


def test_a_market_that_is_no_longer_stated_is_no_difference(some_cloud: Cloud) -> None:
    """The official provider computes it: a program must say otherwise that it wants another machine."""
    spot = {"marketType": "spot", "spotOptions": {"spotInstanceType": "one-time"}}
    state = {"region": "us-west-2", "instanceMarketOptions": spot, "sourceDestCheck": True}
    assert operations.plan_changes(Instance(), some_cloud, state, {"sourceDestCheck": True}) == []


@pytest.mark.parametrize(("replaced", "change"), [(True, Change.REPLACE), (False, Change.UPDATE)])
def test_changed_user_data_makes_a_new_instance_if_asked(
    some_cloud: Cloud, replaced: bool, change: Change
) -> None:
    state = {
        "region": "us-west-2",
        "userData": "one",
        "userDataReplaceOnChange": replaced,
        "sourceDestCheck": True,
    }
    inputs = {"userData": "two", "userDataReplaceOnChange": replaced, "sourceDestCheck": True}
    found = operations.plan_changes(Instance(), some_cloud, state, inputs)
    assert {one.path: one.change for one in found} == {"userData": change}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"instanceType": "t3.micro"}, "ami"),
        ({"ami": "ami-1"}, "instanceType"),
        ({"ami": "a", "instanceType": "t", "userData": "x", "userDataBase64": "eA=="}, "userData"),
        (
            {
                "ami": "a",
                "instanceType": "t",
                "volumeTags": {"a": "1"},
                "rootBlockDevice": {"tags": {"b": "1"}},
            },
            "volumeTags",
        ),
    ],
)
def test_inputs_that_do_not_go_together(given: dict[str, Any], problem: str) -> None:
    resource = resource_types()[Instance.token]
    _, problems = check(resource, "it", given=given, before={}, default_tags={}, seed=b"")
    assert [one.input for one in problems] == [problem]


def test_stopping_and_starting_for_another_type(scripted: ScriptedCloud) -> None:
    scripted.answers |= {
        "describe_instances": in_states("running", "stopping", "stopped", "pending", "running"),
        "stop_instances": lambda **_: {},
        "modify_instance_attribute": lambda **_: {},
        "start_instances": lambda **_: {},
    }
    Instance().update(
        scripted, IDENTIFIER, {"instanceType": "a"}, {"instanceType": "b"}, frozenset({"instanceType"})
    )
    assert [name for name in scripted.calls if name != "describe_instances"] == [
        "stop_instances",
        "modify_instance_attribute",
        "start_instances",
    ]


def test_a_one_time_spot_instance_cannot_be_stopped(scripted: ScriptedCloud) -> None:
    def stop(**_: Any) -> dict[str, Any]:
        raise CloudError("", "UnsupportedOperation", "You can't stop the Spot Instance")

    scripted.answers |= {"describe_instances": in_states("running"), "stop_instances": stop}
    with pytest.raises(CloudError, match="You can't stop the Spot Instance"):
        Instance().update(
            scripted, IDENTIFIER, {"instanceType": "a"}, {"instanceType": "b"}, frozenset({"instanceType"})
        )
    assert "modify_instance_attribute" not in scripted.calls


@pytest.mark.parametrize(
    ("changed", "unknown"),
    [({"tagSpecifications"}, True), ({"tags", "tagsAll"}, True), ({"description"}, False)],
)
def test_a_preview_takes_the_version_of_a_changed_template_for_unknown(
    changed: set[str], unknown: bool
) -> None:
    template = resource_types()["aws:ec2/launchTemplate:LaunchTemplate"]
    assert template.unsettled(frozenset(changed)) == (
        frozenset({"latestVersion"}) if unknown else frozenset()
    )
