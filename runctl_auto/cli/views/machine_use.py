"""What a machine does, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runctl_auto.cli.views.table import Column
from runctl_auto.reports.figures import short_age, size_text

if TYPE_CHECKING:
    from runctl_auto.operations.ps import MachineUse

_PLAIN = (
    Column("PID", right=True),
    Column("USER", spare=2),
    Column("CPU%", right=True),
    Column("MEMORY", right=True),
)
_GPU = Column("GPU MEMORY", right=True)
_REST = (Column("AGE", spare=1, right=True), Column("COMMAND"))


def machine_lines(found: MachineUse) -> Iterator[str]:
    """The machine as a whole, and each of its GPUs."""
    told = found.told
    memory = f"{size_text(told['memory_used'])} of {size_text(told['memory_total'])}"
    yield f"{found.job}: machine {found.machine}: CPU {told['cpu']:g}% of {told['cpus']}, memory {memory}"
    for gpu in told["gpus"]:
        busy = "unknown" if gpu["busy"] is None else f"{gpu['busy']:g}%"
        used, total = gpu["memory_used"], gpu["memory_total"]
        size = "unknown" if used is None or total is None else f"{size_text(used)} of {size_text(total)}"
        yield f"  GPU {gpu['index']} {gpu['name']}: {busy} busy, memory {size}"
    if not told["processes"]:
        yield "  no process of the job runs"
    if told["left_out"]:
        shown = len(told["processes"])
        yield f"  the {shown} busiest of {shown + told['left_out']} processes:"


def process_columns(found: MachineUse) -> tuple[Column, ...]:
    return (*_PLAIN, *((_GPU,) if found.told["gpus"] else ()), *_REST)


def process_rows(found: MachineUse) -> list[tuple[str, ...]]:
    return [
        (
            str(each["pid"]),
            each["user"],
            f"{each['cpu']:.1f}",
            size_text(each["memory"]),
            *((size_text(each["gpu_memory"] or 0),) if found.told["gpus"] else ()),
            short_age(each["seconds"]),
            each["command"],
        )
        for each in found.told["processes"]
    ]
