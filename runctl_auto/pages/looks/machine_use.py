"""What a machine uses, and how its training goes, as the status of the run summarizes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runctl_auto.pages.drawing.scale import value_text
from runctl_auto.reports.figures import size_text
from runctl_auto.run.status import RunStatus


def machine_use(status: RunStatus | None) -> tuple[tuple[str, str], ...]:
    """Names and texts; empty where the run does not tell."""
    told = status.raw.get("metrics") if status else None
    return tuple(_use(told)) if isinstance(told, Mapping) else ()


def _use(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    machine = told.get("machine") or {}
    if machine.get("cpu") is not None:
        yield "cpu", _share(machine["cpu"])
    for name in ("memory", "disk"):
        if machine.get(name) is not None:
            yield name, _of(machine[name], machine.get(f"{name}_total"))
    for number, gpu in enumerate(machine.get("gpus") or ()):
        use = "unknown" if gpu.get("use") is None else _share(gpu["use"])
        memory = (
            "" if gpu.get("memory") is None else f", memory {_of(gpu['memory'], gpu.get('memory_total'))}"
        )
        yield f"gpu {number}", f"{use}{memory}"
    for each in told.get("training") or ():
        value = each["value"]
        shown = value if isinstance(value, str) else value_text(value)
        yield each["name"], f"{shown} at {each['axis']} {value_text(each['step'])}"


def _share(value: float) -> str:
    filled = round(10 * min(1.0, max(0.0, value)))
    return f"{'█' * filled}{'░' * (10 - filled)} {100 * value:.0f} %"


def _of(used: int, total: int | None) -> str:
    return size_text(used) if not total else f"{_share(used / total)} of {size_text(total)}"
