"""What prevents a deletion on AWS: found before it is tried, and named with the command that ends it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.emulated_account import ACCOUNT, Account
from support.job_stacks import instance_state, resource, stack_state

from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.resource import Blocker
from runctl_auto.stack.state import ResourceState, StackState

IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
GROUP, VOLUME = "aws:ec2/securityGroup:SecurityGroup", "aws:ebs/volume:Volume"
ROLE, BUCKET = "aws:iam/role:Role", "aws:s3/bucket:Bucket"


class World:
    """A job's resources in the emulated account, and what others do with them."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.ec2, self.iam, self.s3 = account.client("ec2"), account.client("iam"), account.client("s3")
        self.subnet = self.ec2.describe_subnets()["Subnets"][0]
        self.states: list[dict[str, Any]] = []

    def group(self, name: str = "job") -> str:
        made = self.ec2.create_security_group(GroupName=name, Description="x", VpcId=self.subnet["VpcId"])
        return str(made["GroupId"])

    def machine(self, *groups: str) -> str:
        image = self.account.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        made = self.ec2.run_instances(
            ImageId=image,
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            SubnetId=self.subnet["SubnetId"],
            SecurityGroupIds=list(groups),
        )["Instances"][0]
        self.account.after(120)
        return str(made["InstanceId"])

    def interface(self, group: str, description: str = "") -> str:
        made = self.ec2.create_network_interface(
            SubnetId=self.subnet["SubnetId"], Groups=[group], Description=description
        )
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def role(self, name: str = "runctl-digits-machine-1") -> str:
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        return name

    def blockers(
        self, token: str, identity: str, *others: dict[str, Any], refused: bool = False
    ) -> tuple[Blocker, ...]:
        state: StackState = stack_state(resource(token, "digits-x", identity), *others)
        found: ResourceState = state.resources[0]
        return AwsProvider(self.account.cloud).blockers(found, state, ACCOUNT, refused=refused)


@pytest.fixture
def world(account: Account) -> World:
    return World(account)


class TestGroups:
    def test_a_group_that_only_the_jobs_machine_uses_goes_with_it(self, world: World) -> None:
        group = world.group()
        machine = world.machine(group)
        assert world.blockers(GROUP, group, instance_state(machine)) == ()

    def test_an_interface_of_somebody_else(self, world: World) -> None:
        group = world.group()
        interface = world.interface(group, "for the other team")
        (found,) = world.blockers(GROUP, group)
        assert found.what == f"network interface {interface} ('for the other team')"
        assert found.keys == (("network interface", interface),)
        assert found.release.startswith("aws ec2 --region us-east-1 delete-network-interface")

    def test_a_machine_of_somebody_else(self, world: World) -> None:
        group = world.group()
        machine = world.machine(group)
        (found,) = world.blockers(GROUP, group)
        assert f"of instance {machine}" in found.what
        assert (found.kind, found.id) == ("instance", machine)
        assert "modify-network-interface-attribute" in found.release, "the machine is not to be deleted"
        assert [kind for kind, _ in found.parts] == ["network interface"]

    def test_an_interface_that_was_attached_to_the_jobs_machine_by_hand(self, world: World) -> None:
        """It stays when the machine ends."""
        group = world.group()
        machine, interface = world.machine(group), world.interface(group)
        world.ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=machine, DeviceIndex=1)
        (found,) = world.blockers(GROUP, group, instance_state(machine))
        assert interface in found.what

    @pytest.mark.parametrize("direction", ["ingress", "egress"])
    def test_a_rule_of_another_group(self, world: World, direction: str) -> None:
        group, other = world.group(), world.group("other")
        rule = {
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "UserIdGroupPairs": [{"GroupId": group}],
        }
        getattr(world.ec2, f"authorize_security_group_{direction}")(GroupId=other, IpPermissions=[rule])
        (found,) = world.blockers(GROUP, group)
        assert found.what == f"an {direction} rule of security group {other} ('other')"
        assert f"revoke-security-group-{direction}" in found.release
        assert json.dumps([rule]) in found.release

    def test_its_own_rules_are_no_obstacle(self, world: World) -> None:
        group = world.group()
        rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
        world.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        assert world.blockers(GROUP, group) == ()


class TestVolumes:
    def test_one_that_the_jobs_machine_holds_is_free_when_it_ends(self, world: World) -> None:
        machine = world.machine(world.group())
        volume = world.ec2.create_volume(AvailabilityZone=world.subnet["AvailabilityZone"], Size=1)[
            "VolumeId"
        ]
        world.ec2.attach_volume(VolumeId=volume, InstanceId=machine, Device="/dev/sdf")
        assert world.blockers(VOLUME, volume, instance_state(machine)) == ()
        (found,) = world.blockers(VOLUME, volume)
        assert found.what == f"its attachment to instance {machine}"
        assert "detach-volume" in found.release

    def test_one_that_nobody_holds(self, world: World) -> None:
        volume = world.ec2.create_volume(AvailabilityZone=world.subnet["AvailabilityZone"], Size=1)[
            "VolumeId"
        ]
        assert world.blockers(VOLUME, volume) == ()


class TestMachines:
    @pytest.mark.parametrize(
        ("attribute", "option"),
        [
            ("DisableApiTermination", "--no-disable-api-termination"),
            ("DisableApiStop", "--no-disable-api-stop"),
        ],
    )
    def test_a_protection_set_by_hand(self, world: World, attribute: str, option: str) -> None:
        machine = world.machine(world.group())
        token = "aws:ec2/instance:Instance"
        assert world.blockers(token, machine) == ()
        world.ec2.modify_instance_attribute(InstanceId=machine, **{attribute: {"Value": True}})
        (found,) = world.blockers(token, machine)
        assert "set outside runctl" in found.what
        assert option in found.release
        assert found.keys == (), "an attribute is no resource"


class TestRoles:
    DOCUMENT = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
    )

    def test_policies_given_by_hand(self, world: World) -> None:
        role = world.role()
        own = resource("aws:iam/rolePolicy:RolePolicy", "digits-policy", f"{role}:{role}")
        world.iam.put_role_policy(RoleName=role, PolicyName=role, PolicyDocument=self.DOCUMENT)
        assert world.blockers(ROLE, role, own) == ()
        made = world.iam.create_policy(PolicyName="extra", PolicyDocument=self.DOCUMENT)
        policy = made["Policy"]["Arn"]
        world.iam.attach_role_policy(RoleName=role, PolicyArn=policy)
        world.iam.put_role_policy(RoleName=role, PolicyName="by hand", PolicyDocument=self.DOCUMENT)
        attached, inline = world.blockers(ROLE, role, own)
        assert attached.id == policy
        assert "detach-role-policy" in attached.release
        assert "'by hand'" in inline.what
        assert "delete-role-policy" in inline.release


class TestBuckets:
    def deny(self, world: World, bucket: str, *actions: str, **more: Any) -> None:
        statement = {
            "Sid": "Keep",
            "Effect": "Deny",
            "Principal": "*",
            "Action": list(actions),
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            **more,
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        world.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    @pytest.mark.parametrize("action", ["s3:DeleteBucket", "s3:Delete*", "s3:*", "*"])
    def test_a_policy_that_denies_deletions_is_named_after_the_refusal(
        self, world: World, action: str
    ) -> None:
        world.s3.create_bucket(Bucket="jobs")
        self.deny(world, "jobs", action)
        assert world.blockers(BUCKET, "jobs") == (), "the teardown deletes the policy before"
        (found,) = world.blockers(BUCKET, "jobs", refused=True)
        assert found.what == "statement 'Keep' of its bucket policy, which denies deletions"
        assert "delete-bucket-policy --bucket jobs" in found.release

    def test_the_rule_about_tls_is_no_obstacle(self, world: World) -> None:
        world.s3.create_bucket(Bucket="jobs")
        self.deny(world, "jobs", "s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}})
        assert world.blockers(BUCKET, "jobs", refused=True) == ()

    def test_object_lock(self, world: World) -> None:
        world.s3.create_bucket(Bucket="jobs", ObjectLockEnabledForBucket=True)
        (found,) = world.blockers(BUCKET, "jobs", refused=True)
        assert "object lock" in found.what


@pytest.mark.parametrize(
    ("token", "identity", "call"),
    [
        (GROUP, "sg-1", "describe_network_interfaces"),
        (VOLUME, "vol-1", "describe_volumes"),
        ("aws:ec2/instance:Instance", "i-1", "describe_instance_attribute"),
        (ROLE, "r", "list_attached_role_policies"),
        (BUCKET, "b", "get_bucket_policy"),
    ],
)
def test_who_may_not_look_is_told_nothing(world: World, token: str, identity: str, call: str) -> None:
    world.account.refused.add(call)
    assert world.blockers(token, identity, refused=True) == ()


@pytest.mark.parametrize("token", ["aws:ssm/parameter:Parameter", GROUP])
def test_what_is_of_another_kind_or_was_never_made_asks_nobody(world: World, token: str) -> None:
    before = dict(world.account.calls)
    assert world.blockers(token, "" if token == GROUP else "/runctl/x") == ()
    assert dict(world.account.calls) == before
