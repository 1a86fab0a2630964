"""The scan finds what is the job's by tag, name and relation, and leaves look-alikes alone."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.tags import JOB
from runctl_auto.cloud.access import Cloud
from runctl_auto.teardown.scan import Scanner


def tagged(job: str) -> list[dict[str, str]]:
    return [{"Key": JOB, "Value": job}]


class FakeAws:
    """All services in one: lists of things with tags, filtered as AWS filters."""

    def __init__(self) -> None:
        self.things: dict[str, list[dict[str, Any]]] = {}
        self.bucket_tags: dict[str, list[dict[str, str]]] = {}
        self.role_tags: dict[str, list[dict[str, str]]] = {}

    def __getattr__(self, operation: str) -> Any:
        keys = {
            "describe_volumes": "Volumes",
            "describe_security_groups": "SecurityGroups",
            "describe_snapshots": "Snapshots",
            "describe_launch_templates": "LaunchTemplates",
            "describe_key_pairs": "KeyPairs",
            "describe_network_interfaces": "NetworkInterfaces",
            "describe_spot_instance_requests": "SpotInstanceRequests",
        }
        if operation not in keys:
            raise AttributeError(operation)
        return lambda Filters: {keys[operation]: self._filtered(keys[operation], Filters)}

    def describe_instances(self, Filters: Any) -> Any:
        return {"Reservations": [{"Instances": self._filtered("Instances", Filters)}]}

    def list_buckets(self) -> Any:
        return {"Buckets": [{"Name": name} for name in self.bucket_tags]}

    def get_bucket_tagging(self, Bucket: str, ExpectedBucketOwner: str) -> Any:
        assert ExpectedBucketOwner == "111122223333"
        if not self.bucket_tags[Bucket]:
            raise ClientError({"Error": {"Code": "NoSuchTagSet", "Message": ""}}, "GetBucketTagging")
        return {"TagSet": self.bucket_tags[Bucket]}

    def list_roles(self) -> Any:
        return {"Roles": [{"RoleName": name} for name in self.role_tags]}

    def get_role(self, RoleName: str) -> Any:
        return {"Role": {"RoleName": RoleName, "Tags": self.role_tags[RoleName]}}

    def list_instance_profiles(self) -> Any:
        return {"InstanceProfiles": [{"InstanceProfileName": name} for name in self.role_tags]}

    def get_instance_profile(self, InstanceProfileName: str) -> Any:
        return {"InstanceProfile": {"Tags": self.role_tags[InstanceProfileName]}}

    def get_parameters_by_path(self, Path: str, Recursive: bool) -> Any:
        names = [each["Name"] for each in self.things.get("Parameters", ())]
        return {"Parameters": [{"Name": name} for name in names if name.startswith(Path + "/")]}

    def _filtered(self, key: str, filters: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in self.things.get(key, ()) if all(_matches(each, f) for f in filters)]


def _matches(thing: dict[str, Any], condition: dict[str, Any]) -> bool:
    name, values = condition["Name"], condition["Values"]
    if name.startswith("tag:"):
        return any(tag["Key"] == name[4:] and tag["Value"] in values for tag in thing.get("Tags", ()))
    if name == "state":
        return thing["State"] in values
    assert name == "attachment.instance-id"
    return thing.get("Attachment", {}).get("InstanceId") in values


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def found(aws: FakeAws, job: str = "digits", instances: tuple[str, ...] = ()) -> dict[str, str]:
    scanner = Scanner(Cloud(lambda service, region: aws, "us-east-1"), job, "111122223333")
    return {each.id: each.remove for each in scanner.find(instances=instances)}


KINDS = [
    ("Instances", {"InstanceId": "x-1", "State": {"Name": "running"}}, "terminate-instances --instance-ids"),
    ("Volumes", {"VolumeId": "x-1"}, "delete-volume --volume-id"),
    ("SecurityGroups", {"GroupId": "x-1"}, "delete-security-group --group-id"),
    ("Snapshots", {"SnapshotId": "x-1"}, "delete-snapshot --snapshot-id"),
    ("LaunchTemplates", {"LaunchTemplateId": "x-1"}, "delete-launch-template --launch-template-id"),
    ("KeyPairs", {"KeyPairId": "x-1"}, "delete-key-pair --key-pair-id"),
    ("NetworkInterfaces", {"NetworkInterfaceId": "x-1"}, "delete-network-interface --network-interface-id"),
    (
        "SpotInstanceRequests",
        {"SpotInstanceRequestId": "x-1", "State": "open"},
        "cancel-spot-instance-requests --spot-instance-request-ids",
    ),
]


@pytest.mark.parametrize(("kind", "thing", "command"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_each_kind_is_found_by_its_tag_with_the_command_that_removes_it(
    aws: FakeAws, kind: str, thing: dict[str, Any], command: str
) -> None:
    aws.things[kind] = [{**thing, "Tags": tagged("digits")}]
    assert found(aws) == {"x-1": f"aws ec2 --region us-east-1 {command} x-1"}


@pytest.mark.parametrize(("kind", "thing", "command"), KINDS, ids=[kind for kind, _, _ in KINDS])
def test_another_jobs_things_are_left_alone(
    aws: FakeAws, kind: str, thing: dict[str, Any], command: str
) -> None:
    aws.things[kind] = [{**thing, "Tags": tagged("digits-2")}, {**thing, "Tags": []}]
    assert found(aws) == {}


def test_buckets_roles_and_profiles_need_name_and_tag(aws: FakeAws) -> None:
    aws.bucket_tags = {
        "runctl-digits-artifacts-11112222": tagged("digits"),
        "runctl-digits-two-artifacts-11112222": tagged("digits-two"),
        "runctl-digits-untagged": [],
        "mine": tagged("digits"),
    }
    aws.role_tags = {"runctl-digits-machine-11112222": tagged("digits"), "other": tagged("digits")}
    assert set(found(aws)) == {"runctl-digits-artifacts-11112222", "runctl-digits-machine-11112222"}


def test_names_that_were_cut_are_found_too(aws: FakeAws) -> None:
    job = "a" * 40
    aws.bucket_tags = {f"runctl-{'a' * 37}-artifacts-11112222": tagged(job)}
    assert len(found(aws, job)) == 1


def test_parameters_are_found_by_their_path(aws: FakeAws) -> None:
    aws.things["Parameters"] = [{"Name": "/runctl/digits/TOKEN"}, {"Name": "/runctl/digits-2/TOKEN"}]
    assert set(found(aws)) == {"/runctl/digits/TOKEN"}


def test_relations_of_the_jobs_instances_count_without_tags(aws: FakeAws) -> None:
    aws.things["NetworkInterfaces"] = [
        {"NetworkInterfaceId": "eni-1", "Attachment": {"InstanceId": "i-1"}},
        {"NetworkInterfaceId": "eni-2", "Attachment": {"InstanceId": "i-2"}},
    ]
    aws.things["SpotInstanceRequests"] = [
        {"SpotInstanceRequestId": "sir-1", "InstanceId": "i-1", "State": "active"},
        {"SpotInstanceRequestId": "sir-2", "InstanceId": "i-2", "State": "active"},
    ]
    assert set(found(aws, instances=("i-1",))) == {"eni-1", "sir-1"}


@pytest.mark.parametrize("state", ["closed", "cancelled", "failed"])
def test_requests_that_are_over_are_no_leak(aws: FakeAws, state: str) -> None:
    aws.things["SpotInstanceRequests"] = [
        {"SpotInstanceRequestId": "sir-1", "InstanceId": "i-1", "State": state, "Tags": tagged("digits")}
    ]
    assert found(aws, instances=("i-1",)) == {}


def test_a_terminated_instance_is_no_leak_and_one_shutting_down_still_is(aws: FakeAws) -> None:
    aws.things["Instances"] = [
        {"InstanceId": "i-1", "State": {"Name": "terminated"}, "Tags": tagged("digits")},
        {"InstanceId": "i-2", "State": {"Name": "shutting-down"}, "Tags": tagged("digits")},
    ]
    assert set(found(aws)) == {"i-2"}
