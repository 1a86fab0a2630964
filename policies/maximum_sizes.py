"""Maximum sizes of disks and volumes and maximum number of machines of a job, from ``policies.yaml``."""

from __future__ import annotations

from collections.abc import Iterator

from policies.environment import ENVIRONMENTS, GROUP, INSTANCE, TEMPLATE, VOLUME
from policies.rule import Judged, Rule, Settings, Violation, items, mappings, number, section, shown


def too_large(resource: Judged, settings: Settings) -> Iterator[Violation]:
    """Sizes and counts above the project's maximum. Without a maximum every size is allowed."""
    for limit, size, what, field in _sizes(resource):
        most = number(settings, limit)
        if most is not None and size is not None and size > most:
            unit = "" if limit == "nodes" else " GB"
            yield Violation(
                found=f"{what} of {shown(size)}{unit}" if unit else f"{shown(size)} {what}",
                allowed=f"at most {shown(most)}{unit}",
                field=field,
            )


def _sizes(resource: Judged) -> Iterator[tuple[str, float | None, str, str | None]]:
    """Name of the limit, actual size, its subject, field of the job file."""
    inputs = resource.inputs
    if resource.type == INSTANCE:
        root = section(inputs, "rootBlockDevice")
        yield "disk_gb", number(root, "volumeSize"), "a root volume", None
        for device in items(inputs, "ebsBlockDevices"):
            yield "volume_gb", number(device, "volumeSize"), "a disk", None
    elif resource.type == TEMPLATE:
        for device in mappings(inputs, "blockDeviceMappings"):
            yield "disk_gb", number(section(device, "ebs"), "volumeSize"), "a disk", None
    elif resource.type == GROUP:
        yield "nodes", number(inputs, "maxSize"), "machines", None
    elif resource.type == VOLUME:
        yield "volume_gb", number(inputs, "size"), "a volume", None
    else:
        yield "nodes", number(inputs, "nodes"), "machines", "nodes"
        yield "disk_gb", number(inputs, "diskGb"), "a root volume", "resources.disk"
        for index, volume in enumerate(items(inputs, "volumes")):
            what = f"the volume {shown(volume.get('name'))}"
            yield "volume_gb", number(volume, "sizeGb"), what, f"volumes[{index}].size"


def _most(what: str) -> dict[str, object]:
    return {"type": "number", "exclusiveMinimum": 0, "description": what}


RULE = Rule(
    name="maximum-sizes",
    description="Disks, volumes and the number of machines stay within the project's maximum.",
    types=frozenset({*ENVIRONMENTS, INSTANCE, TEMPLATE, GROUP, VOLUME}),
    reads=frozenset(
        {
            "rootBlockDevice",
            "ebsBlockDevices",
            "blockDeviceMappings",
            "maxSize",
            "size",
            "nodes",
            "diskGb",
            "volumes",
        }
    ),
    check=too_large,
    schema={
        "disk_gb": _most("GB of a machine's own disk"),
        "volume_gb": _most("GB of a volume"),
        "nodes": _most("machines of a job"),
    },
)
