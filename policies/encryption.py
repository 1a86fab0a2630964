"""Disks and buckets are encrypted."""

from __future__ import annotations

from collections.abc import Iterator

from policies.bucket_access import ENCRYPTION
from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, items, mappings, section, shown

INSTANCE = "aws:ec2/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
VOLUME = "aws:ebs/volume:Volume"
COPY = "aws:ebs/snapshotCopy:SnapshotCopy"

_ALGORITHMS = ("AES256", "aws:kms", "aws:kms:dsse")


def plain_volume(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A volume, or a copy of a snapshot, that is not encrypted."""
    yield from _plain(resource.inputs.get("encrypted"), "encrypted")


def plain_disks(resource: Judged, _: Settings) -> Iterator[Violation]:
    """Disks created with an instance, or with one of a launch template, that are not encrypted."""
    if resource.type == TEMPLATE:
        for device in mappings(resource.inputs, "blockDeviceMappings"):
            ebs = section(device, "ebs")
            if ebs and ebs.get("encrypted") != "true":  # the provider's type for it is a text
                what = f"encrypted of the disk {shown(device.get('deviceName'))}"
                yield from _plain(ebs.get("encrypted"), what)
        return
    if resource.inputs.get("rootBlockDevice") is not UNKNOWN:
        root = section(resource.inputs, "rootBlockDevice")
        yield from _plain(root.get("encrypted"), "rootBlockDevice.encrypted")
    for device in items(resource.inputs, "ebsBlockDevices"):
        what = f"encrypted of the disk {shown(device.get('deviceName'))}"
        yield from _plain(device.get("encrypted"), what)


def weak_bucket_encryption(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A bucket's encryption rules without a known encryption algorithm."""
    allowed = ", ".join(_ALGORITHMS)
    rules = resource.inputs.get("rules")
    if rules is not UNKNOWN and not rules:
        yield Violation(found="no rule encrypts", allowed=allowed)
    for rule in items(resource.inputs, "rules"):
        default = rule.get("applyServerSideEncryptionByDefault")
        algorithm = section(rule, "applyServerSideEncryptionByDefault").get("sseAlgorithm")
        if default is not UNKNOWN and algorithm is not UNKNOWN and algorithm not in _ALGORITHMS:
            yield Violation(found=f"sseAlgorithm is {shown(algorithm)}", allowed=allowed)


def _plain(encrypted: object, what: str) -> Iterator[Violation]:
    if encrypted is not True and encrypted is not UNKNOWN:
        yield Violation(found=f"{what} is {shown(encrypted)}", allowed="true")


VOLUME_RULE = Rule(
    name="volume-encrypted",
    description="Every volume and every copy of a snapshot is encrypted.",
    types=frozenset({VOLUME, COPY}),
    reads=frozenset({"encrypted"}),
    check=plain_volume,
)
DISK_RULE = Rule(
    name="instance-disks-encrypted",
    description="Every disk made with an instance is encrypted.",
    types=frozenset({INSTANCE, TEMPLATE}),
    reads=frozenset({"rootBlockDevice", "ebsBlockDevices", "blockDeviceMappings"}),
    check=plain_disks,
)
BUCKET_RULE = Rule(
    name="bucket-encrypted",
    description="A bucket's encryption configuration encrypts.",
    types=frozenset({ENCRYPTION}),
    reads=frozenset({"rules"}),
    check=weak_bucket_encryption,
)
