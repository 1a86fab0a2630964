"""Detects processes that the kernel killed for lack of memory: from its log and its counters."""

from __future__ import annotations

import re
from pathlib import Path

from runctl_auto.agent.machine.machine import RunProgram

KERNEL_LOG = ("dmesg",)
KERNEL_LOG_SECONDS = 10.0
ENDED = re.compile(r"Killed process \d+ \((?P<name>.*?)\)")
COUNTER = re.compile(r"^oom_kill (?P<count>\d+)$", re.MULTILINE)


class OutOfMemory:
    """Compares the kernel's log and the counter of the agent's control group with those at construction."""

    def __init__(self, run: RunProgram, root: Path = Path("/")) -> None:
        self._run = run
        self._root = root
        self._lines_before = set(self._lines())
        self._count_before = self._count()

    def __call__(self) -> str | None:
        """A sentence about kills since construction; None when the kernel reports none."""
        names = [found["name"] for line in self._new_lines() if (found := ENDED.search(line))]
        if names:
            programs = ", ".join(dict.fromkeys(names))
            return f"memory ran out and the kernel ended {programs}; take a machine with more memory"
        if self._count() > self._count_before:
            return "memory ran out and the kernel ended a process; take a machine with more memory"
        return None

    def _new_lines(self) -> list[str]:
        return [line for line in self._lines() if line not in self._lines_before]

    def _lines(self) -> list[str]:
        done = self._run(KERNEL_LOG, timeout=KERNEL_LOG_SECONDS)
        return done.output.splitlines() if done.code == 0 else []

    def _count(self) -> int:
        """How many processes of the control group the kernel has killed so; 0 where it cannot be read."""
        for line in self._read("proc/self/cgroup").splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0" and not controllers:
                counters = f"sys/fs/cgroup{path}/memory.events"
            elif "memory" in controllers.split(","):
                counters = f"sys/fs/cgroup/memory{path}/memory.oom_control"
            else:
                continue
            found = COUNTER.search(self._read(counters))
            if found:
                return int(found["count"])
        return 0

    def _read(self, path: str) -> str:
        try:
            return (self._root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
