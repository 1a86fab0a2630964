"""Which processes of a script receive the stop signal first: the command itself, not its helpers.

Shells are skipped: a shell that waits for a program is signalled only when the script has a trap. Of its
descendants, programs that handle SIGTERM can save their state; they are signalled first. The rest is
signalled after they have exited: their workers, readers of their output such as `tee`, background processes.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping

from runctl_auto.agent.contract import SHELLS
from runctl_auto.agent.job.processes import Process, ProcessTable


class Foreground:
    """Reads a snapshot of the job's processes."""

    def __init__(self, living: Mapping[int, Process], table: ProcessTable) -> None:
        self._living = living
        self._table = table
        self._children: dict[int, list[int]] = {}
        for process in living.values():
            self._children.setdefault(process.parent, []).append(process.pid)

    def of(self, leader: int) -> set[int]:
        """The processes to signal first; empty when the script's first process has ended."""
        return self._commands(leader) if leader in self._living else set()

    def _commands(self, pid: int) -> set[int]:
        if self._is_shell(pid):
            return self._commands_of_shell(pid)
        if self._handles_sigterm(pid):
            return {pid}
        return self._handlers_below(pid) or {pid}

    def _commands_of_shell(self, shell: int) -> set[int]:
        children = self._children.get(shell, [])
        waited_for = [pid for pid in children if not self._is_background(pid, shell)]
        has_trap = self._handles_sigterm(shell)
        if not children or (has_trap and not waited_for):
            # In `wait` a shell runs its trap at once, which often passes the signal on.
            return {shell}
        below = {command for child in waited_for or children for command in self._commands(child)}
        able = {pid for pid in below if self._handles_sigterm(pid)}
        chosen = self._without_readers(able or below)
        # While a program runs, the shell defers the trap until the program has exited.
        return chosen | {shell} if has_trap else chosen

    def _handlers_below(self, pid: int) -> set[int]:
        """The workers of a launcher without a handler: it would die, and their output would be lost."""
        found: set[int] = set()
        for child in self._children.get(pid, ()):
            found |= {each for each in self._commands(child) if self._handles_sigterm(each)}
        return found

    def _is_background(self, pid: int, shell: int) -> bool:
        """A shell without job control starts background jobs with SIGINT ignored."""
        ignored = signal.SIGINT in self._table.actions(pid).ignored
        return ignored and signal.SIGINT not in self._table.actions(shell).ignored

    def _without_readers(self, commands: set[int]) -> set[int]:
        """Excludes processes that read the output of another of `commands`."""
        pipes = {pid: self._table.pipes(pid) for pid in commands}
        readers = {
            pid
            for pid in commands
            for other in commands
            if pid != other and pipes[pid].read is not None and pipes[pid].read in pipes[other].written
        }
        return commands - readers or commands

    def _is_shell(self, pid: int) -> bool:
        return self._table.program(pid) in SHELLS

    def _handles_sigterm(self, pid: int) -> bool:
        return signal.SIGTERM in self._table.actions(pid).caught
