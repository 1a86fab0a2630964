"""Valid fields of a job file that ``up`` does not support yet: reported, never silently ignored."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.job_file.one_provider import cloud_of_zone
from runctl_auto.job_file.spec import JobSpec


@dataclass(frozen=True)
class Unsupported:
    """``field`` is valid and not supported yet; ``instead`` says what to write until then."""

    field: str
    instead: str

    def __str__(self) -> str:
        return f"{self.field} is not supported yet; {self.instead}"


def unsupported(spec: JobSpec) -> list[Unsupported]:
    """All fields of ``spec`` that ``up`` must reject, in the order of the schema; empty if there are none."""
    asked = [
        _on_any(spec),
        *([_on_several(spec)] if len(spec.clouds) > 1 else []),
        *([_on_runpod(spec)] if "runpod" in spec.clouds else []),
    ]
    return [
        Unsupported(field, instead)
        for fields in asked
        for field, (present, instead) in fields.items()
        if present
    ]


def _on_any(spec: JobSpec) -> dict[str, tuple[bool, str]]:
    return {
        f"nodes: {spec.nodes} with provider: {', '.join(spec.clouds) or spec.provider}": (
            spec.nodes > 1 and spec.clouds != ("aws",),
            "only provider: aws makes several machines for a job; use nodes: 1",
        ),
        f"nodes: {spec.nodes} with recovery: cloud": (
            spec.nodes > 1 and spec.recovery == "cloud",
            "a group of the cloud cannot tell which of several machines it makes anew; use recovery: runctl",
        ),
        f"nodes: {spec.nodes} with volumes": (
            spec.nodes > 1 and bool(spec.volumes),
            "a volume can be attached to one machine only; use data with strategy: stage, direct or cache",
        ),
        "network.placement: cluster with nodes: 1": (
            spec.nodes == 1 and spec.network.placement == "cluster",
            "one machine has no others to be close to",
        ),
        "elastic with recovery: none": (
            spec.elastic is not None and spec.recovery == "none",
            "nobody would make the machine that the others go on without; use recovery: runctl",
        ),
    }


def _on_several(spec: JobSpec) -> dict[str, tuple[bool, str]]:
    """What belongs to one provider, so that no other can run the job."""
    return {
        "a volume's id with several providers": (
            any(each.id for each in spec.volumes),
            "a volume that exists is at one provider: name that one in provider",
        ),
    }


def _on_runpod(spec: JobSpec) -> dict[str, tuple[bool, str]]:
    """What RunPod's API does not have, or runctl does not do there yet."""
    machine_image = spec.image.startswith(("ami-", "ssm:"))
    network = spec.network
    own_network = (network.vpc, network.subnet, network.placement) != ("default", "auto", None)
    kept = any(each.snapshot or each.initialization_rate for each in spec.volumes)
    return {
        f"image: {spec.image}": (machine_image, "a pod is a container: use image: docker:REPOSITORY:TAG"),
        "registry_auth": (spec.registry_auth is not None, "use an image that needs no login"),
        "network": (own_network, "a pod has no network of the account's: leave it out"),
        "spot_policy: spot": (spec.spot_policy == "spot", "RunPod has no spot pods: use on-demand"),
        "recovery: cloud": (spec.recovery == "cloud", "RunPod has no groups: use recovery: runctl"),
        f"{len(spec.volumes)} volumes": (len(spec.volumes) > 1, "a pod mounts one network volume"),
        "a volume's snapshot": (kept, "network volumes are not made from snapshots"),
        "volumes with runpod.cloud: community": (
            spec.runpod.cloud == "community" and bool(spec.volumes),
            "network volumes are in the secure cloud",
        ),
        "zones with runpod.cloud: community": (
            spec.runpod.cloud == "community" and any(cloud_of_zone(each) == "runpod" for each in spec.zones),
            "hosts of the community cloud are in no data centre of RunPod's",
        ),
        "data": (bool(spec.data), "bring data in the work folder, or read them in run"),
    }
