"""Machine types of RunPod: so many GPUs of a type, or so many CPUs of a flavour, by a name of runctl's.

The API has GPU types and CPU flavours and no machine types. The name is made of the API's identifier and the
count: ``nvidia-geforce-rtx-4090.2`` are two RTX 4090, ``cpu3c.4`` four CPUs of the flavour cpu3c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runctl_auto.job_file.resources import CountRange, Gpu, Resources, SizeRange
from runctl_auto.job_file.spec import RunpodCloud
from runctl_auto.stack.prices import price_of

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_COUNTS_OF_CPUS = (2, 4, 8, 16, 32, 64)
NO_STOCK = "NONE"
COMMUNITY = "COMMUNITY"
"""The place of all hosts of the community cloud, which are in no data centre of RunPod's."""


@dataclass(frozen=True)
class MachineType:
    """A machine type. ``gpu`` is the API's id of its GPUs, ``cpu`` that of its flavour; one of them is None.

    ``price`` is USD an hour in the cloud that was asked about, None when unknown. ``zones`` are the data
    centres that have stock; None when that was not asked.
    """

    name: str
    label: str
    count: int
    gpu: str | None = None
    cpu: str | None = None
    gpu_memory_gb: float = 0.0
    memory_gb: float = 0.0
    price: float | None = None
    zones: tuple[str, ...] | None = None

    @property
    def request(self) -> dict[str, Any]:
        """The fields of a pod's creation that ask for it."""
        if self.gpu is not None:
            return {"gpu": {"id": self.gpu, "count": self.count}}
        return {"cpu": {"id": self.cpu, "vcpuCount": self.count}}

    def satisfies(self, asked: Resources) -> bool:
        """Whether it meets what a job file asks. The memory of a machine with GPUs is not known beforehand,
        so that a job with GPUs cannot ask for one."""
        if asked.gpu is not None:
            return self.gpu is not None and self._has(asked.gpu)
        if self.gpu is not None:
            return bool(asked.instance_types) and asked.cpu is None and asked.memory is None
        return _within(self.count, asked.cpu) and _within(self.memory_gb, asked.memory)

    def _has(self, asked: Gpu) -> bool:
        models = {_model(each) for each in asked.name}
        is_model = not models or bool(models & {_model(self.label), _model(self.gpu or "")})
        return is_model and self.count == asked.count and _within(self.gpu_memory_gb, asked.memory)


def name_of(compute: Mapping[str, Any]) -> str | None:
    """The type of a pod's ``gpu`` or ``cpu``; None when it tells none."""
    if not compute.get("id"):
        return None
    return _name(str(compute["id"]), int(compute.get("vcpuCount") or compute.get("count") or 1))


def gpu_types(
    catalogue: Sequence[Mapping[str, Any]], counts: Sequence[int], cloud: RunpodCloud = "secure"
) -> Iterator[MachineType]:
    """The types with so many GPUs that the cloud has, from the API's list of GPU types."""
    for each in catalogue:
        for count in counts:
            if not each.get(cloud) or count > int(each["maxCount"][cloud]):
                continue
            price = price_of(each["price"].get(cloud))
            yield MachineType(
                _name(str(each["id"]), count),
                str(each["name"]),
                count,
                gpu=str(each["id"]),
                gpu_memory_gb=float(each["memory"]),
                price=None if price is None else price * count,
                zones=_zones(each, cloud),
            )


def cpu_types(catalogue: Sequence[Mapping[str, Any]]) -> Iterator[MachineType]:
    """The types without GPUs, from the API's list of CPU flavours."""
    for each in catalogue:
        price = price_of(each["price"].get("securePerVcpu"))
        for count in _COUNTS_OF_CPUS:
            if not each["vcpu"]["min"] <= count <= each["vcpu"]["max"]:
                continue
            yield MachineType(
                _name(str(each["id"]), count),
                str(each["name"]),
                count,
                cpu=str(each["id"]),
                memory_gb=count * float(each["ramGbPerVcpu"]),
                price=None if price is None else price * count,
                zones=_zones(each, "secure"),
            )


def count_of(name: str) -> int | None:
    """How many GPUs or CPUs a type of this name has; None for another cloud's name."""
    count = name.rpartition(".")[2]
    return int(count) if count.isascii() and count.isdigit() and int(count) else None


def _zones(described: Mapping[str, Any], cloud: RunpodCloud) -> tuple[str, ...] | None:
    """Data centres that have any; when that was asked, a type without a list of them has no stock."""
    if "availability" not in described:
        return None
    if cloud == "community":
        return () if described["availability"] == NO_STOCK else (COMMUNITY,)
    listed = described.get("dataCenters") or ()
    return tuple(str(each["id"]) for each in listed if each.get("availability") != NO_STOCK)


def _name(identity: str, count: int) -> str:
    return f"{_NOT_IN_A_NAME.sub('-', identity.lower()).strip('-')}.{count}"


def _model(name: str) -> str:
    plain = "".join(sign for sign in name.lower() if sign.isalnum())
    return plain.removeprefix("nvidia").removeprefix("geforce")


def _within(value: float, asked: CountRange | SizeRange | None) -> bool:
    if asked is None:
        return True
    return (asked.min is None or value >= asked.min) and (asked.max is None or value <= asked.max)
