"""Detects an idle job: CPU time of all its processes, and use of the machine's GPUs.

A job is idle when its processes together use less than 5 % of one CPU and no GPU computes. A job that only
waits for the network is idle, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.machine.machine import RunProgram

IDLE_EVERY_SECONDS = 10.0
BUSY_SHARE = 0.05
GPU_QUERY = ("nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")
GPU_LIST = ("nvidia-smi", "-L")
GPU_SECONDS = 30.0
PROGRAM_MISSING = 127


class GpuUse:
    """Calls nvidia-smi; on a machine without it there is no GPU, and it is not called again."""

    def __init__(self, run: RunProgram) -> None:
        self._run = run
        self._has_gpu = True

    def __call__(self) -> bool:
        """Whether any GPU computes now. One that cannot be queried counts as in use."""
        if not self._has_gpu:
            return False
        done = self._run(GPU_QUERY, timeout=GPU_SECONDS)
        if done.code == PROGRAM_MISSING:
            self._has_gpu = False
            return False
        if done.code != 0:
            return True
        return any(line.strip() not in ("", "0") for line in done.output.splitlines())


class GpuCount:
    """Calls nvidia-smi once; on a machine without it there is no GPU."""

    def __init__(self, run: RunProgram) -> None:
        self._run = run
        self._count: int | None = None

    def __call__(self) -> int:
        """How many GPUs the machine has."""
        if self._count is None:
            done = self._run(GPU_LIST, timeout=GPU_SECONDS)
            lines = done.output.splitlines() if done.code == 0 else []
            self._count = sum(line.startswith("GPU ") for line in lines)
        return self._count


class IdleWatcher:
    """Ends a run whose job has been idle for `longest` seconds without a break."""

    def __init__(
        self,
        longest: float,
        processor_seconds: Callable[[], float | None],
        gpu_in_use: Callable[[], bool],
        switch: StopSwitch,
        ticks: Callable[[], float] = time.monotonic,
        *,
        of_all: Callable[[float], float] = lambda own: own,
    ) -> None:
        """`of_all` is told for how many seconds the job has been idle here, and tells for how many it has
        been everywhere: of several machines.
        """
        self._of_all = of_all
        self._longest = longest
        self._processor_seconds = processor_seconds
        self._gpu_in_use = gpu_in_use
        self._switch = switch
        self._ticks = ticks
        self._last: tuple[float, float] | None = None
        self._idle_since: float | None = None

    def look(self) -> None:
        """Compares with the previous sample; without a job there is no idleness."""
        if self._of_all(self._idle_seconds()) >= self._longest:
            message = f"the job was idle for its idle_duration of {self._longest:.0f} s"
            self._switch.set(StopRequest(Phase.STOPPED, Reason.IDLE_DURATION, message))

    def _idle_seconds(self) -> float:
        now, used = self._ticks(), self._processor_seconds()
        last, self._last = self._last, None if used is None else (now, used)
        if used is None or last is None or not self._is_idle(now - last[0], used - last[1]):
            self._idle_since = None
            return 0.0
        if self._idle_since is None:
            self._idle_since = last[0]
        return now - self._idle_since

    def _is_idle(self, seconds: float, used: float) -> bool:
        return seconds > 0 and used < BUSY_SHARE * seconds and not self._gpu_in_use()
