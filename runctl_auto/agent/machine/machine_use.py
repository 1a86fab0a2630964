"""What the machine does: the job's processes, CPU, memory and GPUs, measured over half a second."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runctl_auto.agent.contract import SCHEMA
from runctl_auto.agent.job.job_tree import TICKS_A_SECOND
from runctl_auto.agent.job.processes import Process, ProcessTable
from runctl_auto.agent.machine.machine import RunProgram
from runctl_auto.agent.reach.reach_contract import MOST_PROCESSES, GpuJson, MachineUseJson, ProcessJson

_MIB = 1024 * 1024
_SECONDS = 0.5
_MOST_COMMAND = 200
_GPU_SECONDS = 10.0
_GPUS = ("nvidia-smi", "--query-gpu=index,name,utilization.gpu,memory.used,memory.total",
         "--format=csv,noheader,nounits")  # fmt: skip
_GPU_PROCESSES = ("nvidia-smi", "--query-compute-apps=pid,used_gpu_memory", "--format=csv,noheader,nounits")


def machine_use(
    processes: Callable[[], Mapping[int, Process]],
    table: ProcessTable,
    run: RunProgram,
    *,
    proc: Path = Path("/proc"),
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> MachineUseJson:
    """``processes`` returns those of the job. Blocks for half a second."""
    before, began, busy = processes(), clock(), _processor_times(proc)
    wait(_SECONDS)
    after, seconds, later = processes(), max(clock() - began, 0.001), _processor_times(proc)
    gpus = _gpus(run)
    on_gpu = _memory_on_gpus(run) if gpus else {}
    uptime = _uptime(proc)
    listed: list[ProcessJson] = [
        {
            "pid": pid,
            "parent": process.parent,
            "user": _user(proc, pid),
            "cpu": round(_ticks_between(before.get(pid), process) / TICKS_A_SECOND / seconds * 100, 1),
            "memory": _resident(proc, pid),
            "gpu_memory": on_gpu.get(pid, 0) if gpus else None,
            "seconds": round(max(0.0, uptime - process.start_ticks / TICKS_A_SECOND), 1),
            "command": table.command(pid)[:_MOST_COMMAND],
        }
        for pid, process in after.items()
    ]
    listed.sort(key=lambda each: (-each["cpu"], -each["memory"], each["pid"]))
    used, total = _memory(proc)
    return {
        "schema": SCHEMA,
        "cpus": os.cpu_count() or 1,
        "cpu": _share(busy, later),
        "memory_used": used,
        "memory_total": total,
        "gpus": gpus,
        "processes": listed[:MOST_PROCESSES],
        "left_out": max(0, len(listed) - MOST_PROCESSES),
    }


def _ticks_between(before: Process | None, after: Process) -> int:
    """None before: the process began meanwhile."""
    if before is None or before.start_ticks != after.start_ticks:
        return after.processor_ticks
    return max(0, after.processor_ticks - before.processor_ticks)


def _processor_times(proc: Path) -> tuple[int, int]:
    """All ticks of all CPUs, and those of them that were idle."""
    try:
        fields = (proc / "stat").read_text().splitlines()[0].split()[1:9]
    except (OSError, IndexError):
        return 0, 0
    ticks = [int(each) for each in fields]
    return sum(ticks), sum(ticks[3:5])


def _share(before: tuple[int, int], after: tuple[int, int]) -> float:
    total, idle = after[0] - before[0], after[1] - before[1]
    return round(100.0 * (total - idle) / total, 1) if total > 0 else 0.0


def _memory(proc: Path) -> tuple[int, int]:
    found: dict[str, int] = {}
    try:
        for line in (proc / "meminfo").read_text().splitlines():
            name, _, value = line.partition(":")
            found[name] = int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return 0, 0
    total = found.get("MemTotal", 0)
    return total - found.get("MemAvailable", total), total


def _uptime(proc: Path) -> float:
    try:
        return float((proc / "uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0


def _resident(proc: Path, pid: int) -> int:
    try:
        pages = int((proc / str(pid) / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _user(proc: Path, pid: int) -> str:
    try:
        number = (proc / str(pid)).stat().st_uid
    except OSError:
        return "?"
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _gpus(run: RunProgram) -> list[GpuJson]:
    found: list[GpuJson] = []
    for row in _rows(run, _GPUS, 5):
        busy, used, total = (_number(each) for each in row[2:])
        found.append(
            {
                "index": int(_number(row[0]) or 0),
                "name": row[1],
                "busy": busy,
                "memory_used": None if used is None else int(used * _MIB),
                "memory_total": None if total is None else int(total * _MIB),
            }
        )
    return found


def _memory_on_gpus(run: RunProgram) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in _rows(run, _GPU_PROCESSES, 2):
        pid, used = _number(row[0]), _number(row[1])
        if pid is not None and used is not None:
            found[int(pid)] = found.get(int(pid), 0) + int(used * _MIB)
    return found


def _rows(run: RunProgram, command: tuple[str, ...], columns: int) -> list[list[str]]:
    done = run(command, timeout=_GPU_SECONDS)
    if done.code != 0:
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.output.splitlines()]
    return [row for row in rows if len(row) == columns]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
