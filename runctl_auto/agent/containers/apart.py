"""Which processes of the machine are in the job's container: those of its process namespace.

What is started in a container is no descendant of the agent: a runtime's own process is its parent.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.agent.job.job_tree import descendants
from runctl_auto.agent.job.processes import Process


class InContainer:
    """The processes of one container, by the number that its first process has on this machine."""

    def __init__(self, first: int, proc: Path = Path("/proc")) -> None:
        self.first = first
        self._proc = proc
        found = self._namespace(str(first))
        self._wanted = None if found == self._namespace("self") else found

    def members(self, everything: Mapping[int, Process]) -> Collection[int]:
        """All but the first one, with their descendants. A container without a namespace of its own has the
        descendants of its first process."""
        if self._wanted is None:
            return descendants(everything, [self.first])
        inside = {pid for pid in everything if self._namespace(str(pid)) == self._wanted}
        return (inside | descendants(everything, inside)) - {self.first}

    def _namespace(self, process: str) -> str | None:
        try:
            return str((self._proc / process / "ns" / "pid").readlink())
        except OSError:
            return None


@dataclass
class Apart:
    """What is the job's beside the agent's descendants, and what of those is not: the runtime's programs that
    the agent has started. ``keeper`` keeps the container, ``clients`` stand for the scripts; ``own`` are
    the processes that a container has before its first script."""

    inside: InContainer | None = None
    keeper: subprocess.Popen[bytes] | None = None
    own: frozenset[int] = frozenset()
    clients: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def begin(self, first: int, everything: Mapping[int, Process]) -> None:
        """A container was made, whose first process is ``first``; no script runs in it yet."""
        inside = InContainer(first)
        below = () if self.keeper is None else descendants(everything, [self.keeper.pid])
        self.inside, self.own = inside, frozenset({first, *below, *inside.members(everything)})

    def end(self) -> None:
        """The container is gone."""
        self.keeper, self.inside, self.own = None, None, frozenset()

    def members(self, everything: Mapping[int, Process]) -> Collection[int]:
        """Those that no tree of the agent's finds."""
        return () if self.inside is None else self.inside.members(everything)

    @property
    def helpers(self) -> set[int]:
        """Processes that are no part of the job. A number is a process's until it was waited for."""
        return self.adopters | self.own | {each.pid for each in self.clients if each.returncode is None}

    @property
    def adopters(self) -> set[int]:
        """Processes whose children are orphans, not what a script has started."""
        keeper = set() if self.keeper is None or self.keeper.returncode is not None else {self.keeper.pid}
        return keeper if self.inside is None else {*keeper, self.inside.first}
