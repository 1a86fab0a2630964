"""What this machine has for jobs: CPUs, memory, and the GPUs that nvidia-smi lists."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from runctl_auto.agent.local.capacity import Capacity
from runctl_auto.agent.machine.machine import ProgramResult, run_program
from runctl_auto.errors import NotSupportedError
from runctl_auto.settings.schema import Settings

_GPUS = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
_GPU_SECONDS = 10.0
_DRIVER = Path("/proc/driver/nvidia/gpus")
"""A folder for each GPU; nvidia-smi takes a second."""
_GB = 1 << 30

Run = Callable[[Sequence[str], float], ProgramResult]


def capacity_of(settings: Settings, run: Run = run_program) -> Capacity:
    """What all jobs may have together: what the settings say, else all that there is. Blocks for nvidia-smi,
    where that is installed."""
    local = settings.local
    gpus = tuple(range(local.gpus)) if local.gpus is not None else _gpus(run)
    return Capacity(
        jobs=settings.max_parallel_jobs,
        cpus=local.cpus or os.cpu_count() or 1,
        memory_gb=local.memory_gb or _memory_gb(),
        gpus=gpus,
    )


def refuse_unknown_system(system: str = platform.system()) -> None:
    """Raises ``NotSupportedError`` where processes cannot be followed."""
    if system != "Linux":
        raise NotSupportedError(
            f"provider: local needs Linux, where /proc tells of processes; this is {system}.",
            where={"provider": "local"},
            next_step="Run the job on a Linux machine, or with another provider.",
        )


def _gpus(run: Run) -> tuple[int, ...]:
    if _DRIVER.is_dir():
        return tuple(range(sum(1 for _ in _DRIVER.iterdir())))
    if shutil.which(_GPUS[0]) is None:
        return ()
    done = run(_GPUS, _GPU_SECONDS)
    if done.code != 0:
        return ()
    return tuple(int(line) for line in done.output.split() if line.isdigit())


def _memory_gb() -> int:
    try:
        return max(1, round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / _GB))
    except (OSError, ValueError):
        return 1
