"""What of a job file applies on this machine, what does not and is said, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.agent.local.capacity import Capacity, Needs
from runctl_auto.agent.local.in_container import LocalRuntime
from runctl_auto.errors import NoCapacityError, NotSupportedError
from runctl_auto.job_file.image_reference import DOCKER
from runctl_auto.job_file.resources import DEFAULT_INSTANCE_TYPES
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.packaging.work_folder import WorkFolder

_CLOUDS_ALONE: Mapping[str, str] = {
    "region": "there is no region",
    "zones": "there are no zones",
    "network": "the job has this machine's network",
    "spot_policy": "nobody takes this machine away",
    "max_price": "this machine costs nothing",
    "budget": "this machine costs nothing",
    "runpod": "the job has this machine",
    "tags": "nothing is made that carries tags",
}
"""Fields that mean nothing on this machine, and why."""
_GPU_FAMILIES = ("g", "p")


@dataclass(frozen=True)
class Applied:
    """How a job file is carried out here. ``notes`` say what does not apply; ``mounts`` are folders by the
    names of volumes, ``data`` such folders by their path in the work folder; ``runtime`` runs the job's
    container, None without one."""

    needs: Needs
    notes: tuple[str, ...] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    runtime: LocalRuntime | None = None


def applied_here(
    spec: JobSpec,
    work: WorkFolder,
    capacity: Capacity,
    *,
    is_folder: Callable[[Path], bool] = Path.is_dir,
    runtime: Callable[[], LocalRuntime] | None = None,
) -> Applied:
    """Reads nothing but whether folders are there; ``runtime`` finds the runtime of a container. Raises
    ``NotSupportedError`` for what this machine cannot do, ``NoCapacityError`` for more than it has."""
    _refuse_what_needs_a_cloud(spec)
    mounts, data = _mounts(spec, is_folder), _data(spec, work)
    needs = needs_of(spec)
    lack = capacity.lacks(needs)
    if lack is not None:
        raise NoCapacityError(
            f"Job '{spec.name}' needs more than this machine has for jobs: it needs {lack}.",
            where={"job": spec.name, "field": "resources", "provider": "local"},
            next_step="Ask for less in resources, change local.gpus, local.cpus or local.memory_gb in the "
            "settings, or name another provider.",
        )
    notes = (*_not_applied(spec), *_on_folders(mounts, data), *_on_gpus(spec, capacity))
    in_container = spec.image.startswith(DOCKER) and runtime is not None
    return Applied(needs, notes, mounts, data, runtime() if in_container and runtime else None)


def needs_of(spec: JobSpec) -> Needs:
    """What the job needs at least; a job that names types of instances only needs its turn."""
    asked = spec.resources
    return Needs(
        cpus=(asked.cpu.min or 0) if asked.cpu else 0,
        memory_gb=(asked.memory.min or 0) if asked.memory else 0,
        gpus=asked.gpu.count if asked.gpu else 0,
    )


def _refuse_what_needs_a_cloud(spec: JobSpec) -> None:
    where = {"job": spec.name, "provider": "local"}
    if spec.nodes > 1:
        raise NotSupportedError(
            f"Job '{spec.name}' wants {spec.nodes} nodes, and this machine is one.",
            where={**where, "field": "nodes"},
            next_step="Start several processes in `run`, for example with torchrun, or use provider: aws.",
        )
    if spec.notify is not None:
        raise NotSupportedError(
            f"Job '{spec.name}' has notify, which a job of this machine does not send.",
            where={**where, "field": "notify"},
            next_step="Remove notify, or tell of the end in `run` itself.",
        )


def _mounts(spec: JobSpec, is_folder: Callable[[Path], bool]) -> dict[str, str]:
    missing = [each for each in spec.volumes if not is_folder(Path(each.mount))]
    if missing:
        named = ", ".join(f"{each.name} at {each.mount}" for each in missing)
        raise NotSupportedError(
            f"Job '{spec.name}' has volumes, and this machine mounts none: {named}.",
            where={"job": spec.name, "field": "volumes", "provider": "local"},
            next_step="Make a folder or a link at the mount point, which the job uses then as it is, or "
            "remove the volume.",
        )
    return {each.name: each.mount for each in spec.volumes}


def _data(spec: JobSpec, work: WorkFolder) -> dict[str, str]:
    """Data that lie beside the code are taken from there: no bucket is read."""
    found, missing = {}, []
    for each in spec.data:
        held = work.path / each.path
        if held.exists():
            found[each.path] = str(held)
        else:
            missing.append(each)
    if missing:
        first = missing[0]
        raise NotSupportedError(
            f"Job '{spec.name}' has data in a bucket, which a job of this machine does not read: "
            + ", ".join(f"{each.source} at {each.path}" for each in missing)
            + ".",
            where={"job": spec.name, "field": "data", "provider": "local"},
            next_step=f"`runctl transfer {first.source} {work.path / first.path}` brings them to the work "
            "folder, from where the job takes them.",
        )
    return found


def _not_applied(spec: JobSpec) -> Iterator[str]:
    if spec.provider != "local":
        named = " and ".join(spec.clouds)
        yield f"the file is for provider {named}; the job is made on this machine (--provider local)"
    said = spec.model_fields_set
    if "image" in said and not spec.image.startswith(DOCKER):
        yield "image does not apply: the job has this machine's system"
    for name, why in _CLOUDS_ALONE.items():
        if name in said and not (name == "region" and spec.region == "local"):
            yield f"{name} does not apply: {why}"
    if spec.resources.instance_types not in ((), DEFAULT_INSTANCE_TYPES):
        yield "resources.instance_types does not apply: the job has this machine"
    if spec.resources.disk is not None:
        yield "resources.disk does not apply: the job has this machine's disk"
    if spec.resources.gpu is not None and (spec.resources.gpu.name or spec.resources.gpu.memory):
        yield "of resources.gpu the number of GPUs alone applies: model and memory are this machine's"
    if "artifacts" in said and spec.artifacts.keep:
        yield "artifacts.keep does not apply: there is no bucket to keep; `down` brings the artifacts home"
    if spec.retry is not None and {"no-capacity", "interruption"} & set(spec.retry.on_events):
        yield "of retry.on_events `error` alone applies"


def _on_folders(mounts: Mapping[str, str], data: Mapping[str, str]) -> Iterator[str]:
    for name, path in mounts.items():
        yield f"volume {name}: the folder {path} of this machine, as it is; `down` leaves it alone"
    for path, held in data.items():
        yield f"data {path}: the folder {held}, read where it is; no bucket is read"


def _on_gpus(spec: JobSpec, capacity: Capacity) -> Iterator[str]:
    if spec.resources.gpu is not None or not capacity.gpus:
        return
    named = [each for each in spec.resources.instance_types if each[:1] in _GPU_FAMILIES]
    if named:
        yield f"{named[0]} has GPUs, but resources.gpu names none: the job sees none here; gpu: 1 gives one"
