"""Has the launcher on a machine do one thing, and waits for what it prints."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from runctl_auto.agent.reach.reach_contract import LAUNCHER
from runctl_auto.errors import MachineNotReachableError, RemoteCommandError
from runctl_auto.jobs.reach.machine import PATIENCE_SECONDS, ReachedMachine
from runctl_auto.providers.reach import SentCommand

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
_NO_SUCH_FILE = 127
_MOST_SAID = 1000
LONGEST_SECONDS = 172_800
"""The longest that Systems Manager lets a command run."""


def launcher_script(arguments: Sequence[str]) -> str:
    """A line for ``sh``: on a machine of the sandbox the launcher may lie below another root."""
    return f'exec "${{RUNCTL_ROOT%/}}{LAUNCHER}" {shlex.join(arguments)}'


class RemoteScript:
    """One launch. A machine that takes it later than it is waited for finds no request any more."""

    def __init__(self, machine: ReachedMachine, arguments: Sequence[str], *, what: str, seconds: int) -> None:
        """``what`` is shown to everybody who may list commands."""
        self._machine = machine
        self._script = launcher_script(arguments)
        self._comment = f"runctl {what} {machine.job}"
        self._seconds = seconds
        self._reach = machine.provider.reach

    def run(self, meanwhile: Callable[[], None] = lambda: None) -> str:
        """What it printed. Blocks; ``meanwhile`` is called about once a second, more often at first.

        Raises ``MachineNotReachableError`` when the machine does not take it within some seconds,
        ``RemoteCommandError`` when the launcher failed.
        """
        machine, time = self._machine, self._machine.session.time
        identity = machine.reached(self._send)
        deadline, pause = time.monotonic() + PATIENCE_SECONDS, _FIRST_PAUSE
        while True:
            found = self._reach.command(machine.id, identity)
            if found.is_over:
                return self._printed(found)
            if found.phase == "waiting" and time.monotonic() >= deadline:
                raise machine.not_reached()
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            meanwhile()

    def _send(self) -> str:
        return self._reach.send(self._machine.id, self._script, seconds=self._seconds, comment=self._comment)

    def _printed(self, found: SentCommand) -> str:
        machine = self._machine
        if found.phase == "undelivered":
            raise machine.not_reached()
        if found.phase == "cancelled":
            raise RemoteCommandError(
                "The command was cancelled on its machine by somebody else.", where=machine.where
            )
        if found.phase == "timed-out":
            raise RemoteCommandError(
                f"The command ran for {self._seconds} s and was ended.",
                where=machine.where,
                next_step="Start what takes longer in the background, with its output in a file.",
            )
        if found.code == _NO_SUCH_FILE and LAUNCHER in found.error:
            raise MachineNotReachableError(
                f"The agent on machine {machine.id} is of an earlier version of runctl, without commands.",
                where=machine.where,
                next_step="`runctl up --rerun JOB.yaml` starts the job with this version.",
            )
        if found.code != 0:
            said = found.error.strip()[-_MOST_SAID:] or found.out.strip()[-_MOST_SAID:] or "it said nothing"
            raise RemoteCommandError(
                f"The machine could not carry the command out (code {found.code}): {said}",
                where=machine.where,
                next_step=f"`runctl status {machine.job}` shows how the job is; repeat the command.",
            )
        return found.out
