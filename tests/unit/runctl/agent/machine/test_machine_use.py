"""What a machine does, from its process table and its GPUs' tool."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from unittest.mock import create_autospec

from runctl_auto.agent.job.job_tree import TICKS_A_SECOND
from runctl_auto.agent.job.processes import Process, ProcessTable
from runctl_auto.agent.machine.machine import ProgramResult
from runctl_auto.agent.machine.machine_use import machine_use
from runctl_auto.agent.reach.reach_contract import MOST_PROCESSES


def process(pid: int, ticks: int, start: int = 100) -> Process:
    return Process(pid, 1, pid, start, ticks)


def no_gpu(argv: Sequence[str], timeout: float) -> ProgramResult:
    return ProgramResult(127, "nvidia-smi is not installed")


def gpus(argv: Sequence[str], timeout: float) -> ProgramResult:
    if "compute-apps" in argv[1]:
        return ProgramResult(0, "7, 100\n7, 50\n9, [N/A]")
    return ProgramResult(0, "0, A10G, 97, 1000, 23028\n1, A10G, [N/A], 0, 23028\nwarning: what")


class Ticking:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def proc(folder: Path) -> Path:
    (folder / "stat").write_text("cpu  100 0 0 100 0 0 0 0 0 0\n")
    (folder / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n")
    (folder / "uptime").write_text("500.0 1.0\n")
    (folder / "7").mkdir()
    (folder / "7" / "statm").write_text("900 10 5 1 0 1 0\n")
    return folder


def test_processes_are_measured_between_two_looks(tmp_path: Path) -> None:
    looks = iter(
        [
            {7: process(7, 10), 8: process(8, 50), 9: process(9, 5)},
            {7: process(7, 10 + TICKS_A_SECOND // 4), 8: process(8, 3, start=200), 10: process(10, 0)},
        ]
    )
    table, clock = create_autospec(ProcessTable, instance=True), Ticking()
    table.command.side_effect = lambda pid: f"program {pid} " + "x" * 500
    found = machine_use(lambda: next(looks), table, no_gpu, proc=proc(tmp_path), wait=clock.wait, clock=clock)
    by_pid = {each["pid"]: each for each in found["processes"]}
    assert list(by_pid) == [7, 8, 10], "the busiest first"
    assert by_pid[7]["cpu"] == 50.0
    assert by_pid[8]["cpu"] == round(3 / TICKS_A_SECOND / 0.5 * 100, 1), "another process of the same number"
    assert by_pid[7]["memory"] > 0
    assert by_pid[10]["gpu_memory"] is None
    assert len(by_pid[7]["command"]) == 200
    assert (found["memory_used"], found["memory_total"]) == (400 * 1024, 1000 * 1024)
    assert found["gpus"] == []


def test_gpus_and_who_uses_them(tmp_path: Path) -> None:
    table = create_autospec(ProcessTable, instance=True)
    table.command.return_value = "train"
    found = machine_use(lambda: {7: process(7, 1)}, table, gpus, proc=proc(tmp_path), wait=lambda _: None)
    assert [(each["busy"], each["memory_total"]) for each in found["gpus"]] == [
        (97.0, 23028 * 2**20),
        (None, 23028 * 2**20),
    ]
    assert found["processes"][0]["gpu_memory"] == 150 * 2**20


def test_many_processes_are_cut_with_a_count(tmp_path: Path) -> None:
    table = create_autospec(ProcessTable, instance=True)
    table.command.return_value = "x"
    many = {pid: process(pid, 0) for pid in range(2, 2 + MOST_PROCESSES + 5)}
    found = machine_use(lambda: many, table, no_gpu, proc=tmp_path, wait=lambda _: None)
    assert (len(found["processes"]), found["left_out"]) == (MOST_PROCESSES, 5)
