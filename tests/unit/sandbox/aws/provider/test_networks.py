"""Security groups, their rules, volumes and their attachments, where the lives do not show it."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest

from sandbox.aws.provider import operations
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.resource import Known
from sandbox.aws.provider.schema import Change
from sandbox.aws.provider.types.role import Role
from sandbox.aws.provider.types.security_group import SecurityGroup
from sandbox.aws.provider.types.security_group_rule import SecurityGroupEgressRule, SecurityGroupIngressRule
from sandbox.aws.provider.types.volume import Volume
from sandbox.aws.provider.types.volume_attachment import VolumeAttachment, attachment_id


def group_of(cloud: Cloud, identifier: str) -> dict[str, Any]:
    return dict(cloud.call("ec2", "describe_security_groups", GroupIds=[identifier])["SecurityGroups"][0])


def made_group(cloud: Cloud, **inputs: Any) -> str:
    inputs = {"name": "the-group", "description": "d", **inputs}
    identifier = SecurityGroup().create(cloud, inputs)
    SecurityGroup().settle(cloud, identifier, inputs)
    return identifier


def test_a_new_group_lets_nothing_out(mocked_cloud: Cloud) -> None:
    assert group_of(mocked_cloud, made_group(mocked_cloud))["IpPermissionsEgress"] == []


def test_the_services_own_rule_may_be_stated(mocked_cloud: Cloud) -> None:
    rule = {"fromPort": 0, "toPort": 0, "protocol": "-1", "cidrBlocks": ["0.0.0.0/0"], "self": False}
    identifier = made_group(mocked_cloud, egress=[rule])
    outputs = SecurityGroup().read(mocked_cloud, identifier, Known({"egress": [rule]}))
    assert outputs is not None
    assert outputs["egress"] == [rule]


def test_rules_of_other_resources_are_no_difference(mocked_cloud: Cloud) -> None:
    identifier = made_group(mocked_cloud)
    SecurityGroupEgressRule().create(
        mocked_cloud, {"securityGroupId": identifier, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}
    )
    inputs = {"name": "the-group", "description": "d"}
    outputs = SecurityGroup().read(mocked_cloud, identifier, Known(inputs))
    assert outputs is not None
    assert len(outputs["egress"]) == 1
    assert operations.plan_changes(SecurityGroup(), mocked_cloud, outputs, inputs) == []


def test_a_group_in_use_is_tried_again_for_a_while(some_cloud: Cloud, clock: Any) -> None:
    cloud = create_autospec(Cloud, instance=True)
    cloud.retry_while.side_effect = lambda *arguments, **more: Cloud.retry_while(
        some_cloud, *arguments, **more
    )
    in_use = CloudError("deleting", "DependencyViolation", "in use")
    cloud.call.side_effect = [in_use, in_use, {}]
    SecurityGroup().delete(cloud, "sg-1", {})
    assert len(clock.waits) == 2
    cloud.call.side_effect = in_use
    with pytest.raises(CloudError, match="in use"):
        SecurityGroup().delete(cloud, "sg-1", {})
    assert clock.time == pytest.approx(900, abs=2)


def test_rules_are_revoked_first_if_asked(mocked_cloud: Cloud) -> None:
    rule = {"fromPort": 1, "toPort": 1, "protocol": "tcp", "self": True}
    identifier = made_group(mocked_cloud, ingress=[rule])
    SecurityGroup().delete(mocked_cloud, identifier, {"revokeRulesOnDelete": True})
    assert SecurityGroup().read(mocked_cloud, identifier, Known()) is None


def test_a_rule_of_the_other_direction_is_not_this_one(mocked_cloud: Cloud) -> None:
    inputs = {"securityGroupId": made_group(mocked_cloud), "ipProtocol": "tcp", "fromPort": 1, "toPort": 1}
    identifier = SecurityGroupIngressRule().create(mocked_cloud, {**inputs, "cidrIpv6": "::/0"})
    assert SecurityGroupIngressRule().read(mocked_cloud, identifier, Known()) is not None
    assert SecurityGroupEgressRule().read(mocked_cloud, identifier, Known()) is None


def test_another_kind_of_source_is_another_rule(some_cloud: Cloud) -> None:
    state = {"cidrIpv4": "10.0.0.0/8", "ipProtocol": "-1", "region": "us-west-2"}
    for inputs, change in (
        ({"cidrIpv4": "10.1.0.0/16"}, {"cidrIpv4": Change.UPDATE}),
        ({"referencedSecurityGroupId": "sg-1"}, {"referencedSecurityGroupId": Change.REPLACE}),
    ):
        wanted = {"ipProtocol": "-1", **inputs}
        found = operations.plan_changes(SecurityGroupEgressRule(), some_cloud, state, wanted)
        assert change.items() <= {one.path: one.change for one in found}.items()


class TestVolumes:
    def made(self, cloud: Cloud) -> str:
        return Volume().create(cloud, {"availabilityZone": "us-west-2a", "size": 1})

    def test_a_last_snapshot_is_taken_if_asked(self, mocked_cloud: Cloud) -> None:
        identifier = self.made(mocked_cloud)
        Volume().delete(mocked_cloud, identifier, {"finalSnapshot": True, "tagsAll": {"a": "1"}})
        snapshots = mocked_cloud.call("ec2", "describe_snapshots", OwnerIds=["self"])["Snapshots"]
        [mine] = [one for one in snapshots if one["VolumeId"] == identifier]
        assert mine["Tags"] == [{"Key": "a", "Value": "1"}]

    def test_an_attachment_that_is_there_is_taken_over(self) -> None:
        cloud = create_autospec(Cloud, instance=True)
        attachment = {"InstanceId": "i-1", "Device": "/dev/sdf", "State": "attached"}
        cloud.call.return_value = {"Volumes": [{"Attachments": [attachment]}]}
        inputs = {"deviceName": "/dev/sdf", "instanceId": "i-1", "volumeId": "vol-1"}
        assert VolumeAttachment().create(cloud, inputs) == attachment_id("/dev/sdf", "vol-1", "i-1")
        assert [call.args[1] for call in cloud.call.call_args_list] == ["describe_volumes"]

    @pytest.mark.parametrize("state", ["shutting-down", "terminated"])
    def test_nothing_is_attached_to_what_is_ending(self, some_cloud: Cloud, state: str) -> None:
        cloud = create_autospec(Cloud, instance=True)
        cloud.wait_until.side_effect = lambda *arguments, **more: Cloud.wait_until(
            some_cloud, *arguments, **more
        )
        instance = {"Reservations": [{"Instances": [{"State": {"Name": state}}]}]}
        cloud.call.side_effect = [{"Volumes": [{"Attachments": []}]}, instance]
        inputs = {"deviceName": "/dev/sdf", "instanceId": "i-1", "volumeId": "vol-1"}
        with pytest.raises(CloudError, match=f"unexpected state '{state}'"):
            VolumeAttachment().create(cloud, inputs)

    def test_kept_attached_if_asked(self) -> None:
        cloud = create_autospec(Cloud, instance=True)
        VolumeAttachment().delete(cloud, "vai-1", {"skipDestroy": True})
        cloud.call.assert_not_called()

    def test_attachments_are_imported_by_their_parts(self, mocked_cloud: Cloud) -> None:
        with pytest.raises(RefusedError, match="DEVICE_NAME:VOLUME_ID:INSTANCE_ID"):
            VolumeAttachment().read(mocked_cloud, "vai-1", Known())
        volume = self.made(mocked_cloud)
        assert VolumeAttachment().read(mocked_cloud, f"/dev/sdf:{volume}:i-1", Known()) is None


def test_a_role_leaves_its_profiles_and_its_policies_if_asked(mocked_cloud: Cloud) -> None:
    trust = '{"Version":"2012-10-17","Statement":[]}'
    allowed = trust.replace("[]", '[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]')
    inputs = {"name": "r", "assumeRolePolicy": trust, "maxSessionDuration": 3600, "path": "/"}
    Role().create(mocked_cloud, inputs)
    with pytest.raises(CloudError, match=r"EntityAlreadyExists: Role with name r already exists\."):
        Role().create(mocked_cloud, inputs)
    mocked_cloud.call("iam", "create_instance_profile", InstanceProfileName="p")
    mocked_cloud.call("iam", "add_role_to_instance_profile", InstanceProfileName="p", RoleName="r")
    mocked_cloud.call("iam", "put_role_policy", RoleName="r", PolicyName="p", PolicyDocument=allowed)
    with pytest.raises(CloudError, match="DeleteConflict"):
        Role().delete(mocked_cloud, "r", {"forceDetachPolicies": False})
    Role().delete(mocked_cloud, "r", {"forceDetachPolicies": True})
    assert Role().read(mocked_cloud, "r", Known()) is None
