"""What a job file may say that ``up`` does not do yet: named, so that nothing is ignored in silence."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.job.spec import JobSpec


@dataclass(frozen=True)
class Unsupported:
    """``field`` is valid and not supported yet; ``instead`` says what to write until then."""

    field: str
    instead: str

    def __str__(self) -> str:
        return f"{self.field} is not supported yet; {self.instead}"


def unsupported(spec: JobSpec) -> list[Unsupported]:
    """All that ``up`` has to refuse in ``spec``, in the order of the schema; empty when all of it works."""
    resources = spec.resources
    asked = {
        f"provider: {spec.provider}": (spec.provider != "aws", "use provider: aws"),
        "resources.gpu": (resources.gpu is not None, "name resources.instance_types"),
        "resources.cpu": (resources.cpu is not None, "name resources.instance_types"),
        "resources.memory": (resources.memory is not None, "name resources.instance_types"),
        "retry": (spec.retry is not None, "remove it"),
        f"nodes: {spec.nodes}": (spec.nodes != 1, "use nodes: 1"),
    }
    found = [Unsupported(field, instead) for field, (present, instead) in asked.items() if present]
    for index, volume in enumerate(spec.volumes):
        if volume.id is not None:
            found.append(Unsupported(f"volumes[{index}].id", "give a size, for a new volume"))
        if volume.snapshot is not None:
            found.append(Unsupported(f"volumes[{index}].snapshot", "remove it, for an empty volume"))
    return found
