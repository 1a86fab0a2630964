"""Which processes of a script are told first to stop: the command itself, not its helpers.

Shells are looked through: a shell that waits for a program is told only when the script has a trap. Of what
runs beneath, programs that handle SIGTERM are the ones that can save; they are told, and the rest is left
alone until they have left: their own workers, readers of their output such as `tee`, background processes.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping

from runctl_auto.agent.contract import SHELLS
from runctl_auto.agent.processes import Process, ProcessTable


class Foreground:
    """Reads one moment's processes of the job."""

    def __init__(self, living: Mapping[int, Process], table: ProcessTable) -> None:
        self._living = living
        self._table = table
        self._children: dict[int, list[int]] = {}
        for process in living.values():
            self._children.setdefault(process.parent, []).append(process.pid)

    def of(self, leader: int) -> set[int]:
        """The processes to tell first; empty when the script's first process has ended."""
        return self._commands(leader) if leader in self._living else set()

    def _commands(self, pid: int) -> set[int]:
        if self._is_shell(pid):
            return self._commands_of_shell(pid)
        if self._handles_sigterm(pid):
            return {pid}
        return self._handlers_below(pid) or {pid}

    def _commands_of_shell(self, shell: int) -> set[int]:
        waited_for = self._waited_for(shell)
        below = {command for child in waited_for for command in self._commands(child)}
        if not below:
            return {shell}
        able = {pid for pid in below if self._handles_sigterm(pid)}
        chosen = self._without_readers(able or below)
        # A trap runs once the program that the shell waits for has left.
        return chosen | {shell} if self._handles_sigterm(shell) else chosen

    def _handlers_below(self, pid: int) -> set[int]:
        """The workers of a launcher without a handler: it would die, and they would lose their output."""
        found: set[int] = set()
        for child in self._children.get(pid, ()):
            found |= {each for each in self._commands(child) if self._handles_sigterm(each)}
        return found

    def _waited_for(self, shell: int) -> list[int]:
        """The shell's children without its background jobs; these, where it has no others.

        A shell without job control starts background jobs with SIGINT ignored.
        """
        children = self._children.get(shell, [])
        if signal.SIGINT in self._table.actions(shell).ignored:
            return children
        foreground = [pid for pid in children if signal.SIGINT not in self._table.actions(pid).ignored]
        return foreground or children

    def _without_readers(self, commands: set[int]) -> set[int]:
        """Leaves out what reads the output of another of `commands`."""
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
