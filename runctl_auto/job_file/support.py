"""Valid fields of a job file that ``up`` does not support yet: reported, never silently ignored."""

from __future__ import annotations

from dataclasses import dataclass

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
    asked = {
        f"provider: {spec.provider}": (spec.provider != "aws", "use provider: aws"),
        f"nodes: {spec.nodes}": (spec.nodes != 1, "use nodes: 1"),
    }
    return [Unsupported(field, instead) for field, (present, instead) in asked.items() if present]
