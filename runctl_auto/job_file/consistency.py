"""Consistency rules between fields of a job; each finding names the field at fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from runctl_auto.job_file.one_provider import cloud_of_zone, types_of
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
        *_one_provider_or_several(spec),
        *_types_of_nobody(spec),
        *_zones_outside_region(spec),
        *_repeated_volumes(spec),
        *_variables_said_twice(spec),
        *_data_without_volume(spec),
        *_data_in_one_place(spec),
        *_ranks_that_are_none(spec),
        *_no_fewer_machines(spec),
    ]


def _region_of_no_cloud(spec: JobSpec) -> Iterator[Contradiction]:
    if spec.region == NO_REGION and spec.provider != "local":
        yield Contradiction(("region",), "is not a region of a cloud", "a region such as us-east-1")


def _one_provider_or_several(spec: JobSpec) -> Iterator[Contradiction]:
    if spec.providers and spec.provider != spec.providers[0]:
        yield Contradiction(
            ("providers",),
            f"does not begin with provider: {spec.provider}",
            "provider or providers, not both",
        )
    if spec.runpod.cloud != "secure" and "runpod" not in spec.clouds:
        yield Contradiction(
            ("runpod", "cloud"), "concerns a provider that the job does not name", "runpod in providers"
        )
    if spec.provider_order != "listed" and len(spec.clouds) < 2:
        yield Contradiction(
            ("provider_order",), "has nothing to order", "a list of several in providers, or leave it out"
        )


def _types_of_nobody(spec: JobSpec) -> Iterator[Contradiction]:
    """Of several providers each needs a type of its own, where the job names types."""
    for provider in spec.clouds if len(spec.clouds) > 1 else ():
        if spec.resources.instance_types and not types_of(spec, provider):
            yield Contradiction(
                ("resources", "instance_types"),
                f"names no type of {provider}, which providers lists",
                "types of each provider, or gpu, cpu and memory instead",
            )


def _zones_outside_region(spec: JobSpec) -> Iterator[Contradiction]:
    for index, zone in enumerate(spec.zones):
        if cloud_of_zone(zone) in spec.clouds:
            if cloud_of_zone(zone) == "aws" and zone[:-1] != spec.region:
                yield Contradiction(
                    ("zones", index),
                    "lies in another region",
                    f"zones of {spec.region}, such as {spec.region}a",
                )
        elif spec.clouds == ("runpod",):
            yield Contradiction(("zones", index), "is no data centre of RunPod", "such as EU-RO-1")
        else:
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


def _ranks_that_are_none(spec: JobSpec) -> Iterator[Contradiction]:
    for index, rank in enumerate(spec.on_demand_ranks):
        if rank >= spec.nodes:
            allowed = f"numbers from 0 to {spec.nodes - 1}" if spec.nodes > 1 else "nodes: 2 or more first"
            yield Contradiction(("on_demand_ranks", index), f"names no rank of {_nodes(spec)}", allowed)
    if spec.nodes > 1 and set(range(spec.nodes)) <= set(spec.on_demand_ranks):
        yield Contradiction(
            ("on_demand_ranks",), "names all ranks", "some of them, or spot_policy: on-demand"
        )


def _no_fewer_machines(spec: JobSpec) -> Iterator[Contradiction]:
    if spec.elastic is None or spec.elastic.min < spec.nodes:
        return
    if spec.nodes == 1:
        yield Contradiction(("elastic",), "has no meaning with one node", "nodes: 2 or more first")
    else:
        yield Contradiction(
            ("elastic", "min"),
            f"is not below nodes: {spec.nodes}",
            f"a whole number from 1 to {spec.nodes - 1}",
        )


def _nodes(spec: JobSpec) -> str:
    return "1 node" if spec.nodes == 1 else f"{spec.nodes} nodes"
