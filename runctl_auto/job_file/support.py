"""What a job file may say that ``up`` does not do yet: named, so that nothing is ignored in silence."""

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
    """All that ``up`` has to refuse in ``spec``, in the order of the schema; empty when all of it works."""
    asked = {
        f"provider: {spec.provider}": (spec.provider != "aws", "use provider: aws"),
        "retry": (spec.retry is not None, "remove it"),
        f"nodes: {spec.nodes}": (spec.nodes != 1, "use nodes: 1"),
    }
    return [Unsupported(field, instead) for field, (present, instead) in asked.items() if present]
