"""``ps``: what a job's machine does now: its processes, CPU, memory and GPUs. Reads only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runctl_auto.agent.reach.reach_contract import PS, GpuJson, MachineUseJson, ProcessJson
from runctl_auto.errors import RemoteCommandError
from runctl_auto.jobs.reach.machine import machine_of
from runctl_auto.jobs.reach.remote_script import RemoteScript
from runctl_auto.jobs.session import Session
from runctl_auto.local.printable import printable

_SECONDS = 60
_MOST_TEXT = 200
_MOST = 100


@dataclass(frozen=True)
class MachineUse:
    """The machine of a job now. All of it was told by the machine, in the form that ``reach_contract``
    states."""

    job: str
    run: str
    machine: str
    told: MachineUseJson

    def as_json(self) -> dict[str, Any]:
        told = {name: value for name, value in self.told.items() if name != "schema"}
        return {"job": self.job, "run": self.run, "machine": self.machine, **told}


def ps(session: Session, name: str, rank: int = 0) -> MachineUse:
    """What the job's machine does, of several that of ``rank``, measured over half a second. Blocks. Raises
    as ``exec``.
    """
    machine = machine_of(session, name, rank)
    with session.reporter.working(f"asking machine {machine.id}", after=2.0):
        text = RemoteScript(machine, [PS], what="ps", seconds=_SECONDS).run()
    return MachineUse(name, machine.run, machine.id, read_use(text))


def read_use(text: str) -> MachineUseJson:
    """What the machine printed. It can print anything: raises ``RemoteCommandError`` for another form."""
    try:
        told = json.loads(text)
        return {
            "schema": int(told["schema"]),
            "cpus": int(told["cpus"]),
            "cpu": float(told["cpu"]),
            "memory_used": int(told["memory_used"]),
            "memory_total": int(told["memory_total"]),
            "gpus": [_gpu(each) for each in told["gpus"][:_MOST]],
            "processes": [_process(each) for each in told["processes"][:_MOST]],
            "left_out": int(told["left_out"]),
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RemoteCommandError(f"The machine's answer cannot be read: {error!r}") from error


def _process(told: Any) -> ProcessJson:
    return {
        "pid": int(told["pid"]),
        "parent": int(told["parent"]),
        "user": _text(told["user"]),
        "cpu": float(told["cpu"]),
        "memory": int(told["memory"]),
        "gpu_memory": None if told["gpu_memory"] is None else int(told["gpu_memory"]),
        "seconds": float(told["seconds"]),
        "command": _text(told["command"]),
    }


def _gpu(told: Any) -> GpuJson:
    return {
        "index": int(told["index"]),
        "name": _text(told["name"]),
        "busy": None if told["busy"] is None else float(told["busy"]),
        "memory_used": None if told["memory_used"] is None else int(told["memory_used"]),
        "memory_total": None if told["memory_total"] is None else int(told["memory_total"]),
    }


def _text(told: Any) -> str:
    return printable(str(told)[:_MOST_TEXT])
