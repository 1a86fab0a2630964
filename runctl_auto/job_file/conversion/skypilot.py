"""Task files of SkyPilot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.conversion import machine, storage
from runctl_auto.job_file.conversion.container import add_container
from runctl_auto.job_file.conversion.draft import Draft
from runctl_auto.job_file.conversion.gpus import Gpus, NotOfferedError, one_request, skypilot_gpus
from runctl_auto.job_file.conversion.source_values import Fields
from runctl_auto.job_file.conversion.variables import GPUS_HERE, exports, substituted, take_variables
from runctl_auto.job_file.plain_values import Location

_ALTERNATIVES = ("any_of", "ordered")
_GOES_ON = "a job goes on from its last checkpoint after an interruption, without being asked"
_VARIABLES = {
    "SKYPILOT_NODE_RANK": "$RUNCTL_NODE_RANK",
    "SKYPILOT_SETUP_NODE_RANK": "$RUNCTL_NODE_RANK",
    "SKYPILOT_NUM_NODES": "$RUNCTL_NUM_NODES",
    "SKYPILOT_NODE_IPS": "$RUNCTL_NODE_IPS",
    "SKYPILOT_TASK_ID": "$RUNCTL_RUN_ID",
}


def convert_skypilot(draft: Draft) -> None:
    """Fills ``draft`` from its source. Raises JobFileError for a task without a command."""
    fields = Fields(draft, draft.source.values)
    name, run, setup = fields.take("name"), fields.take("run"), fields.take("setup")
    if not isinstance(run, str) or not run.strip():
        raise JobFileError(
            "The task has no command that a job could run.",
            problems=[draft.source.problem(("run",), "is missing", allowed="a shell command")],
            next_step="Only tasks with `run` are converted; a service or a cluster alone is none.",
        )
    draft.fields["name"] = name
    draft.fields["shell"] = "bash"
    _workdir(draft, fields)
    take_variables(draft, fields.take("envs"), ("envs",))
    take_variables(draft, fields.take("secrets"), ("secrets",), all_secret=True)
    nodes = fields.take("num_nodes")
    if nodes not in (None, 1):
        draft.fields["nodes"] = nodes
    gpus = _resources(draft, Fields(draft, _mapping(fields.take("resources")), ("resources",)))
    _volumes(draft, _mapping(fields.take("volumes")))
    _file_mounts(draft, _mapping(fields.take("file_mounts")))
    fields.refuse("service", because="a job trains and ends; it serves nothing")
    fields.refuse("event_callback", because="`runctl up` ends with the job, and tells how by its exit code")
    fields.refuse_rest()
    count = str(gpus.count) if gpus else GPUS_HERE
    known = {**_VARIABLES, "SKYPILOT_NUM_GPUS_PER_NODE": count}
    setup = setup if isinstance(setup, str) else ""
    draft.setup += [*exports([setup], known), setup]
    draft.run += [*exports([run], known), run]


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _workdir(draft: Draft, fields: Fields) -> None:
    workdir = fields.take("workdir")
    if isinstance(workdir, Mapping):
        draft.remark(("workdir",), "is a repository: clone it here, or in setup")
        workdir = None
    draft.fields["workdir"] = workdir or "."


def _resources(draft: Draft, fields: Fields) -> Gpus | None:
    choices = list(_choices(draft, fields))
    fields.refuse("ports", because="a machine of runctl opens no ports: nothing reaches it from outside")
    fields.refuse("job_recovery", "spot_recovery", because=_GOES_ON)
    fields.refuse("autostop", because="the machine ends with its job, whatever happens here")
    fields.refuse("disk_tier", "network_tier", because="disks are gp3, and the network is the machine's own")
    labels = fields.take("labels")
    if isinstance(labels, Mapping) and labels:
        draft.fields["tags"] = {str(key): str(value) for key, value in labels.items()}
    fields.refuse_rest()
    _markets(draft, [choice for choice, _ in choices])
    if not machine.resources(draft).get("instance_types"):
        return _gpus(draft, choices)
    return None


def _choices(draft: Draft, fields: Fields) -> Iterator[tuple[dict[str, Any], Location]]:
    """The alternatives that AWS could serve, each with all its fields; their other fields are applied."""
    shared = {name: fields.take(name) for name in _TAKEN if name in fields}
    listed = [(name, fields.take(name)) for name in _ALTERNATIVES]
    found: list[tuple[dict[str, Any], Location]] = [
        ({**shared, **each}, (*fields.at(name), index))
        for name, values in listed
        for index, each in enumerate(values if isinstance(values, list) else [])
        if isinstance(each, Mapping)
    ]
    for choice, place in found or [(shared, fields.place)]:
        where = _where(draft, choice, place)
        if where is None and found:
            draft.remark(place, "is an alternative elsewhere: runctl rents from AWS")
            continue
        if where is None:
            draft.remark(place, "is a machine elsewhere: runctl rents from AWS")
        _apply(draft, choice, place)
        yield choice, place


_TAKEN = (
    *("cloud", "infra", "region", "zone", "instance_type", "accelerators", "cpus", "memory", "disk_size"),
    *("use_spot", "image_id", "max_hourly_cost"),
)


def _where(draft: Draft, choice: dict[str, Any], place: Location) -> str | None:
    """The cloud, which is AWS, with the region and zone applied; None for another cloud."""
    cloud, region, zone = choice.get("cloud"), choice.get("region"), choice.get("zone")
    infra = choice.get("infra")
    if isinstance(infra, str):
        cloud, region, zone = (*(part if part != "*" else None for part in infra.split("/")), None, None)[:3]
    if cloud is not None and str(cloud).lower() != "aws":
        return None
    if region is not None:
        if machine.is_region(region):
            machine.set_region(draft, place, str(region))
        else:
            draft.remark(place, "names a region that AWS has not")
    if zone is not None and machine.is_zone(zone):
        zones = draft.fields.setdefault("zones", [])
        zones.extend([zone] if zone not in zones else [])
    return "aws"


def _apply(draft: Draft, choice: dict[str, Any], place: Location) -> None:
    into = machine.resources(draft)
    if choice.get("instance_type"):
        types = into.setdefault("instance_types", [])
        types.extend([choice["instance_type"]] if choice["instance_type"] not in types else [])
    if choice.get("cpus") is not None and "cpu" not in into:
        machine.set_count(draft, (*place, "cpus"), choice["cpus"])
    if choice.get("memory") is not None and "memory" not in into:
        machine.set_memory(draft, (*place, "memory"), choice["memory"])
    if choice.get("disk_size") is not None and "disk" not in into:
        machine.set_disk(draft, (*place, "disk_size"), choice["disk_size"])
    if choice.get("max_hourly_cost") is not None:
        draft.fields["max_price"] = choice["max_hourly_cost"]
    image = choice.get("image_id")
    if isinstance(image, str) and image.startswith("ami-"):
        draft.fields["image"] = image
    elif image is not None:
        add_container(draft, (*place, "image_id"), image)


def _markets(draft: Draft, choices: list[dict[str, Any]]) -> None:
    asked = {bool(choice.get("use_spot")) for choice in choices} or {False}
    draft.fields["spot_policy"] = "auto" if len(asked) == 2 else "spot" if asked == {True} else "on-demand"


def _gpus(draft: Draft, choices: list[tuple[dict[str, Any], Location]]) -> Gpus | None:
    alternatives: list[Gpus] = []
    for choice, place in choices:
        here = (*place, "accelerators")
        for each in _each_accelerator(choice.get("accelerators")):
            try:
                alternatives += skypilot_gpus(each)
            except NotOfferedError as error:
                draft.remark(here, f"{error} is not offered: runctl rents machines with GPUs of NVIDIA")
            except ValueError:
                draft.remark(here, "is not a GPU that a job file knows")
    if not alternatives:
        return None
    first, others = one_request(alternatives)
    machine.resources(draft)["gpu"] = first.written()
    if others:
        listed = ", ".join(dict.fromkeys(each.written() for each in others))
        place = (*choices[0][1], "accelerators")
        draft.remark(place, f"{listed} left out: alternatives have one number of GPUs and one memory")
    return first


def _each_accelerator(written: Any) -> list[Any]:
    if isinstance(written, Mapping):
        return [{name: count} for name, count in written.items()]
    return written if isinstance(written, list) else [written]


def _volumes(draft: Draft, volumes: dict[str, Any]) -> None:
    for destination, volume in volumes.items():
        place = ("volumes", destination)
        size = volume.get("size") if isinstance(volume, Mapping) else None
        name = volume.get("name") if isinstance(volume, Mapping) else volume
        storage.add_volume(draft, place, str(name or "data"), destination, machine.whole_size(size))


def _file_mounts(draft: Draft, mounts: dict[str, Any]) -> None:
    for destination, mount in mounts.items():
        place = ("file_mounts", destination)
        parts = dict(mount) if isinstance(mount, Mapping) else {"source": mount, "mode": "COPY"}
        source, name = parts.get("source"), parts.get("name")
        is_mount = str(parts.get("mode") or "MOUNT").upper() != "COPY"
        if source is None and name is not None and parts.get("store") == "s3" and not is_mount:
            source = f"s3://{name}"
        if source is None:
            storage.add_output(draft, place, destination)
            continue
        for each in source if isinstance(source, list) else [source]:
            address = substituted(str(each), draft)
            if storage.is_address(address):
                storage.add_data(draft, place, address, destination, is_mount=is_mount)
            else:
                storage.add_local(draft, place, address, destination)
