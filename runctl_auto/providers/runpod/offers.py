"""What RunPod offers for a job: machine types in data centres, or in the community cloud, at list prices."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.resources import DEFAULT_DISK_GB, DEFAULT_INSTANCE_TYPES, Resources
from runctl_auto.job_file.spec import JobSpec, RunpodCloud
from runctl_auto.providers.contract import NOT_OFFERED, Account, Offer, Offers
from runctl_auto.providers.runpod.client import RunpodClient
from runctl_auto.providers.runpod.machine_types import COMMUNITY, MachineType, count_of, cpu_types, gpu_types
from runctl_auto.stack.config import Placement
from runctl_auto.stack.prices import PriceSource

DEFAULT_IMAGE = "runpod/pytorch:1.0.2-cu1281-torch280-ubuntu2404"
"""What ``image: auto`` is: RunPod's own image with CUDA, PyTorch and Python."""
_AVAILABLE = {"include": "AVAILABILITY", "product": "POD"}
_SMALLEST = Resources.model_validate({"cpu": "2"})
_NEAREST = 4
SPOT_NOTE = "RunPod's API has no spot pods: every offer is on-demand"

LIMITS_NOTE = (
    "with nobody awake, limits are kept in the pod, which ends itself with the key that RunPod gives it; "
    "`runctl reap` ends one that could not"
)


def find_offers(
    spec: JobSpec,
    client: RunpodClient,
    account: Account,
    *,
    zone: str | None = None,
    now: datetime | None = None,
) -> Offers:
    """Every type that the job may use, in every data centre, those left out with the reason.

    Raises ``JobFileError`` when a named type does not exist, none meets the requirements, or the job wants
    what RunPod has not: spot pods only, another image than a container's.
    """
    _refuse(spec)
    asked = _asked(spec)
    cloud = spec.runpod.cloud
    zones = data_centres(client) if cloud == "secure" else (COMMUNITY,)
    seen = tuple(_seen(client, asked, cloud))
    chosen = _named(spec, asked, seen) if asked.instance_types else seen
    fitting = [each for each in chosen if each.satisfies(asked)]
    if not fitting:
        raise _nothing_fits(spec, asked, seen)
    source = PriceSource(name="catalogue", date=(now or datetime.now(timezone.utc)).strftime("%Y-%m-%d"))
    offers = tuple(
        _offer(spec, account, machine, place, rank=rank if asked.instance_types else 0, source=source)
        for rank, machine in enumerate(fitting)
        for place in zones
        if zone in (None, place) and (not spec.zones or place in spec.zones)
    )
    unfit = [f"{each.name} does not meet resources" for each in chosen if each not in fitting]
    notes = [*([SPOT_NOTE] if spec.spot_policy == "auto" else ()), LIMITS_NOTE]
    return Offers(offers, notes=(*notes, *(unfit if asked.instance_types else ())))


def data_centres(client: RunpodClient) -> tuple[str, ...]:
    """Ids of all data centres. One request."""
    return tuple(str(each["id"]) for each in client.read("/v2/catalog/datacenters")["dataCenters"])


def find_type(client: RunpodClient, name: str, cloud: RunpodCloud = "secure") -> MachineType | None:
    """The machine type of this name in the cloud; None when there is none."""
    return next((each for each in _seen(client, _only(name), cloud) if each.name == name), None)


def still_satisfies(client: RunpodClient, name: str, asked: Resources, cloud: RunpodCloud) -> bool:
    """Whether a type that was chosen earlier meets the requirements; one that is gone meets none."""
    found = find_type(client, name, cloud)
    return found is not None and found.satisfies(asked)


def _only(name: str) -> Resources:
    return Resources.model_validate({"instance_types": [name]})


def _refuse(spec: JobSpec) -> None:
    if spec.spot_policy == "spot":
        raise JobFileError(
            "RunPod's API has no spot pods, and the job asks for nothing else.",
            where={"field": "spot_policy", "provider": "runpod"},
            next_step="Set spot_policy: on-demand.",
        )
    if spec.image.startswith(("ami-", "ssm:")):
        raise JobFileError(
            f"A pod is a container, and {spec.image} is an image of AWS's machines.",
            where={"field": "image", "provider": "runpod"},
            next_step=f"Leave image: auto, which is {DEFAULT_IMAGE}.",
        )


def _asked(spec: JobSpec) -> Resources:
    """What the job asks; the default of a job file, a small type of AWS's, is the smallest pod."""
    if spec.resources.instance_types == DEFAULT_INSTANCE_TYPES:
        return _SMALLEST
    return spec.resources


def _seen(client: RunpodClient, asked: Resources, cloud: RunpodCloud) -> Iterator[MachineType]:
    """All types that may be meant: a request for each number of GPUs, since stock depends on it. The
    community cloud has no machines without GPUs."""
    named = {count for each in asked.instance_types if (count := count_of(each)) is not None}
    counts = {asked.gpu.count} if asked.gpu else named
    if asked.gpu is None and cloud == "secure":
        yield from cpu_types(client.read("/v2/catalog/cpus", _AVAILABLE)["cpus"])
    for count in sorted(counts):
        listed = client.read("/v2/catalog/gpus", {**_AVAILABLE, "cloud": cloud.upper(), "count": count})
        yield from gpu_types(listed["gpus"], [count], cloud)


def _named(spec: JobSpec, asked: Resources, seen: Sequence[MachineType]) -> list[MachineType]:
    by_name = {each.name: each for each in seen}
    unknown = [each for each in asked.instance_types if each not in by_name]
    if unknown:
        near = difflib.get_close_matches(unknown[0], by_name, _NEAREST, 0.3)
        raise JobFileError(
            f"RunPod has no machine type {', '.join(unknown)}.",
            where={"field": "resources.instance_types", "job": spec.name},
            next_step=f"The nearest that exist: {', '.join(near) or 'none'}; or name GPUs in resources.gpu.",
        )
    return [by_name[each] for each in asked.instance_types]


def _nothing_fits(spec: JobSpec, asked: Resources, seen: Sequence[MachineType]) -> JobFileError:
    labels = sorted({each.label for each in seen if (each.gpu is None) == (asked.gpu is None)})
    return JobFileError(
        "No machine type of RunPod meets the job's resources.",
        where={"field": "resources", "job": spec.name},
        next_step=f"What exists: {', '.join(labels) or 'none'}. Pods with GPUs are not chosen by memory.",
    )


def _offer(
    spec: JobSpec, account: Account, machine: MachineType, zone: str, *, rank: int, source: PriceSource
) -> Offer:
    reason = _left_out(spec, machine, zone)
    place = Placement(
        account=account.id,
        partition=account.partition,
        region=spec.region,
        zone=zone,
        vpc="",
        subnet="",
        image=DEFAULT_IMAGE if spec.image == "auto" else spec.image.removeprefix("docker:"),
        instance_type=machine.name,
        market="on-demand",
        provider="runpod",
        price_hour=machine.price,
        price_source=source if machine.price is not None else None,
        disk_gb=spec.resources.disk or DEFAULT_DISK_GB,
    )
    return Offer(
        instance_type=machine.name,
        zone=zone,
        market="on-demand",
        provider="runpod",
        rank=rank,
        cpus=machine.count if machine.cpu else 0,
        memory_gb=machine.memory_gb,
        gpu=f"{machine.count} {machine.label}" if machine.gpu else None,
        price_hour=machine.price,
        price_source=place.price_source,
        places=() if reason else (place,),
        left_out=reason,
    )


def _left_out(spec: JobSpec, machine: MachineType, zone: str) -> str | None:
    if machine.zones is not None and zone not in machine.zones:
        return NOT_OFFERED
    if spec.max_price is None:
        return None
    if machine.price is None:
        return f"its price is unknown, so max_price {spec.max_price} cannot be kept"
    if machine.price > spec.max_price:
        return f"{machine.price} USD an hour is over max_price {spec.max_price}"
    return None
