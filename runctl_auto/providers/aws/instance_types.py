"""Which instance types a job may use: those that it names, or those that meet its requirements."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runctl_auto.errors import CloudError, JobFileError
from runctl_auto.job_file.resources import CountRange, Gpu, Resources, SizeRange
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.gpus import Gpus, read_gpus

PAGE = 100
MOST_CONSIDERED = 40
"""How many types are described in detail: the smallest that meet the requirements."""
NEAREST = 4

_VCPU_COUNTS = (
    *(1, 2, 4, 6, 8, 12, 16, 24, 32, 36, 40, 48, 64, 72, 80, 96, 112, 128, 144, 176, 192, 224, 256, 288),
    *(384, 448, 512, 576, 768, 896, 1152, 1440, 1792, 1920),
)
_MOST_FILTER_VALUES = 200
_MIB = 1024
_ACCELERATORS = ("FpgaInfo", "InferenceAcceleratorInfo", "MediaAcceleratorInfo", "NeuronInfo")


@dataclass(frozen=True)
class InstanceType:
    """An instance type. ``is_special``: it has accelerators other than GPUs; ``finds_volumes``: its volumes
    are found by their id. ``clusters``: its machines can be placed close to each other; ``has_fabric``: it
    has an Elastic Fabric Adapter, which is made for machines that train together.
    """

    name: str
    architecture: str
    vcpus: int = 0
    memory_gb: float = 0.0
    gpus: Gpus = field(default_factory=Gpus)
    is_special: bool = False
    finds_volumes: bool = True
    clusters: bool = False
    has_fabric: bool = False

    def __str__(self) -> str:
        gpus = f", {self.gpus}" if self.gpus.count else ""
        return f"{self.name} ({self.vcpus} CPUs, {self.memory_gb:g} GB{gpus})"


@dataclass(frozen=True)
class MachineChoice:
    """The types that a job may use, and those that it names and that do not meet its own requirements."""

    fitting: tuple[InstanceType, ...]
    unfit: tuple[InstanceType, ...] = ()


def choose_machines(spec: JobSpec, cloud: Cloud) -> MachineChoice:
    """The types that the job may use: in its own order if it names them, else the smaller first.

    Raises ``JobFileError`` when a named type does not exist, or none meets the requirements; the nearest
    existing ones are named.
    """
    resources = spec.resources
    if resources.instance_types:
        seen = _named(spec, cloud, resources.instance_types)
        fitting = tuple(each for each in seen if satisfies(each, resources))
    else:
        seen = tuple(_described(cloud, _filters(resources)))
        fitting = _smallest(each for each in seen if satisfies(each, resources))
    if spec.volumes:
        fitting = tuple(each for each in fitting if each.finds_volumes)
    if not fitting:
        raise _nothing_fits(spec, cloud, seen)
    named = seen if resources.instance_types else ()
    return MachineChoice(fitting, tuple(each for each in named if each not in fitting))


def still_satisfies(name: str, resources: Resources, cloud: Cloud) -> bool:
    """Whether an earlier chosen type meets the current requirements."""
    try:
        found = list(_described(cloud, (), InstanceTypes=[name]))
    except CloudError:
        return False
    return any(satisfies(each, resources) for each in found)


def satisfies(machine: InstanceType, resources: Resources) -> bool:
    """Whether a type meets the requirements. A GPU must be requested, or its type named."""
    if resources.gpu is None:
        chosen_by_size = not resources.instance_types
        if chosen_by_size and (machine.gpus.count or machine.is_special):
            return False
    elif not _has_gpus(machine, resources.gpu):
        return False
    return _within(machine.vcpus, resources.cpu) and _within(machine.memory_gb, resources.memory)


def _has_gpus(machine: InstanceType, asked: Gpu) -> bool:
    """A share of a GPU is none; types with shares must be named."""
    gpus = machine.gpus
    if not gpus.are_whole or gpus.count != asked.count or not _within(_nominal(gpus.memory_gb), asked.memory):
        return False
    return _model(gpus.model or "") in map(_model, asked.name) if asked.name else gpus.are_nvidia


def _nominal(usable_gb: float) -> float:
    """The memory that a GPU is sold with: some types report what is usable, up to 7 % less (22,888 MiB of 24
    GB for an L4).
    """
    steps = (8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 141, 180, 192)
    return next((float(each) for each in steps if 0.92 * each <= usable_gb <= each), usable_gb)


def _model(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())


def _within(value: float, asked: CountRange | SizeRange | None) -> bool:
    if asked is None:
        return True
    return (asked.min is None or value >= asked.min) and (asked.max is None or value <= asked.max)


def _named(spec: JobSpec, cloud: Cloud, names: Sequence[str]) -> tuple[InstanceType, ...]:
    try:
        found = list(_described(cloud, (), InstanceTypes=list(names)))
    except CloudError as error:
        if error.code not in ("InvalidInstanceType", "InvalidParameterValue"):
            raise
        raise JobFileError(
            f"An instance type of the job does not exist in {spec.region}: {error}",
            where={"field": "resources.instance_types"},
            next_step=f"Correct resources.instance_types, or choose another region than {spec.region}.",
        ) from error
    by_name = {each.name: each for each in found}
    return tuple(by_name[name] for name in names if name in by_name)


def _described(cloud: Cloud, filters: Sequence[Mapping[str, Any]], **more: object) -> Iterable[InstanceType]:
    asked: dict[str, Any] = dict(more) if more else {"Filters": list(filters), "MaxResults": PAGE}
    for each in cloud.pages("ec2", "describe_instance_types", "InstanceTypes", **asked):
        yield _machine(each)


def _machine(described: Mapping[str, Any]) -> InstanceType:
    architectures = described.get("ProcessorInfo", {}).get("SupportedArchitectures") or ["x86_64"]
    volumes = described.get("EbsInfo", {}).get("NvmeSupport", "required")
    return InstanceType(
        name=described["InstanceType"],
        architecture="arm64" if "arm64" in architectures else "x86_64",
        vcpus=int(described.get("VCpuInfo", {}).get("DefaultVCpus", 0)),
        memory_gb=described.get("MemoryInfo", {}).get("SizeInMiB", 0) / _MIB,
        gpus=read_gpus(described),
        is_special=any(described.get(kind) for kind in _ACCELERATORS),
        finds_volumes=volumes in ("required", "supported"),
        clusters="cluster" in described.get("PlacementGroupInfo", {}).get("SupportedStrategies", ()),
        has_fabric=bool(described.get("NetworkInfo", {}).get("EfaSupported")),
    )


def _filters(resources: Resources, *, wide: bool = False) -> tuple[dict[str, Any], ...]:
    """Filters applied by the service, to reduce the number of pages; ``satisfies`` decides."""
    found = [
        {"Name": "processor-info.supported-architecture", "Values": ["x86_64"]},
        {"Name": "bare-metal", "Values": ["false"]},
    ]
    if resources.gpu is not None:
        return (*found, {"Name": "instance-type", "Values": ["g*", "p*"]})
    found.append({"Name": "hypervisor", "Values": ["nitro"]})
    counts = _vcpu_counts(resources)
    if counts and not wide:
        found.append({"Name": "vcpu-info.default-vcpus", "Values": [str(count) for count in counts]})
    return tuple(found)


def _vcpu_counts(resources: Resources) -> list[int]:
    """CPU counts to search: the requested range, with an open end limited to four times its start; if only
    memory is requested, the counts of machines with 2 to 16 GB per CPU.
    """
    cpu, memory = resources.cpu, resources.memory
    if cpu is not None:
        low = cpu.min or 1
        high = cpu.max if cpu.max is not None else 4 * low
    elif memory is not None:
        low = max(1, (memory.min or 1) // 16)
        high = max(2, (memory.min or memory.max or 4) // 2)
    else:
        return []
    if high - low < _MOST_FILTER_VALUES:
        return list(range(low, high + 1))
    return [count for count in _VCPU_COUNTS if low <= count <= high]


def _smallest(machines: Iterable[InstanceType]) -> tuple[InstanceType, ...]:
    return tuple(sorted(machines, key=_size)[:MOST_CONSIDERED])


def _size(machine: InstanceType) -> tuple[float, int, float, str]:
    return machine.gpus.total, machine.vcpus, machine.memory_gb, machine.name


def _nothing_fits(spec: JobSpec, cloud: Cloud, seen: Sequence[InstanceType]) -> JobFileError:
    resources = spec.resources
    if not resources.instance_types and resources.gpu is None:
        seen = tuple(_described(cloud, _filters(resources, wide=True)))
    if spec.volumes:
        seen = tuple(each for each in seen if each.finds_volumes)
    nearest = sorted(seen, key=lambda each: (_distance(each, resources), _size(each)))[:NEAREST]
    named = "; ".join(_told(each, resources) for each in nearest)
    return JobFileError(
        f"No instance type of {spec.region} has {_asked(resources)}.",
        where={"field": "resources", "region": spec.region},
        next_step=f"The nearest that exist: {named or 'none'}." + _models(resources, seen),
    )


def _told(machine: InstanceType, resources: Resources) -> str:
    if resources.gpu is None or resources.gpu.memory is None:
        return str(machine)
    return f"{machine} with {_nominal(machine.gpus.memory_gb):g} GB each"


def _models(resources: Resources, seen: Iterable[InstanceType]) -> str:
    """The available GPU models, if the requested one is not among them."""
    models = sorted({each.gpus.model for each in seen if each.gpus.model})
    asked = resources.gpu.name if resources.gpu else ()
    if not asked or set(map(_model, asked)) & set(map(_model, models)):
        return ""
    return f" GPU models there: {', '.join(models) or 'none'}."


def _asked(resources: Resources) -> str:
    gpu = resources.gpu
    words = [
        *([_asked_gpus(gpu)] if gpu else ()),
        *([f"{_range(resources.cpu)} CPUs"] if resources.cpu else ()),
        *([f"{_range(resources.memory)} GB of memory"] if resources.memory else ()),
    ]
    return " and ".join(words) or "volumes that the agent finds"


def _asked_gpus(gpu: Gpu) -> str:
    memory = f" with {_range(gpu.memory)} GB" if gpu.memory else ""
    return f"{gpu.count} {' or '.join(gpu.name) or 'NVIDIA'} GPU{'s' if gpu.count > 1 else ''}{memory}"


def _range(asked: CountRange | SizeRange) -> str:
    if asked.min == asked.max:
        return str(asked.min)
    return f"{asked.min or ''}..{asked.max or ''}"


def _distance(machine: InstanceType, resources: Resources) -> float:
    """Distance of a type from the requirements; a factor of two counts 1, another GPU model up to 8."""
    total = _outside(machine.vcpus, resources.cpu) + _outside(machine.memory_gb, resources.memory)
    gpu = resources.gpu
    if gpu is not None:
        total += abs(math.log2(max(machine.gpus.total, 0.1) / gpu.count))
        total += _outside(_nominal(machine.gpus.memory_gb), gpu.memory)
        if gpu.name:
            total += 8 * (1 - max(_likeness(name, machine.gpus.model or "") for name in gpu.name))
    return total


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, _model(one), _model(other)).ratio()


def _outside(value: float, asked: CountRange | SizeRange | None) -> float:
    if asked is None or value <= 0:
        return 0.0
    if asked.min is not None and value < asked.min:
        return math.log2(asked.min / value)
    if asked.max is not None and value > asked.max:
        return math.log2(value / asked.max)
    return 0.0
