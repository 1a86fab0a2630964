"""Each type's table of inputs against the installed SDK: no input of the SDK is without a row."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pulumi_aws
import pytest
from pulumi._types import input_type_py_to_pulumi_names

from sandbox.aws.provider.checking import check
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.operations import plan_changes
from sandbox.aws.provider.registry import functions, resource_types
from sandbox.aws.provider.resource import ResourceType
from sandbox.aws.provider.schema import Change, Field, Kind
from sandbox.aws.provider.types.instance_changes import UPDATABLE
from sandbox.aws.provider.wire import Asset

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the SDK's own, on import

TYPES = sorted(resource_types().items())
ROWS = [(token, name) for token, resource in TYPES for name in resource.inputs]


def sdk_module(token: str) -> Any:
    module, _, kind = token.removeprefix("aws:").partition(":")
    folder, _, name = module.partition("/")
    getattr(getattr(pulumi_aws, folder), kind)  # the SDK loads a folder when one of its names is used
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return importlib.import_module(f"pulumi_aws.{folder}.{snake}")


def sdk_inputs(token: str) -> dict[str, bool]:
    """Name on the wire of each input of the SDK's class, and whether it is required."""
    name = token.rsplit(":", maxsplit=1)[-1]
    module = sdk_module(token)
    arguments = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
    parameters = inspect.signature(arguments.__init__).parameters
    return {
        wire: parameters[python].default is inspect.Parameter.empty
        for python, wire in input_type_py_to_pulumi_names(arguments).items()
    }


def sdk_outputs(token: str) -> set[str]:
    from pulumi._types import _py_properties

    resource = getattr(sdk_module(token), token.rsplit(":", maxsplit=1)[-1])
    return {wire for _, wire, _ in _py_properties(resource)}


@pytest.mark.parametrize(("token", "resource"), TYPES)
def test_every_input_of_the_sdk_has_a_row_and_no_other_has(token: str, resource: ResourceType) -> None:
    assert resource.inputs.keys() - {"tagsAll"} == sdk_inputs(token).keys()


@pytest.mark.parametrize(("token", "resource"), TYPES)
def test_what_the_sdk_requires_is_required_and_nothing_else(token: str, resource: ResourceType) -> None:
    required = {name for name, field in resource.inputs.items() if field.required}
    assert required == {name for name, required in sdk_inputs(token).items() if required}


@pytest.mark.parametrize(("token", "resource"), TYPES)
def test_outputs_are_the_sdks(token: str, resource: ResourceType) -> None:
    assert set(resource.outputs) <= sdk_outputs(token)


@pytest.mark.parametrize(("token", "resource"), TYPES)
def test_tags_have_their_union_as_output(token: str, resource: ResourceType) -> None:
    takes_default_tags = "tags" in resource.inputs and token != "aws:autoscaling/group:Group"
    assert takes_default_tags == ("tagsAll" in resource.inputs)


REPLACED_BY = {
    "aws:autoscaling/group:Group": "initialLifecycleHooks name namePrefix region",
    "aws:autoscaling/schedule:Schedule": "autoscalingGroupName region scheduledActionName",
    "aws:cloudwatch/logGroup:LogGroup": "logGroupClass name namePrefix region",
    "aws:ebs/snapshot:Snapshot": "description outpostArn region volumeId",
    "aws:ebs/snapshotCopy:SnapshotCopy": (
        "completionDurationMinutes description encrypted kmsKeyId region sourceRegion sourceSnapshotId"
    ),
    "aws:ebs/volume:Volume": (
        "availabilityZone encrypted kmsKeyId multiAttachEnabled outpostArn region snapshotId "
        "volumeInitializationRate"
    ),
    "aws:ec2/instance:Instance": (
        "ami associatePublicIpAddress availabilityZone cpuOptions ebsBlockDevices ebsOptimized "
        "enablePrimaryIpv6 enclaveOptions ephemeralBlockDevices hibernation hostId "
        "hostResourceGroupArn instanceMarketOptions ipv6AddressCount ipv6Addresses keyName "
        "launchTemplate networkInterfaces placementGroup placementGroupId placementPartitionNumber "
        "primaryNetworkInterface privateIp region secondaryNetworkInterfaces securityGroups "
        "subnetId tenancy"
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": "name namePrefix region",
    "aws:ec2/placementGroup:PlacementGroup": "name partitionCount region spreadLevel strategy",
    "aws:ec2/securityGroup:SecurityGroup": "description name namePrefix region vpcId",
    "aws:ec2/volumeAttachment:VolumeAttachment": "deviceName instanceId region volumeId",
    "aws:iam/accessKey:AccessKey": "pgpKey user",
    "aws:iam/instanceProfile:InstanceProfile": "name namePrefix path",
    "aws:iam/role:Role": "name namePrefix path",
    "aws:iam/rolePolicy:RolePolicy": "name namePrefix role",
    "aws:iam/user:User": "",
    "aws:iam/userPolicy:UserPolicy": "name namePrefix user",
    "aws:s3/bucket:Bucket": "bucket bucketNamespace bucketPrefix objectLockEnabled region",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "bucket expectedBucketOwner region",
    "aws:s3/bucketObjectv2:BucketObjectv2": "bucket key region",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "bucket region",
    "aws:s3/bucketPolicy:BucketPolicy": "bucket region",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "bucket region",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "bucket expectedBucketOwner region"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": "bucket expectedBucketOwner region",
    "aws:scheduler/schedule:Schedule": "groupName name namePrefix region",
    "aws:scheduler/scheduleGroup:ScheduleGroup": "name namePrefix region",
    "aws:ssm/parameter:Parameter": "dataType name region",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "region securityGroupId",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "region securityGroupId",
}
ASKS_FOR_NOTHING = {
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "timeouts",
    "aws:ssm/parameter:Parameter": "arn",
}


@pytest.mark.parametrize(("token", "resource"), TYPES)
def test_what_a_change_of_each_input_asks_for(token: str, resource: ResourceType) -> None:
    by_change = {
        change: {name for name, field in resource.inputs.items() if field.change is change}
        for change in Change
    }
    assert by_change[Change.REPLACE] == set(REPLACED_BY[token].split())
    assert by_change[Change.NONE] == set(ASKS_FOR_NOTHING.get(token, "").split())


def two_values(field: Field) -> tuple[Any, Any]:
    """Two values of a field that mean different things."""
    if field.allowed:
        return field.allowed[0], field.allowed[-1] if len(field.allowed) > 1 else f"not-{field.allowed[0]}"
    values: dict[Kind, tuple[Any, Any]] = {
        Kind.STRING: ("one", "two"),
        Kind.INTEGER: (1, 2),
        Kind.BOOLEAN: (True, False),
        Kind.POLICY: ('{"Version":"1"}', '{"Version":"2"}'),
        Kind.LIST: (["a"], ["a", "b"]),
        Kind.SET: (["a"], ["b"]),
        Kind.MAP: ({"k": "1"}, {"k": "2"}),
        Kind.ASSET: (Asset("hash-1", text="1"), Asset("hash-2", text="2")),
    }
    if field.kind in values:
        return values[field.kind]
    parts = {name: two_values(part) for name, part in (field.fields or {}).items() if not part.refused}
    left = {name: pair[0] for name, pair in parts.items()}
    right = {name: pair[1] for name, pair in parts.items()}
    return (left, right) if field.kind is Kind.OBJECT else ([left], [right])


@pytest.mark.parametrize(("token", "name"), ROWS)
def test_the_difference_follows_the_table(token: str, name: str, some_cloud: Cloud) -> None:
    resource = resource_types()[token]
    field = resource.inputs[name]
    if field.refused:
        _, problems = check(resource, "it", given={name: "something"}, before={}, default_tags={}, seed=b"")
        assert any(problem.input == name and name in problem.reason for problem in problems)
        return
    old, new = two_values(field)
    state = {"region": some_cloud.region, name: old}
    found = plan_changes(resource, some_cloud, state, {name: new})
    mine = [difference for difference in found if difference.input == name]
    assert mine, f"a changed {name} is no difference"
    if name not in ("instanceMarketOptions", "rootBlockDevice"):
        assert {difference.change for difference in mine} == {field.change}
    assert not [
        difference
        for difference in plan_changes(resource, some_cloud, state, {name: old})
        if difference.input == name
    ]


@pytest.mark.parametrize("token", sorted(functions()))
def test_arguments_of_functions_are_the_sdks(token: str) -> None:
    module, _, name = token.removeprefix("aws:").partition(":")
    folder, _, _ = module.partition("/")
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    package = "pulumi_aws" if folder == "index" else f"pulumi_aws.{folder}"
    getattr(pulumi_aws if folder == "index" else getattr(pulumi_aws, folder), snake)
    function = getattr(importlib.import_module(f"{package}.{snake}"), snake)
    known = {
        "".join(part.capitalize() if index else part for index, part in enumerate(argument.split("_")))
        for argument in inspect.signature(function).parameters
        if argument != "opts"
    }
    assert functions()[token].arguments <= known


def test_an_instance_can_be_updated_in_whatever_its_table_calls_an_update() -> None:
    table = resource_types()["aws:ec2/instance:Instance"].inputs
    updated = {name for name, field in table.items() if field.change is Change.UPDATE and not field.refused}
    assert updated == UPDATABLE


def test_the_tables_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        resource_types()["aws:ebs/volume:Volume"].inputs["size"] = None  # type: ignore[index]
