"""What lies on disks and in buckets is encrypted."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policies.rule import UNKNOWN, Judged, Rule, items, section

INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"

_ALGORITHMS = ("AES256", "aws:kms", "aws:kms:dsse")


def plain_volume(resource: Judged) -> Iterator[str]:
    """A volume that is not encrypted."""
    yield from _plain(resource.inputs.get("encrypted"), "the volume")


def plain_disks(resource: Judged) -> Iterator[str]:
    """Disks made with an instance that are not encrypted."""
    yield from _plain(section(resource.inputs, "rootBlockDevice").get("encrypted"), "the root volume")
    for device in items(resource.inputs, "ebsBlockDevices"):
        if device is not UNKNOWN:
            yield from _plain(device.get("encrypted"), f"the disk {device.get('deviceName')}")


def weak_bucket_encryption(resource: Judged) -> Iterator[str]:
    """A bucket's encryption rules that name no algorithm known to encrypt."""
    if resource.inputs.get("rules") is UNKNOWN:
        return
    rules = items(resource.inputs, "rules")
    if not rules:
        yield f"no rule encrypts; allowed: {', '.join(_ALGORITHMS)}"
    for rule in rules:
        algorithm = section(rule, "applyServerSideEncryptionByDefault").get("sseAlgorithm")
        if algorithm is not UNKNOWN and algorithm not in _ALGORITHMS:
            yield f"sseAlgorithm is {json.dumps(algorithm)}; allowed: {', '.join(_ALGORITHMS)}"


def _plain(encrypted: object, what: str) -> Iterator[str]:
    if encrypted is not True and encrypted is not UNKNOWN:
        yield f"{what} has encrypted {json.dumps(encrypted)}; allowed: true"


VOLUME_RULE = Rule(
    name="volume-encrypted",
    description="Every volume is encrypted.",
    types=frozenset({VOLUME}),
    check=plain_volume,
)
DISK_RULE = Rule(
    name="instance-disks-encrypted",
    description="Every disk made with an instance is encrypted.",
    types=frozenset({INSTANCE}),
    check=plain_disks,
)
BUCKET_RULE = Rule(
    name="bucket-encrypted",
    description="A bucket's encryption configuration encrypts.",
    types=frozenset({BUCKET_ENCRYPTION}),
    check=weak_bucket_encryption,
)
