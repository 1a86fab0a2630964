"""Which processes belong to the job: all descendants of the agent outside the agent's own session.

The agent is their subreaper: a process whose parent has ended becomes the agent's child and so remains part
of the job, in whichever session it is. Programs that the agent runs for itself stay in the agent's session.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from runctl_auto.agent.job.processes import Process, ProcessTable

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class RunsApart(Protocol):
    """Processes of the job that are no descendants of the agent; `helpers` are descendants that are no part
    of the job, `adopters` those of whose children no script is the parent.
    """

    @property
    def helpers(self) -> set[int]: ...
    @property
    def adopters(self) -> set[int]: ...
    def members(self, everything: Mapping[int, Process]) -> Collection[int]: ...


class JobTree:
    """The job's processes on this machine, of all its scripts. Thread-safe but for `reap`."""

    def __init__(
        self, table: ProcessTable, agent: int | None = None, *, apart: RunsApart | None = None
    ) -> None:
        self._table = table
        self._agent = os.getpid() if agent is None else agent
        self._apart = apart
        self._script: int | None = None
        self._service_sessions: frozenset[int] = frozenset()
        self._reaped_seconds = 0.0

    @property
    def table(self) -> ProcessTable:
        return self._table

    def begin(self, script: int) -> None:
        """Registers a started script; `script` is its first process, for which the caller waits."""
        self._script = script

    def end(self) -> None:
        self._script = None

    def living(self) -> dict[int, Process]:
        """The job's processes by number, without zombies."""
        everything = self._table.processes()
        return {
            pid: process for pid, process in self._below_agent(everything).items() if not process.is_zombie
        }

    def keep_services(self) -> None:
        """Detaches current processes and their descendants from the script; they live until the job ends."""
        self._service_sessions |= {process.session for process in self.living().values()}

    def without_services(self) -> dict[int, Process]:
        """The living processes of the current script."""
        living = self.living()
        services = {pid for pid, process in living.items() if process.session in self._service_sessions}
        services |= descendants(living, services)
        return {pid: process for pid, process in living.items() if pid not in services}

    def leaders(self, living: Mapping[int, Process]) -> list[int]:
        """Of the living processes of the current script the first one; once it has ended, those that it left
        running. In a container the script's own have a parent outside, orphans one that adopts them.
        """
        if self._script is not None and self._script in living:
            return [self._script]
        found = top(living)
        if self._apart is None:
            return found
        adopters = self._apart.adopters | {self._agent}
        return [pid for pid in found if living[pid].parent not in adopters] or found

    def reap(self) -> dict[int, int]:
        """Reaps ended children of the agent; their exit codes by number."""
        codes = {}
        for pid, process in self._below_agent(self._table.processes()).items():
            if process.is_zombie and process.parent == self._agent and pid != self._script:
                reaped = self._table.reap(pid)
                if reaped:
                    codes[pid] = reaped.code
                    self._reaped_seconds += reaped.processor_seconds
        return codes

    def processor_seconds(self) -> float | None:
        """CPU time used so far by the job's processes, ended ones included; None while no script runs."""
        if self._script is None:
            return None
        return processor_seconds(self.living().values()) + self._reaped_seconds

    def written(self) -> frozenset[tuple[int, int]]:
        """Files (device, inode) that the job's processes have open for writing, but for appending."""
        return frozenset(file for pid in self.living() for file in self._table.written(pid))

    def _below_agent(self, everything: Mapping[int, Process]) -> dict[int, Process]:
        below = descendants(everything, [self._agent])
        agent = everything.get(self._agent)
        own_session = agent.session if agent else None
        found = {pid for pid in below if everything[pid].session != own_session}
        if self._apart is not None:
            found |= set(self._apart.members(everything))
            found -= self._apart.helpers
        return {pid: everything[pid] for pid in found}


def top(processes: Mapping[int, Process]) -> list[int]:
    """Processes whose parent is not among them."""
    return sorted(pid for pid, process in processes.items() if process.parent not in processes)


def processor_seconds(processes: Iterable[Process]) -> float:
    """CPU time used so far by these processes."""
    return sum(process.processor_ticks for process in processes) / TICKS_A_SECOND


def descendants(processes: Mapping[int, Process], of: Collection[int]) -> set[int]:
    """The numbers of the descendants of `of`, without `of`."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    pending = list(of)
    while pending:
        for child in children.get(pending.pop(), ()):
            if child not in found:
                found.add(child)
                pending.append(child)
    return found - set(of)
