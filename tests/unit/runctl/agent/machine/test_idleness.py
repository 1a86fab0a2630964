"""Idle jobs: what counts as idle, and for how long."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.machine.idleness import GpuUse, IdleWatcher
from runctl_auto.agent.machine.machine import ProgramResult


class Machine:
    """A job that uses so much of a processor in each ten seconds."""

    def __init__(self, *, gpu: bool = False) -> None:
        self.switch = StopSwitch()
        self.now = 100.0
        self.used: float | None = 0.0
        self.gpu = gpu
        self.watcher = IdleWatcher(60.0, lambda: self.used, lambda: self.gpu, self.switch, lambda: self.now)
        self.watcher.look()

    def passes(self, times: int, used: float) -> None:
        for _ in range(times):
            self.now += 10
            self.used = (self.used or 0.0) + used
            self.watcher.look()

    @property
    def reason(self) -> str | None:
        return self.switch.request.reason if self.switch.request else None


def test_a_job_is_ended_after_so_long_below_five_percent() -> None:
    machine = Machine()
    machine.passes(5, 0.4)
    assert machine.reason is None
    machine.passes(1, 0.4)
    assert machine.reason == "idle_duration"
    assert machine.switch.request is not None
    assert machine.switch.request.phase == "stopped"


def test_work_begins_the_count_anew() -> None:
    machine = Machine()
    machine.passes(5, 0.0)
    machine.passes(1, 0.5)
    machine.passes(5, 0.0)
    assert machine.reason is None
    machine.passes(1, 0.0)
    assert machine.reason == "idle_duration"


def test_a_job_on_the_gpu_is_not_idle() -> None:
    machine = Machine(gpu=True)
    machine.passes(20, 0.0)
    assert machine.reason is None


def test_before_there_is_a_job_nothing_is_idle() -> None:
    machine = Machine()
    machine.passes(3, 0.0)
    for _ in range(20):
        machine.now += 10
        machine.used = None
        machine.watcher.look()
    machine.passes(6, 0.0)
    assert machine.reason is None, "the count begins with the job's first look"


def test_a_count_that_shrinks_with_its_processes_is_no_work() -> None:
    machine = Machine()
    machine.passes(1, 50.0)
    machine.passes(6, -5.0)
    assert machine.reason == "idle_duration"


@pytest.mark.parametrize(
    ("result", "in_use"),
    [
        (ProgramResult(0, "0\n0"), False),
        (ProgramResult(0, "0\n37"), True),
        (ProgramResult(9, "driver failed"), True),
        (ProgramResult(127, "not installed"), False),
    ],
)
def test_gpus(result: ProgramResult, in_use: bool) -> None:
    asked: list[Sequence[str]] = []

    def run(argv: Sequence[str], timeout: float) -> ProgramResult:
        asked.append(argv)
        return result

    gpus = GpuUse(run)
    assert [gpus(), gpus()] == [in_use, in_use]
    assert len(asked) == (1 if result.code == 127 else 2), "without nvidia-smi it is not asked again"


def test_of_several_machines_the_job_is_idle_when_all_are() -> None:
    switch, now, everywhere, told = StopSwitch(), [100.0], [0.0], []

    def of_all(own: float) -> float:
        told.append(own)
        return min(own, everywhere[0])

    watcher = IdleWatcher(60.0, lambda: 0.0, lambda: False, switch, lambda: now[0], of_all=of_all)
    for _ in range(8):
        now[0] += 10
        watcher.look()
    assert told[-1] >= 60
    assert switch.request is None, "another rank computes"
    everywhere[0], now[0] = 60.0, now[0] + 10
    watcher.look()
    assert switch.request is not None
