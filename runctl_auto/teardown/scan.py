"""Looks in the cloud for all that belongs to a job, asking no state: by tag, by name, by relation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components import tags
from runctl_auto.cloud.access import Cloud
from runctl_auto.errors import NotFoundError

_LEAST_OF_JOB = 30
_ENDED_INSTANCE = frozenset({"terminated"})
_LIVE_SPOT_REQUEST = ("open", "active", "disabled")


@dataclass(frozen=True)
class Found:
    """Something of the job. ``remove`` is an AWS CLI command that removes it."""

    kind: str
    id: str
    remove: str
    protected: bool = False


class Scanner:
    """Finds what belongs to one job in one region."""

    def __init__(self, cloud: Cloud, job: str, account: str) -> None:
        self._cloud = cloud
        self._job = job
        self._account = account

    def find(self, *, instances: Sequence[str] = ()) -> tuple[Found, ...]:
        """All that exists of the job. ``instances``: ids that were the job's, whose relations count too."""
        looks: tuple[Callable[[], Iterator[Found]], ...] = (
            self._instances,
            self._volumes,
            lambda: self._interfaces(instances),
            self._security_groups,
            lambda: self._spot_requests(instances),
            self._snapshots,
            self._launch_templates,
            self._key_pairs,
            self._buckets,
            self._roles,
            self._instance_profiles,
            self._parameters,
        )
        found = {(each.kind, each.id): each for look in looks for each in look()}
        return tuple(found.values())

    def _tagged(self, operation: str, key: str) -> Iterator[Any]:
        filters = [{"Name": f"tag:{tags.JOB}", "Values": [self._job]}]
        return self._cloud.pages("ec2", operation, key, Filters=filters)

    def _instances(self) -> Iterator[Found]:
        for group in self._tagged("describe_instances", "Reservations"):
            for each in group["Instances"]:
                if each["State"]["Name"] not in _ENDED_INSTANCE:
                    yield self._ec2("instance", each, "InstanceId", "terminate-instances --instance-ids")

    def _volumes(self) -> Iterator[Found]:
        for each in self._tagged("describe_volumes", "Volumes"):
            yield self._ec2("volume", each, "VolumeId", "delete-volume --volume-id")

    def _interfaces(self, instances: Sequence[str]) -> Iterator[Found]:
        related = [{"Name": "attachment.instance-id", "Values": list(instances)}]
        attached = (
            self._cloud.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=related)
            if instances
            else iter(())
        )
        tagged = self._tagged("describe_network_interfaces", "NetworkInterfaces")
        for each in (*attached, *tagged):
            yield self._ec2(
                "network interface",
                each,
                "NetworkInterfaceId",
                "delete-network-interface --network-interface-id",
            )

    def _security_groups(self) -> Iterator[Found]:
        for each in self._tagged("describe_security_groups", "SecurityGroups"):
            yield self._ec2("security group", each, "GroupId", "delete-security-group --group-id")

    def _spot_requests(self, instances: Sequence[str]) -> Iterator[Found]:
        requests = self._cloud.pages(
            "ec2",
            "describe_spot_instance_requests",
            "SpotInstanceRequests",
            Filters=[{"Name": "state", "Values": list(_LIVE_SPOT_REQUEST)}],
        )
        for each in requests:
            is_tagged = _tags(each.get("Tags")).get(tags.JOB) == self._job
            if is_tagged or each.get("InstanceId") in instances:
                yield self._ec2(
                    "spot request",
                    each,
                    "SpotInstanceRequestId",
                    "cancel-spot-instance-requests --spot-instance-request-ids",
                )

    def _snapshots(self) -> Iterator[Found]:
        for each in self._tagged("describe_snapshots", "Snapshots"):
            yield self._ec2("snapshot", each, "SnapshotId", "delete-snapshot --snapshot-id")

    def _launch_templates(self) -> Iterator[Found]:
        for each in self._tagged("describe_launch_templates", "LaunchTemplates"):
            yield self._ec2(
                "launch template", each, "LaunchTemplateId", "delete-launch-template --launch-template-id"
            )

    def _key_pairs(self) -> Iterator[Found]:
        for each in self._tagged("describe_key_pairs", "KeyPairs"):
            yield self._ec2("key pair", each, "KeyPairId", "delete-key-pair --key-pair-id")

    def _ec2(self, kind: str, thing: Mapping[str, Any], key: str, command: str) -> Found:
        identity = thing[key]
        return Found(
            kind,
            identity,
            f"aws ec2 --region {self._cloud.region} {command} {identity}",
            tags.is_protecting(_tags(thing.get("Tags"))),
        )

    def _buckets(self) -> Iterator[Found]:
        for each in self._cloud.pages("s3", "list_buckets", "Buckets"):
            name = each["Name"]
            found = self._bucket_tags(name) if name.startswith(self._prefix) else {}
            if found.get(tags.JOB) == self._job:
                yield Found("bucket", name, f"aws s3 rb --force s3://{name}", tags.is_protecting(found))

    def _bucket_tags(self, name: str) -> dict[str, str]:
        try:
            answer = self._cloud.call(
                "s3", "get_bucket_tagging", Bucket=name, ExpectedBucketOwner=self._account
            )
        except NotFoundError:
            return {}
        return _tags(answer["TagSet"])

    def _roles(self) -> Iterator[Found]:
        for each in self._cloud.pages("iam", "list_roles", "Roles"):
            name = each["RoleName"]
            if self._is_tagged(name, "get_role", "Role", RoleName=name):
                yield Found("role", name, f"aws iam delete-role --role-name {name}")

    def _instance_profiles(self) -> Iterator[Found]:
        for each in self._cloud.pages("iam", "list_instance_profiles", "InstanceProfiles"):
            name = each["InstanceProfileName"]
            if self._is_tagged(name, "get_instance_profile", "InstanceProfile", InstanceProfileName=name):
                command = f"aws iam delete-instance-profile --instance-profile-name {name}"
                yield Found("instance profile", name, command)

    def _is_tagged(self, name: str, operation: str, key: str, **parameters: str) -> bool:
        """Whether an IAM thing has a name and a tag of the job; lists of IAM tell no tags."""
        if not name.startswith(self._prefix):
            return False
        try:
            described = self._cloud.call("iam", operation, **parameters)[key]
        except NotFoundError:
            return False
        return _tags(described.get("Tags")).get(tags.JOB) == self._job

    def _parameters(self) -> Iterator[Found]:
        parameters = self._cloud.pages(
            "ssm", "get_parameters_by_path", "Parameters", Path=f"/runctl/{self._job}", Recursive=True
        )
        for each in parameters:
            name = each["Name"]
            command = f"aws ssm --region {self._cloud.region} delete-parameter --name {name}"
            yield Found("parameter", name, command)

    @property
    def _prefix(self) -> str:
        """What every physical name of the job begins with; long job names are cut in some names."""
        return f"runctl-{self._job[:_LEAST_OF_JOB]}"


def _tags(listed: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in listed or ()}
