"""Consistency rules between fields of a job; each finding names the field at fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from runctl_auto.job_file.spec import JobSpec

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
        *_zones_outside_region(spec),
        *_repeated_volumes(spec),
        *_variables_said_twice(spec),
    ]


def _zones_outside_region(spec: JobSpec) -> Iterator[Contradiction]:
    for index, zone in enumerate(spec.zones):
        if zone[:-1] != spec.region:
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
