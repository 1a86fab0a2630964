"""Consistency rules between fields of a job; each finding names the field at fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from runctl_auto.job_file.spec import NO_REGION, JobSpec

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Contradiction:
    """``message`` and ``allowed`` describe the contradiction at ``location`` with the rest of the job."""

    location: Location
    message: str
    allowed: str


def contradictions(spec: JobSpec) -> list[Contradiction]:
    """All contradictions in ``spec``: values that are valid alone but not together."""
    return [
        *_region_of_no_cloud(spec),
        *_zones_outside_region(spec),
        *_repeated_volumes(spec),
        *_variables_said_twice(spec),
        *_data_without_volume(spec),
        *_data_in_one_place(spec),
    ]


def _region_of_no_cloud(spec: JobSpec) -> Iterator[Contradiction]:
    if spec.region == NO_REGION and spec.provider != "local":
        yield Contradiction(("region",), "is not a region of a cloud", "a region such as us-east-1")


def _zones_outside_region(spec: JobSpec) -> Iterator[Contradiction]:
    for index, zone in enumerate(spec.zones):
        is_data_centre = zone.isupper()
        if spec.provider == "runpod":
            if not is_data_centre:
                yield Contradiction(("zones", index), "is no data centre of RunPod", "such as EU-RO-1")
        elif zone[:-1] != spec.region:
            yield Contradiction(
                ("zones", index), "lies in another region", f"zones of {spec.region}, such as {spec.region}a"
            )


def _repeated_volumes(spec: JobSpec) -> Iterator[Contradiction]:
    names = Counter(volume.name for volume in spec.volumes)
    for index, volume in enumerate(spec.volumes):
        if names[volume.name] > 1:
            yield Contradiction(("volumes", index, "name"), "names two volumes", "one name for each volume")
        if any(_contains(other.mount, volume.mount) for other in spec.volumes if other is not volume):
            yield Contradiction(
                ("volumes", index, "mount"), "lies in another volume's folder", "a folder of its own"
            )


def _contains(folder: str, path: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _variables_said_twice(spec: JobSpec) -> Iterator[Contradiction]:
    for index, name in enumerate(spec.secrets):
        if name in spec.env:
            yield Contradiction(("secrets", index), "is also in env", "a name in env or in secrets, not both")


def _data_without_volume(spec: JobSpec) -> Iterator[Contradiction]:
    """Data that are to be on a volume which the job does not have, or not of that kind."""
    names = ", ".join(each.name for each in spec.volumes)
    for index, source in enumerate(spec.data):
        if source.volume is not None and source.strategy in ("stage", "direct", "cache"):
            yield Contradiction(
                ("data", index, "volume"),
                f"has no meaning with strategy {source.strategy}",
                "a volume with strategy volume, snapshot or auto only",
            )
            continue
        volume = spec.volume_of(source)
        if source.volume is not None and volume is None:
            yield Contradiction(
                ("data", index, "volume"), "is not a volume of the job", names or "an entry in volumes first"
            )
        elif source.strategy not in ("volume", "snapshot"):
            continue
        elif volume is None:
            wanted = f"volume: one of {names}" if names else "an entry in volumes, with size and mount"
            yield Contradiction(("data", index, "strategy"), "needs a volume", wanted)
        elif source.strategy == "snapshot" and volume.snapshot is None:
            yield Contradiction(
                ("data", index, "strategy"),
                f"needs a volume that is made from a snapshot, and {volume.name} is not",
                f"a snapshot in volume {volume.name}, or strategy: volume",
            )


def _data_in_one_place(spec: JobSpec) -> Iterator[Contradiction]:
    """Data on a volume are reached by a link, in whose folder nothing else can be."""
    paths = [PurePosixPath(each.path) for each in spec.data]
    for index, source in enumerate(spec.data):
        if source.strategy not in ("volume", "snapshot", "auto"):
            continue
        others = [each for other, each in enumerate(paths) if other != index]
        if any(paths[index].is_relative_to(each) or each.is_relative_to(paths[index]) for each in others):
            yield Contradiction(
                ("data", index, "path"), "lies in or around the folder of other data", "a folder of its own"
            )
