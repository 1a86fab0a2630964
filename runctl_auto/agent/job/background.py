"""Processes still running when `run` has returned: named, then waited for, ended, or reported as busy."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runctl_auto.agent.contract import GRACE_SECONDS, Background, Phase, Reason
from runctl_auto.agent.machine.idleness import BUSY_SHARE, IDLE_EVERY_SECONDS
from runctl_auto.agent.status import Outcome

LOOK_EVERY_SECONDS = 0.5
MOST_NAMED = 5
LONGEST_COMMAND = 120


@dataclass(frozen=True)
class LeftProcess:
    """A process without a parent in the job; its descendants are not named."""

    pid: int
    command: str


@dataclass(frozen=True)
class Left:
    """What a script left running: `processes`, and the CPU time used by them and all their descendants."""

    processes: Sequence[LeftProcess] = ()
    processor_seconds: float = 0.0


class EndedScript(Protocol):
    """A script that has exited by itself."""

    def left(self) -> Left: ...
    def failed(self) -> Sequence[tuple[LeftProcess, int]]: ...
    def finish(self, grace_seconds: float) -> None: ...


@dataclass(frozen=True)
class BackgroundPolicy:
    """Implements `background` of the job file. `stopping`: whether the run is to stop; `pause` may return
    early.
    """

    background: str
    gpu_in_use: Callable[[], bool]
    stopping: Callable[[], bool]
    pause: Callable[[float], object]
    say: Callable[[str], None]
    hide: Callable[[str], str] = field(default=lambda text: text)
    ticks: Callable[[], float] = time.monotonic

    def outcome(self, script: EndedScript) -> Outcome | None:
        """The outcome of a run whose command succeeded; None when the run is to stop meanwhile.

        Blocks: under `wait` until the processes have ended, otherwise for the measurement and for ending
        them.
        """
        left = script.left()
        if self.background == Background.WAIT:
            return self._wait(script, left)
        if not left.processes:
            script.finish(0)
            return Outcome(Phase.SUCCEEDED, Reason.COMPLETED, 0)
        at_work = self.background == Background.FAIL and self._is_at_work(script, left)
        if self.stopping():
            return None
        script.finish(GRACE_SECONDS)
        named = self.named(left.processes)
        if at_work:
            message = f"the command ended while processes that it had started were at work: {named}"
            return Outcome(Phase.FAILED, Reason.LEFT_PROCESSES, None, message)
        message = f"processes that the command had left running were ended: {named}"
        return Outcome(Phase.SUCCEEDED, Reason.COMPLETED, 0, message)

    def named(self, processes: Sequence[LeftProcess]) -> str:
        """The command lines, with secrets redacted."""
        texts = [_shortened(self.hide(process.command)) for process in processes[:MOST_NAMED]]
        more = len(processes) - len(texts)
        return ", ".join(f"`{text}`" for text in texts) + (f" and {more} more" if more else "")

    def _wait(self, script: EndedScript, left: Left) -> Outcome | None:
        if left.processes:
            self.say(f"waiting for processes that the command has left running: {self.named(left.processes)}")
        while left.processes:
            self.pause(LOOK_EVERY_SECONDS)
            if self.stopping():
                return None
            left = script.left()
        script.finish(0)
        failed = script.failed()
        if not failed:
            return Outcome(Phase.SUCCEEDED, Reason.COMPLETED, 0)
        named, code = self.named([process for process, _ in failed]), failed[0][1]
        message = f"background processes of the command failed: {named} with exit code {code}"
        return Outcome(Phase.FAILED, Reason.COMMAND_FAILED, code, message)

    def _is_at_work(self, script: EndedScript, left: Left) -> bool:
        """Measured as for idleness, over its period; returns early once enough CPU time is used."""
        begun, used = self.ticks(), left.processor_seconds
        while not self.stopping():
            left = script.left()
            if not left.processes:
                return False
            if left.processor_seconds - used >= BUSY_SHARE * IDLE_EVERY_SECONDS:
                return True
            if self.ticks() - begun >= IDLE_EVERY_SECONDS:
                return self.gpu_in_use()
            self.pause(LOOK_EVERY_SECONDS)
        return False


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_COMMAND else line[: LONGEST_COMMAND - 3] + "..."
