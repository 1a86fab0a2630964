"""Valid fields of a job file that ``up`` does not support yet: reported, never silently ignored."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.job_file.spec import JobSpec

_ALWAYS_RETRIED = ("no-capacity", "interruption")


@dataclass(frozen=True)
class Unsupported:
    """``field`` is valid and not supported yet; ``instead`` says what to write until then."""

    field: str
    instead: str

    def __str__(self) -> str:
        return f"{self.field} is not supported yet; {self.instead}"


def unsupported(spec: JobSpec) -> list[Unsupported]:
    """All fields of ``spec`` that ``up`` must reject, in the order of the schema; empty if there are none."""
    retry = spec.retry
    others = () if retry is None else tuple(each for each in _ALWAYS_RETRIED if each not in retry.on_events)
    asked = {
        f"provider: {spec.provider}": (spec.provider != "aws", "use provider: aws"),
        f"retry.on_events without {' and '.join(others)}": (bool(others), f"add {', '.join(others)}"),
        "retry.duration": (retry is not None and retry.duration is not None, "remove it"),
        f"nodes: {spec.nodes}": (spec.nodes != 1, "use nodes: 1"),
    }
    return [Unsupported(field, instead) for field, (present, instead) in asked.items() if present]
