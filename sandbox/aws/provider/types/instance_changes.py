"""In-place updates of an instance, input by input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Properties
from sandbox.aws.provider.types import ec2_tags
from sandbox.aws.provider.types.instance_facts import describe, root_volume
from sandbox.aws.provider.types.instance_launch import metadata_options, user_data_to_send

UPDATE_SECONDS = 600.0
_VOLUME_SETTINGS = ("volumeSize", "volumeType", "iops", "throughput")


@dataclass(frozen=True)
class _Change:
    """Context of an update."""

    cloud: Cloud
    identifier: str
    state: Properties
    inputs: Properties

    @property
    def doing(self) -> str:
        return f"updating EC2 Instance ({self.identifier})"

    def call(self, operation: str, what: str = "", **parameters: Any) -> dict[str, Any]:
        doing = f"{self.doing}: {what}" if what else self.doing
        return self.cloud.call("ec2", operation, doing, **parameters)

    def modify(self, **attributes: Any) -> None:
        self.call(
            "modify_instance_attribute", "modifying attribute", InstanceId=self.identifier, **attributes
        )

    def instance(self) -> dict[str, Any]:
        instance = describe(self.cloud, self.identifier)
        if instance is None:
            raise CloudError(self.doing, "InvalidInstanceID.NotFound", "the instance is gone")
        return instance


def apply_changes(
    cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
) -> None:
    """Apply the changed inputs; the instance is stopped once for those that require it."""
    change = _Change(cloud, identifier, state, inputs)
    forbids_stopping = frozenset({"disableApiStop"} if inputs.get("disableApiStop") else ())
    _take_steps(change, changed - forbids_stopping)
    if changed & _WHILE_STOPPED:
        _while_stopped(change, changed)
    _take_steps(change, changed & forbids_stopping)


def tag_root_volume(
    cloud: Cloud, identifier: str, inputs: Properties, before: Mapping[str, str] | None = None
) -> None:
    """Apply the root volume's tags and the default tags, unless `volumeTags` sets the tags of all volumes."""
    root = inputs.get("rootBlockDevice")
    if not root or inputs.get("volumeTags"):
        return
    tags = tagging.merged(cloud.configuration.default_tags, root.get("tags"))
    instance = describe(cloud, identifier)
    volume = root_volume(instance) if instance else None
    if volume:
        ec2_tags.apply(cloud, volume, "EBS Volume", before, tags)


def _take_steps(change: _Change, changed: frozenset[str]) -> None:
    for names, step in _STEPS:
        if names & changed:
            step(change)


def _tags(change: _Change) -> None:
    ec2_tags.apply(
        change.cloud,
        change.identifier,
        "EC2 Instance",
        change.state.get("tagsAll"),
        change.inputs.get("tagsAll"),
    )


def _volume_tags(change: _Change) -> None:
    for mapping in change.instance().get("BlockDeviceMappings", ()):
        ec2_tags.apply(
            change.cloud,
            mapping["Ebs"]["VolumeId"],
            "EBS Volume",
            change.state.get("volumeTags"),
            change.inputs.get("volumeTags"),
        )


def _profile(change: _Change) -> None:
    associations = change.cloud.pages(
        "ec2",
        "describe_iam_instance_profile_associations",
        "IamInstanceProfileAssociations",
        change.doing,
        Filters=[{"Name": "instance-id", "Values": [change.identifier]}],
    )
    current = [one["AssociationId"] for one in associations if one["State"] in ("associating", "associated")]
    wanted = {"Name": change.inputs.get("iamInstanceProfile")}
    if not wanted["Name"]:
        for association in current:
            change.call("disassociate_iam_instance_profile", AssociationId=association)
    elif current:
        change.call(
            "replace_iam_instance_profile_association", AssociationId=current[0], IamInstanceProfile=wanted
        )
    else:
        change.call("associate_iam_instance_profile", InstanceId=change.identifier, IamInstanceProfile=wanted)


def _security_groups(change: _Change) -> None:
    interface = change.state.get("primaryNetworkInterfaceId")
    change.call(
        "modify_network_interface_attribute",
        "modifying network interface",
        NetworkInterfaceId=interface,
        Groups=change.inputs.get("vpcSecurityGroupIds"),
    )


def _source_dest_check(change: _Change) -> None:
    change.modify(SourceDestCheck={"Value": change.inputs["sourceDestCheck"]})


def _shutdown_behaviour(change: _Change) -> None:
    change.modify(
        InstanceInitiatedShutdownBehavior={"Value": change.inputs["instanceInitiatedShutdownBehavior"]}
    )


def _api_stop(change: _Change) -> None:
    change.modify(DisableApiStop={"Value": change.inputs["disableApiStop"]})


def _api_termination(change: _Change) -> None:
    change.modify(DisableApiTermination={"Value": change.inputs["disableApiTermination"]})


def _monitoring(change: _Change) -> None:
    operation = "monitor_instances" if change.inputs["monitoring"] else "unmonitor_instances"
    change.call(operation, InstanceIds=[change.identifier])


def _metadata(change: _Change) -> None:
    change.call(
        "modify_instance_metadata_options",
        "modifying metadata options",
        InstanceId=change.identifier,
        **(metadata_options(change.inputs.get("metadataOptions")) or {}),
    )


def _root_block_device(change: _Change) -> None:
    before = change.state.get("rootBlockDevice") or {}
    after = change.inputs.get("rootBlockDevice") or {}
    settings = {
        name: after[name] for name in _VOLUME_SETTINGS if after.get(name) not in (None, before.get(name))
    }
    if settings:
        change.call(
            "modify_volume",
            "modifying root volume",
            VolumeId=before["volumeId"],
            Size=settings.get("volumeSize"),
            VolumeType=settings.get("volumeType"),
            Iops=settings.get("iops"),
            Throughput=settings.get("throughput"),
        )
    if after.get("deleteOnTermination") not in (None, before.get("deleteOnTermination")):
        ebs = {"DeleteOnTermination": after["deleteOnTermination"]}
        change.modify(BlockDeviceMappings=[{"DeviceName": before["deviceName"], "Ebs": ebs}])
    tag_root_volume(change.cloud, change.identifier, change.inputs, before.get("tagsAll"))


def _nothing(change: _Change) -> None:
    """Only the recorded value changes."""


def _while_stopped(change: _Change, changed: frozenset[str]) -> None:
    """Stop the instance, apply the changes that require it, and start it again if it was running."""
    was_running = change.instance()["State"]["Name"] in ("pending", "running")
    if was_running:
        change.call("stop_instances", "stopping", InstanceIds=[change.identifier])
    _wait_for_state(change, "stopped")
    if "instanceType" in changed:
        change.modify(InstanceType={"Value": change.inputs["instanceType"]})
    if changed & {"userData", "userDataBase64"}:
        change.modify(UserData={"Value": user_data_to_send(change.inputs) or b""})
    if was_running:
        change.call("start_instances", "starting", InstanceIds=[change.identifier])
        _wait_for_state(change, "running")


def _wait_for_state(change: _Change, wanted: str) -> None:
    change.cloud.wait_until(
        lambda: bool(change.instance()["State"]["Name"] == wanted),
        doing=f"{change.doing}: waiting for state '{wanted}'",
        standard=UPDATE_SECONDS,
    )


_WHILE_STOPPED = frozenset({"instanceType", "userData", "userDataBase64"})
_STEPS: tuple[tuple[frozenset[str], Callable[[_Change], None]], ...] = (
    (frozenset({"tags", "tagsAll"}), _tags),
    (frozenset({"volumeTags"}), _volume_tags),
    (frozenset({"iamInstanceProfile"}), _profile),
    (frozenset({"vpcSecurityGroupIds"}), _security_groups),
    (frozenset({"sourceDestCheck"}), _source_dest_check),
    (frozenset({"instanceInitiatedShutdownBehavior"}), _shutdown_behaviour),
    (frozenset({"disableApiStop"}), _api_stop),
    (frozenset({"disableApiTermination"}), _api_termination),
    (frozenset({"monitoring"}), _monitoring),
    (frozenset({"metadataOptions"}), _metadata),
    (frozenset({"rootBlockDevice"}), _root_block_device),
    (frozenset({"forceDestroy", "userDataReplaceOnChange"}), _nothing),
)
UPDATABLE = frozenset().union(*(names for names, _ in _STEPS)) | _WHILE_STOPPED
