"""An in-memory process table: processes react to signals with delays, orphans are reparented to the agent."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from runctl_auto.agent.job.processes import Pipes, Process, Reaped, SignalActions

AGENT = 2
AGENT_SESSION = 1


@dataclass
class Simulated:
    """One process. Ends `leaves_after` seconds after SIGTERM (None: never) or, if `with_parent`, with it."""

    pid: int
    parent: int
    session: int
    program: str = "python3"
    command: str = ""
    catches: bool = False
    background: bool = False
    leaves_after: float | None = 0.0
    with_parent: bool = False
    unkillable: bool = False
    reads: str | None = None
    writes: frozenset[str] = frozenset()
    ticks: int = 0
    start: int = 7
    ends_at: float = float("inf")
    written: frozenset[tuple[int, int]] = frozenset()
    code: int = 0


@dataclass
class SimulatedTable:
    """`now` is the clock; `signals` are the signals sent, in order."""

    now: Callable[[], float]
    members: dict[int, Simulated] = field(default_factory=dict)
    signals: list[tuple[int, signal.Signals]] = field(default_factory=list)
    reaped: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.add(AGENT, parent=1, session=AGENT_SESSION, start=1)

    def add(self, pid: int, parent: int = AGENT, session: int = 10, **more: object) -> Simulated:
        self.members[pid] = Simulated(pid, parent, session, **more)  # type: ignore[arg-type]
        return self.members[pid]

    def asked(self) -> list[int]:
        return [pid for pid, number in self.signals if number == signal.SIGTERM]

    def killed(self) -> list[int]:
        return [pid for pid, number in self.signals if number == signal.SIGKILL]

    def has_ended(self, pid: int) -> bool:
        member = self.members.get(pid)
        if member is None or self.now() >= member.ends_at:
            return True
        return member.with_parent and self.has_ended(member.parent)

    def processes(self) -> dict[int, Process]:
        found = {}
        for pid, member in self.members.items():
            if pid in self.reaped:
                continue
            orphan = member.parent in self.members and self.has_ended(member.parent)
            parent = AGENT if orphan else member.parent
            ended = self.has_ended(pid)
            found[pid] = Process(pid, parent, member.session, member.start, member.ticks, is_zombie=ended)
        return found

    def signal(self, pid: int, number: signal.Signals) -> None:
        self.signals.append((pid, number))
        member = self.members[pid]
        if number == signal.SIGKILL and not member.unkillable:
            member.ends_at = min(member.ends_at, self.now())
        elif number == signal.SIGTERM and member.leaves_after is not None:
            member.ends_at = min(member.ends_at, self.now() + member.leaves_after)

    def reap(self, pid: int) -> Reaped | None:
        if not self.has_ended(pid):
            return None
        self.reaped.add(pid)
        return Reaped(self.members[pid].code, self.members[pid].ticks / 100)

    def actions(self, pid: int) -> SignalActions:
        member = self.members[pid]
        caught = frozenset({signal.SIGTERM} if member.catches else ())
        return SignalActions(caught, frozenset({signal.SIGINT} if member.background else ()))

    def written(self, pid: int) -> frozenset[tuple[int, int]]:
        return self.members[pid].written

    def program(self, pid: int) -> str:
        return self.members[pid].program

    def command(self, pid: int) -> str:
        return self.members[pid].command or self.members[pid].program

    def pipes(self, pid: int) -> Pipes:
        return Pipes(self.members[pid].reads, self.members[pid].writes)
