"""The life of each type over moto, as the engine leads it: made, seen, unchanged, changed, gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sandbox.aws.provider import operations
from sandbox.aws.provider.checking import check, inputs_as_read
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.registry import resource_types
from sandbox.aws.provider.resource import Known, Properties, ResourceType
from sandbox.aws.provider.schema import Change
from sandbox.aws.provider.wire import Asset, Secret, reveal

ACCOUNT = "123456789012"
IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def statement(*actions: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
        }
    )


@dataclass(frozen=True)
class Living:
    """One resource as the engine keeps it."""

    cloud: Cloud
    resource: ResourceType
    inputs: Properties
    identifier: str
    outputs: Properties

    def differences(self, **changes: Any) -> dict[str, Change]:
        inputs = checked(self.cloud, self.resource, {**self.inputs, **changes})
        found = operations.plan_changes(self.resource, self.cloud, self.outputs, inputs)
        return {difference.path: difference.change for difference in found}

    def updated(self, **changes: Any) -> Living:
        inputs = checked(self.cloud, self.resource, {**self.inputs, **changes})
        made = operations.update(
            self.resource, self.cloud, self.cloud, self.identifier, state=self.outputs, inputs=inputs
        )
        assert made.reasons == ()
        return replace(self, inputs=inputs, outputs=made.outputs)

    def refreshed(self) -> Living | None:
        outputs = operations.read(self.resource, self.cloud, self.identifier, self.outputs, self.inputs)
        if outputs is None:
            return None
        now = inputs_as_read(self.resource, Known(self.inputs, self.outputs), outputs)
        return replace(self, inputs=now, outputs=outputs)

    def imported(self) -> Living:
        outputs = operations.read(self.resource, self.cloud, self.identifier, {}, {})
        assert outputs is not None
        return replace(self, inputs=inputs_as_read(self.resource, Known(), outputs), outputs=outputs)

    def deleted(self) -> None:
        self.resource.delete(self.cloud, self.identifier, reveal(self.outputs))


def checked(cloud: Cloud, resource: ResourceType, given: Mapping[str, Any]) -> Properties:
    without_ours = {name: value for name, value in given.items() if not name.startswith("__")}
    without_ours.pop("tagsAll", None)
    inputs, problems = check(
        resource,
        "it",
        given=without_ours,
        before={},
        default_tags=cloud.configuration.default_tags,
        seed=b"seed",
    )
    assert problems == []
    return inputs


def make(cloud: Cloud, token: str, **given: Any) -> Living:
    resource = resource_types()[token]
    inputs = checked(cloud, resource, given)
    made = operations.create(resource, cloud, cloud, inputs)
    assert made.reasons == ()
    return Living(cloud, resource, inputs, made.identifier, made.outputs)


BUCKET = "aws:s3/bucket:Bucket"


def bucket(cloud: Cloud) -> str:
    return make(cloud, BUCKET, bucket="the-bucket").identifier


def subnets(cloud: Cloud) -> list[str]:
    return [each["SubnetId"] for each in cloud.call("ec2", "describe_subnets")["Subnets"]]


def template(cloud: Cloud) -> str:
    given = {"name": "a-template", "imageId": image(cloud), "instanceType": "t3.micro"}
    return make(cloud, "aws:ec2/launchTemplate:LaunchTemplate", **given).identifier


def scaling_group(cloud: Cloud, **given: Any) -> Living:
    launched = {
        "launchTemplate": {"id": template(cloud)},
        "vpcZoneIdentifiers": subnets(cloud)[:1],
        "waitForCapacityTimeout": "0",
    }
    return make(
        cloud, "aws:autoscaling/group:Group", name="a-group", minSize=0, maxSize=1, **launched, **given
    )


def role(cloud: Cloud) -> str:
    return make(cloud, "aws:iam/role:Role", name="the-role", assumeRolePolicy=TRUST).identifier


def user(cloud: Cloud) -> str:
    return make(cloud, "aws:iam/user:User", name="the-user").identifier


def group(cloud: Cloud) -> str:
    return make(cloud, "aws:ec2/securityGroup:SecurityGroup", name="the-group").identifier


def snapshot(cloud: Cloud) -> str:
    volume = make(
        cloud, "aws:ebs/volume:Volume", availabilityZone="us-west-2a", size=1, encrypted=True
    ).identifier
    return make(cloud, "aws:ebs/snapshot:Snapshot", volumeId=volume).identifier


def image(cloud: Cloud) -> str:
    return str(cloud.call("ssm", "get_parameter", Name=IMAGE_PARAMETER)["Parameter"]["Value"])


def instance(cloud: Cloud, **more: Any) -> Living:
    return make(
        cloud,
        "aws:ec2/instance:Instance",
        **{"ami": image(cloud), "instanceType": "t3.micro", "userData": "#!/bin/sh\n", **more},
    )


def ending(instance_id: str) -> dict[str, Any]:
    return {
        "arn": "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/the-role",
        "input": json.dumps({"InstanceIds": [instance_id]}),
    }


@dataclass(frozen=True)
class Case:
    """What one life is made of; `given` may ask the cloud for what has to be there before."""

    token: str
    given: Callable[[Cloud], dict[str, Any]]
    changes: Mapping[str, Any]
    imports: bool = True
    vanishes: bool = True


CASES = [
    Case(
        BUCKET,
        lambda _: {"bucket": "life-bucket", "tags": {"a": "1"}},
        {"tags": {"b": "2"}, "forceDestroy": True},
    ),
    Case(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        lambda cloud: {"bucket": bucket(cloud), "blockPublicAcls": True},
        {"blockPublicPolicy": True},
    ),
    Case(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        lambda cloud: {
            "bucket": bucket(cloud),
            "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}],
        },
        {
            "rules": [
                {
                    "applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"},
                    "bucketKeyEnabled": True,
                }
            ]
        },
    ),
    Case(
        "aws:s3/bucketPolicy:BucketPolicy",
        lambda cloud: {"bucket": bucket(cloud), "policy": statement("s3:GetObject")},
        {"policy": statement("s3:PutObject")},
    ),
    Case(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        lambda cloud: {
            "bucket": bucket(cloud),
            "rules": [
                {
                    "id": "uploads",
                    "status": "Enabled",
                    "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
                },
                {
                    "id": "old",
                    "status": "Enabled",
                    "filter": {"prefix": "checkpoints/"},
                    "expiration": {"days": 30},
                },
                {
                    "id": "tagged",
                    "status": "Disabled",
                    "filter": {"and": {"prefix": "runs/", "tags": {"k": "v"}}},
                    "noncurrentVersionExpiration": {"noncurrentDays": 3},
                },
            ],
        },
        {"rules": [{"id": "old", "status": "Disabled", "expiration": {"days": 5}}]},
    ),
    Case(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        lambda cloud: {
            "bucket": bucket(cloud),
            "rule": {"objectOwnership": "BucketOwnerEnforced"},
        },
        {"rule": {"objectOwnership": "BucketOwnerPreferred"}},
    ),
    Case(
        "aws:s3/bucketVersioning:BucketVersioning",
        lambda cloud: {
            "bucket": bucket(cloud),
            "versioningConfiguration": {"status": "Enabled"},
        },
        {"versioningConfiguration": {"status": "Suspended"}},
        vanishes=False,
    ),
    Case(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda cloud: {
            "bucket": bucket(cloud),
            "key": "runs/spec.json",
            "source": Asset("hash-1", text="{}"),
            "tags": {"run": "1"},
            "metadata": {"m": "1"},
        },
        {"source": Asset("hash-2", text="[]"), "contentType": "application/json"},
        imports=False,
    ),
    Case(
        "aws:iam/role:Role",
        lambda _: {
            "name": "life-role",
            "assumeRolePolicy": TRUST,
            "description": "one",
            "tags": {"a": "1"},
        },
        {
            "description": "two",
            "maxSessionDuration": 7200,
            "assumeRolePolicy": TRUST.replace("ec2.amazonaws.com", "ssm.amazonaws.com"),
            "tags": {"b": "2"},
            "permissionsBoundary": "arn:aws:iam::123456789012:policy/boundary",
        },
    ),
    Case(
        "aws:iam/rolePolicy:RolePolicy",
        lambda cloud: {
            "role": role(cloud),
            "name": "main",
            "policy": statement("s3:GetObject"),
        },
        {"policy": statement("s3:PutObject", "s3:GetObject")},
    ),
    Case(
        "aws:iam/user:User",
        lambda _: {"name": "life-user", "tags": {"a": "1"}},
        {"tags": {"b": "2"}},
    ),
    Case(
        "aws:iam/userPolicy:UserPolicy",
        lambda cloud: {"user": user(cloud), "name": "main", "policy": statement("s3:GetObject")},
        {"policy": statement("s3:PutObject", "s3:GetObject")},
    ),
    Case(
        "aws:iam/accessKey:AccessKey",
        lambda cloud: {"user": user(cloud)},
        {"status": "Inactive"},
        imports=False,
    ),
    Case(
        "aws:iam/instanceProfile:InstanceProfile",
        lambda cloud: {"name": "life-profile", "role": role(cloud), "tags": {"a": "1"}},
        {"role": None, "tags": {"a": "2", "c": "3"}},
    ),
    Case(
        "aws:ec2/placementGroup:PlacementGroup",
        lambda _: {"name": "life-close", "strategy": "cluster", "tags": {"a": "1"}},
        {"tags": {"a": "2", "c": "3"}},
    ),
    Case(
        "aws:ec2/securityGroup:SecurityGroup",
        lambda _: {
            "name": "life-group",
            "egress": [{"fromPort": 443, "toPort": 443, "protocol": "tcp", "cidrBlocks": ["0.0.0.0/0"]}],
        },
        {
            "egress": [
                {
                    "fromPort": 443,
                    "toPort": 443,
                    "protocol": "tcp",
                    "cidrBlocks": ["10.0.0.0/8"],
                },
                {
                    "fromPort": 0,
                    "toPort": 0,
                    "protocol": "-1",
                    "self": True,
                    "description": "own",
                },
            ],
            "ingress": [
                {
                    "fromPort": 22,
                    "toPort": 22,
                    "protocol": "tcp",
                    "ipv6CidrBlocks": ["fd00::/8"],
                }
            ],
            "tags": {"a": "1"},
        },
    ),
    Case(
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        lambda cloud: {
            "securityGroupId": group(cloud),
            "ipProtocol": "-1",
            "cidrIpv4": "0.0.0.0/0",
        },
        {"cidrIpv4": "10.0.0.0/8", "description": "narrower"},
    ),
    Case(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        lambda cloud: {
            "securityGroupId": group(cloud),
            "ipProtocol": "tcp",
            "fromPort": 22,
            "toPort": 22,
            "cidrIpv4": "10.0.0.0/8",
        },
        {"toPort": 23},
    ),
    Case(
        "aws:ebs/volume:Volume",
        lambda _: {
            "availabilityZone": "us-west-2a",
            "size": 10,
            "type": "gp3",
            "tags": {"a": "1"},
        },
        {"size": 20, "tags": {}},
    ),
    Case(
        "aws:ebs/snapshot:Snapshot",
        lambda cloud: {
            "volumeId": make(
                cloud, "aws:ebs/volume:Volume", availabilityZone="us-west-2a", size=1
            ).identifier,
            "description": "of a volume",
            "tags": {"a": "1"},
        },
        {"tags": {"b": "2"}},
    ),
    Case(
        "aws:ebs/snapshotCopy:SnapshotCopy",
        lambda cloud: {"sourceRegion": "us-west-2", "sourceSnapshotId": snapshot(cloud), "encrypted": True},
        {"tags": {"b": "2"}},
        imports=False,
    ),
    Case(
        "aws:ec2/volumeAttachment:VolumeAttachment",
        lambda cloud: {
            "deviceName": "/dev/sdf",
            "instanceId": instance(cloud).identifier,
            "volumeId": make(
                cloud, "aws:ebs/volume:Volume", availabilityZone="us-west-2a", size=1
            ).identifier,
        },
        {"forceDetach": True},
        imports=False,
    ),
    Case(
        "aws:ec2/instance:Instance",
        lambda cloud: {
            "ami": image(cloud),
            "instanceType": "t3.micro",
            "userData": "#!/bin/sh\necho one\n",
            "rootBlockDevice": {"volumeSize": 20, "volumeType": "gp3", "tags": {"root": "1"}},
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
            "vpcSecurityGroupIds": [group(cloud)],
            "tags": {"a": "1"},
        },
        {
            "instanceType": "t3.medium",
            "tags": {"b": "2"},
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 3},
            "rootBlockDevice": {"volumeSize": 30, "volumeType": "gp3", "tags": {"root": "2"}},
            "disableApiStop": True,
        },
        imports=False,
    ),
    Case(
        "aws:ec2/launchTemplate:LaunchTemplate",
        lambda _: {
            "name": "life-template",
            "instanceInitiatedShutdownBehavior": "terminate",
            "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
            "imageId": "ami-1",
            "instanceType": "t3.micro",
            "userData": "aGVsbG8=",
            "iamInstanceProfile": {"name": "life"},
            "blockDeviceMappings": [
                {"deviceName": "/dev/xvda", "ebs": {"volumeSize": 20, "encrypted": "true"}}
            ],
            "networkInterfaces": [
                {"deviceIndex": 0, "associatePublicIpAddress": "true", "securityGroups": ["sg-1"]}
            ],
            "updateDefaultVersion": True,
            "tags": {"a": "1"},
        },
        {
            "imageId": "ami-2",
            "userData": "aGVsbG8y",
            "blockDeviceMappings": [
                {"deviceName": "/dev/xvda", "ebs": {"volumeSize": 30, "deleteOnTermination": "false"}}
            ],
            "networkInterfaces": [{"deviceIndex": 0, "securityGroups": ["sg-2"]}],
            "instanceMarketOptions": {"marketType": "spot", "spotOptions": {"maxPrice": "0.5"}},
            "monitoring": {"enabled": True},
            "tagSpecifications": [{"resourceType": "volume", "tags": {"v": "1"}}],
            "description": "of volumes too",
            "tags": {"b": "2"},
        },
    ),
    Case(
        "aws:autoscaling/group:Group",
        lambda cloud: {
            "name": "life-group",
            "minSize": 0,
            "maxSize": 1,
            "desiredCapacity": 1,
            "waitForCapacityTimeout": "0",
            "vpcZoneIdentifiers": subnets(cloud)[:2],
            "mixedInstancesPolicy": {
                "instancesDistribution": {
                    "onDemandPercentageAboveBaseCapacity": 0,
                    "spotAllocationStrategy": "price-capacity-optimized",
                },
                "launchTemplate": {
                    "launchTemplateSpecification": {"launchTemplateId": template(cloud), "version": "1"},
                    "overrides": [{"instanceType": "t3.micro"}, {"instanceType": "t3.small"}],
                },
            },
            "suspendedProcesses": ["AZRebalance"],
            "tags": [{"key": "a", "value": "1", "propagateAtLaunch": True}],
        },
        {
            "desiredCapacity": 0,
            "healthCheckGracePeriod": 10,
            "suspendedProcesses": ["Launch"],
            "terminationPolicies": ["OldestInstance"],
            "tags": [
                {"key": "a", "value": "2", "propagateAtLaunch": True},
                {"key": "b", "value": "1", "propagateAtLaunch": False},
            ],
        },
    ),
    Case(
        "aws:autoscaling/schedule:Schedule",
        lambda cloud: {
            "scheduledActionName": "life-end",
            "autoscalingGroupName": scaling_group(cloud).identifier,
            "minSize": 0,
            "maxSize": -1,
            "desiredCapacity": 0,
            "startTime": "2030-01-01T00:00:00Z",
        },
        {"startTime": "2031-01-01T00:00:00Z", "maxSize": 0},
        imports=False,
    ),
    Case(
        "aws:ssm/parameter:Parameter",
        lambda _: {
            "name": "/runctl/life/token",
            "type": "SecureString",
            "value": Secret("hush"),
            "tags": {"a": "1"},
        },
        {"value": Secret("louder"), "description": "changed", "tags": {"b": "1"}},
    ),
    Case(
        "aws:cloudwatch/logGroup:LogGroup",
        lambda _: {"name": "/runctl/life", "retentionInDays": 7, "tags": {"a": "1"}},
        {"retentionInDays": 0, "tags": {"b": "2"}},
    ),
    Case(
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        lambda _: {"name": "life-timer", "tags": {"a": "1"}},
        {"tags": {"b": "2"}},
    ),
    Case(
        "aws:scheduler/schedule:Schedule",
        lambda cloud: {
            "name": "life-end",
            "groupName": make(cloud, "aws:scheduler/scheduleGroup:ScheduleGroup", name="life").identifier,
            "scheduleExpression": "at(2030-01-01T00:00:00)",
            "flexibleTimeWindow": {"mode": "OFF"},
            "target": ending("i-1"),
        },
        {
            "scheduleExpression": "at(2031-01-01T00:00:00)",
            "description": "later",
            "state": "DISABLED",
            "target": {**ending("i-2"), "retryPolicy": {"maximumRetryAttempts": 3}},
        },
    ),
]


def test_every_type_has_its_life_here() -> None:
    assert {case.token for case in CASES} == set(resource_types())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.token.rsplit(":", 1)[-1])
def test_life(case: Case, mocked_cloud: Cloud) -> None:
    born = make(mocked_cloud, case.token, **case.given(mocked_cloud))
    assert born.differences() == {}, "the same program again changes nothing"
    if "region" in born.resource.inputs:
        assert born.outputs["region"] == "us-west-2"
    if "tagsAll" in born.resource.inputs:
        assert born.outputs["tagsAll"] == {
            "runctl:project": "p",
            **(reveal(born.inputs).get("tags") or {}),
        }

    seen = born.refreshed()
    assert seen is not None
    assert seen.outputs == born.outputs, "seen again, it is the same"
    assert seen.inputs == born.inputs
    assert seen.differences() == {}

    grown = seen.updated(**case.changes)
    assert grown.differences() == {}, "the update has brought everything into force"
    again = grown.refreshed()
    assert again is not None
    assert again.outputs == grown.outputs
    for name, value in case.changes.items():
        assert born.differences(**{name: value}), f"{name} was changed"

    made = operations.update(
        again.resource, again.cloud, again.cloud, again.identifier, state=again.outputs, inputs=again.inputs
    )
    assert made == operations.Made(again.identifier, again.outputs), "settling again changes nothing"

    if case.imports:
        found = again.imported()
        assert found.differences() == {}, "an import's own inputs ask for nothing"

    again.deleted()
    assert (again.refreshed() is None) == case.vanishes
    again.deleted()


@pytest.mark.parametrize(("token", "resource"), sorted(resource_types().items()))
def test_another_region_of_the_provider_makes_a_new_resource(
    token: str, resource: ResourceType, some_cloud: Cloud
) -> None:
    state = {"region": "us-west-2"} if "region" in resource.inputs else {}
    moved = operations.plan_changes(resource, some_cloud.in_region("eu-west-1"), state, {})
    asked = {one.path: one.change for one in moved}
    assert asked.get("region") is (None if token.startswith("aws:iam/") else Change.REPLACE)
