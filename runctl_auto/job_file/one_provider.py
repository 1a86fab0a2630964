"""A job that several providers may run, as each of them sees it: with its own zones and machine types."""

from __future__ import annotations

import re

from runctl_auto.job_file.resources import DEFAULT_INSTANCE_TYPES
from runctl_auto.job_file.spec import CloudName, JobSpec

_TYPE_OF_RUNPOD = re.compile(r"[a-z0-9-]+\.[0-9]+")
"""Such as nvidia-a40.2: a number after the point, where AWS has a size."""


def seen_by(spec: JobSpec, provider: CloudName) -> JobSpec:
    """The job if ``provider`` alone could run it. Zones of others do not bind it: without one of its own it
    may use all that it has."""
    if spec.clouds == (provider,):
        return spec
    resources = spec.resources.model_copy(update={"instance_types": types_of(spec, provider)})
    return spec.model_copy(
        update={
            "provider": provider,
            "providers": (),
            "provider_order": "listed",
            "resources": resources,
            "zones": tuple(each for each in spec.zones if cloud_of_zone(each) == provider),
        }
    )


def types_of(spec: JobSpec, provider: CloudName) -> tuple[str, ...]:
    """The machine types that the job names of ``provider``. The default of a job file is one for each."""
    named = spec.resources.instance_types
    if named == DEFAULT_INSTANCE_TYPES:
        return named
    return tuple(each for each in named if cloud_of_type(each) == provider)


def cloud_of_type(name: str) -> CloudName:
    """Whose machine type has this name."""
    return "runpod" if _TYPE_OF_RUNPOD.fullmatch(name) else "aws"


def cloud_of_zone(zone: str) -> CloudName:
    """Whose zone has this name: data centres of RunPod are in capitals."""
    return "runpod" if zone.isupper() else "aws"
