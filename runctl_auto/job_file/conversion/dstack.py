"""Task files of dstack."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.conversion import machine, storage
from runctl_auto.job_file.conversion.container import add_container
from runctl_auto.job_file.conversion.draft import Draft
from runctl_auto.job_file.conversion.gpus import Gpus, NotOfferedError, dstack_gpus
from runctl_auto.job_file.conversion.source_values import Fields
from runctl_auto.job_file.conversion.variables import GPUS_HERE, exports, take_variables

_OTHER_KINDS = {
    "service": "a job trains and ends; it serves nothing",
    "dev-environment": "a job runs a command; nobody logs in to its machine",
    "fleet": "a job's machine is made for it, and ends with it",
    "volume": "volumes are named by the job that uses them: volumes: [{name, size, mount}]",
    "gateway": "a machine of runctl opens no ports",
}
_VARIABLES = {
    "DSTACK_NODE_RANK": "$RUNCTL_NODE_RANK",
    "DSTACK_NODES_NUM": "$RUNCTL_NUM_NODES",
    "DSTACK_MASTER_NODE_IP": "$RUNCTL_MASTER_ADDR",
    "DSTACK_NODES_IPS": "$RUNCTL_NODE_IPS",
    "DSTACK_RUN_NAME": "$RUNCTL_JOB",
    "DSTACK_RUN_ID": "$RUNCTL_RUN_ID",
    "DSTACK_WORKING_DIR": "$PWD",
}
_GOES_ON = "a job goes on from its last checkpoint after an interruption, without being asked"
_COUNT_RANGE = re.compile(r"(^|:)\s*\d+\s*\.\.")


def convert_dstack(draft: Draft) -> None:
    """Fills ``draft`` from its source. Raises JobFileError for what is no task, or has no command."""
    fields = Fields(draft, draft.source.values)
    _refuse_other_kinds(draft, fields.take("type"))
    commands = fields.take("commands")
    lines = [str(each) for each in commands] if isinstance(commands, list) else [str(commands or "")]
    if not any(line.strip() for line in lines):
        raise JobFileError(
            "The task has no command that a job could run.",
            problems=[draft.source.problem(("commands",), "is missing", allowed="a list of shell commands")],
            next_step="Name what its image runs as commands.",
        )
    draft.fields["name"] = fields.take("name")
    add_container(draft, ("image",), fields.take("image"))
    draft.fields["workdir"] = "."
    take_variables(draft, fields.take("env"), ("env",))
    nodes = fields.take("nodes")
    if nodes not in (None, 1):
        draft.fields["nodes"] = nodes
    gpus = _resources(draft, Fields(draft, _mapping(fields.take("resources")), ("resources",)))
    _place(draft, fields)
    _limits(draft, fields)
    _volumes(draft, fields.take("volumes"))
    _files(draft, fields.take("files"))
    _refusals(fields)
    count = str(gpus.count) if gpus else GPUS_HERE
    every = f"$(({count} * RUNCTL_NUM_NODES))"
    known = {**_VARIABLES, "DSTACK_GPUS_PER_NODE": count, "DSTACK_GPUS_NUM": every}
    draft.run += exports(lines, known)
    folder = fields.take("working_dir")
    if isinstance(folder, str) and folder not in ("", "."):
        draft.run.append(f"cd {shlex.quote(folder)}")
    draft.run += lines
    fields.refuse_rest()


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _refuse_other_kinds(draft: Draft, kind: object) -> None:
    if kind in (None, "task"):
        return
    reason = _OTHER_KINDS.get(str(kind), "only a task is converted")
    raise JobFileError(
        f"The file describes a {kind}, not a task: {reason}.",
        problems=[draft.source.problem(("type",), "is not a kind that is converted", allowed="task")],
        next_step="Convert the task that trains.",
    )


def _resources(draft: Draft, fields: Fields) -> Gpus | None:
    for name, take in (
        ("cpu", machine.set_count),
        ("memory", machine.set_memory),
        ("disk", machine.set_disk),
    ):
        value = fields.take(name)
        if isinstance(value, Mapping):
            value = value.get("count") or value.get("size")
        if value is not None:
            take(draft, fields.at(name), _range(value))
    gpu, place = fields.take("gpu"), fields.at("gpu")
    fields.refuse("shm_size", because="shared memory has no limit of its own there")
    fields.refuse_rest()
    if gpu is None:
        return None
    try:
        found = dstack_gpus(gpu)
    except NotOfferedError as error:
        draft.remark(place, f"{error} is not offered: runctl rents machines with GPUs of NVIDIA")
        return None
    except ValueError:
        draft.remark(place, "is not a GPU that a job file knows")
        return None
    machine.resources(draft)["gpu"] = found.written()
    count = gpu.get("count") if isinstance(gpu, Mapping) else gpu
    if isinstance(count, Mapping) or _COUNT_RANGE.search(str(count)):
        draft.remark(place, f"is a range of counts: {found.count} is asked for")
    return found


def _range(value: Any) -> Any:
    if isinstance(value, Mapping):
        return f"{value.get('min') or ''}..{value.get('max') or ''}"
    return value


def _place(draft: Draft, fields: Fields) -> None:
    backends = fields.take("backends")
    if isinstance(backends, list) and "aws" not in backends:
        draft.remark(("backends",), "are elsewhere: runctl rents from AWS")
    regions = fields.take("regions")
    for index, region in enumerate(regions if isinstance(regions, list) else [regions]):
        if machine.is_region(region):
            machine.set_region(draft, ("regions", index), str(region))
        elif region is not None:
            draft.remark(("regions", index), "is a region that AWS has not")
    zones = fields.take("availability_zones")
    usable = [zone for zone in zones if machine.is_zone(zone)] if isinstance(zones, list) else []
    if usable:
        draft.fields["zones"] = usable
    types = fields.take("instance_types")
    if isinstance(types, list) and types:
        draft.fields["resources"] = {**machine.resources(draft), "instance_types": types}


def _limits(draft: Draft, fields: Fields) -> None:
    draft.fields["spot_policy"] = fields.take("spot_policy") or "on-demand"
    for name in ("max_price", "max_duration"):
        value = fields.take(name)
        if value is not None:
            draft.fields[name] = "off" if value is False else value
    tags = fields.take("tags")
    if isinstance(tags, Mapping) and tags:
        draft.fields["tags"] = {str(key): str(value) for key, value in tags.items()}
    shell = fields.take("shell")
    if isinstance(shell, str):
        draft.fields["shell"] = f"{shell} -e"


def _volumes(draft: Draft, volumes: object) -> None:
    for index, volume in enumerate(volumes if isinstance(volumes, list) else []):
        place = ("volumes", index)
        name, path = _volume(volume)
        if name.startswith("/"):
            draft.remark(place, "lies on the machine, which ends with its job: checkpoints or a volume last")
            draft.setup.append(f"mkdir -p {shlex.quote(path)}")
        else:
            storage.add_volume(draft, place, name, path, None)


def _volume(volume: object) -> tuple[str, str]:
    """Name, or path on the machine, and mount point; of several names the first."""
    if isinstance(volume, str):
        name, _, path = volume.partition(":")
        return name, path
    parts = _mapping(volume)
    names = parts.get("name") or parts.get("instance_path") or "data"
    return str(names[0] if isinstance(names, list) else names), str(parts.get("path") or "")


def _files(draft: Draft, files: object) -> None:
    for index, each in enumerate(files if isinstance(files, list) else []):
        if isinstance(each, str):
            local, _, path = each.partition(":")
        else:
            local, path = (str(_mapping(each).get(key) or "") for key in ("local_path", "path"))
        storage.add_local(draft, ("files", index), local, path or local)


def _refusals(fields: Fields) -> None:
    fields.refuse("ports", because="a machine of runctl opens no ports: nothing reaches it from outside")
    fields.refuse("python", because="choose it in setup, such as `uv venv --python 3.12`")
    fields.refuse("retry", because=_GOES_ON)
    fields.refuse("idle_duration", because="there it keeps an idle machine; here no machine outlives its job")
    fields.refuse("utilization_policy", because="idle_duration ends a job whose processors and GPUs are idle")
    fields.refuse("stop_duration", because="`runctl down --grace SECONDS` says it")
    fields.refuse("startup_order", "stop_criteria", because="all nodes begin and end together")
    fields.refuse("repos", because="files travel with workdir; clone others in setup")
