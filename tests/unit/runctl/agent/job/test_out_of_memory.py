from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from runctl_auto.agent.job.out_of_memory import OutOfMemory
from runctl_auto.agent.machine.machine import ProgramResult

OLD = "[  10.0] Out of memory: Killed process 7 (earlier) total-vm:1kB"
NEW = "[ 900.5] Out of memory: Killed process 812 (python3) total-vm:99kB, anon-rss:98kB"


class Kernel:
    def __init__(self, root: Path, cgroup: str, counters: str) -> None:
        self.log = ProgramResult(0, OLD)
        self.counters = root / "sys/fs/cgroup" / counters
        self.counters.parent.mkdir(parents=True)
        (root / "proc/self").mkdir(parents=True)
        (root / "proc/self/cgroup").write_text(cgroup)
        self.count(2)
        self.watch = OutOfMemory(self.run, root)

    def run(self, argv: Sequence[str], timeout: float) -> ProgramResult:
        return self.log

    def count(self, number: int) -> None:
        self.counters.write_text(f"oom 5\noom_kill {number}\noom_group_kill 0\n")


@pytest.fixture(
    params=[
        ("0::/system.slice/a.service\n", "system.slice/a.service/memory.events"),
        ("9:name=systemd:/\n4:cpu,memory:/job\n0::/\n", "memory/job/memory.oom_control"),
    ],
    ids=["version 2", "version 1"],
)
def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> Kernel:
    return Kernel(tmp_path, *request.param)


def test_what_was_there_before_says_nothing(kernel: Kernel) -> None:
    assert kernel.watch() is None


def test_the_kernels_log_names_the_program(kernel: Kernel) -> None:
    kernel.log = ProgramResult(0, f"{OLD}\n{NEW}")
    assert "ended python3;" in str(kernel.watch())


def test_without_the_log_the_counter_tells(kernel: Kernel) -> None:
    kernel.log = ProgramResult(1, "dmesg: read kernel buffer failed: Operation not permitted")
    assert kernel.watch() is None
    kernel.count(3)
    assert "memory ran out" in str(kernel.watch())


def test_a_kernel_that_shows_nothing_is_no_evidence(tmp_path: Path) -> None:
    assert OutOfMemory(lambda argv, timeout: ProgramResult(127, ""), tmp_path)() is None
