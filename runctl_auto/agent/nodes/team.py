"""The nodes of a run as the agent of one of them has them: its member, and on node 0 the leader."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from runctl_auto.agent.job.stopping import StopRequest
from runctl_auto.agent.nodes.assembly import Assembly
from runctl_auto.agent.nodes.common_checkpoints import Asks, CommonCheckpoints, NodePart
from runctl_auto.agent.nodes.leader import Leader
from runctl_auto.agent.nodes.member import MayLeave, Member, RunIsOver
from runctl_auto.agent.nodes.messages import Message, Round, Say
from runctl_auto.agent.nodes.variables import round_variables
from runctl_auto.agent.status import Outcome, StatusWriter, rfc3339
from runctl_auto.agent.status_format import NodeJson
from runctl_auto.agent.status_reading import read_machine

FAREWELL_SECONDS = 30.0
"""How long node 0 waits at the end for the others' last output."""

__all__ = ["MayLeave", "RunIsOver", "Team"]


@dataclass
class Team:
    """What `Run` needs of the other nodes. `leader` is None but on node 0."""

    node: int
    member: Member
    leader: Leader | None = None
    in_status: NodesInStatus | None = None
    common: CommonCheckpoints | None = None

    def use(
        self,
        part: NodePart,
        *,
        common: Callable[[Asks], CommonCheckpoints],
        another: Callable[[Outcome], float | None],
    ) -> None:
        """Begins: looks for the others. `common` makes node 0's checkpoints of all, `another` is as in
        `Assembly`.
        """
        self.member.part = part
        if self.leader is not None:
            self.common = common(self.leader.ask)
            self.leader.start(self.common, another)
        self.member.start()

    def enter(self, phase: str) -> None:
        """This node does something else now."""
        self.member.phase = phase

    def meet(self, restore: Callable[[str | None], None]) -> Round:
        """As `Member.meet`."""
        return self.member.meet(restore)

    def variables(self, start: Round) -> dict[str, str]:
        """The variables of this node's rank in a round."""
        return round_variables(start, self.node)

    def pause(self, seconds: float) -> None:
        """Waits; returns early when there may be an order."""
        self.member.pause(seconds)

    def order(self) -> StopRequest | None:
        """As `Member.order`."""
        return self.member.order()

    def settle(self, outcome: Outcome) -> Outcome | None:
        """As `Member.settle`."""
        return self.member.settle(outcome)

    def save_checkpoint(self) -> str | None:
        """On node 0 saves what all have; on the others nothing: node 0 asks them. Raises AgentError."""
        return None if self.common is None else self.common.save()

    def ask_for_checkpoint(self) -> None:
        """As `Member.ask_for_checkpoint`."""
        self.member.ask_for_checkpoint()

    def idle_seconds(self, own: float) -> float:
        """For how long all ranks have been idle, on node 0; `own` is for how long this node's has been."""
        self.member.idle_seconds = own
        return 0.0 if self.leader is None else self.leader.idle_seconds()

    def write_news(self) -> None:
        """Writes the run's status if the nodes do something else than it says.

        Raises what the store raises.
        """
        if self.in_status is not None:
            self.in_status.write_news()

    def ended(self) -> None:
        """This node has stored all that it had to: it goes. Node 0 waits for the others first. Blocks."""
        if self.leader is not None:
            self.leader.await_gone(FAREWELL_SECONDS)
        self.close()

    def close(self) -> None:
        self.member.close()
        if self.leader is not None:
            self.leader.close()


class NodesInStatus:
    """Keeps what the run's status tells of all nodes: what they do, and their machines.

    `ticks` is the clock of the assembly, `clock` is in seconds since the epoch.
    """

    def __init__(
        self,
        status: StatusWriter,
        *,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._status = status
        self._clock = clock
        self._ticks = ticks
        self._last: list[NodeJson] = []
        self._is_news = threading.Event()
        self._machines: dict[int, str] = {}

    def told(self, assembly: Assembly) -> None:
        """What is known of the nodes has changed. Does not block."""
        since = self._clock() - self._ticks()
        nodes: list[NodeJson] = [
            {
                "node": node,
                "instance": seen.instance,
                "address": seen.address,
                "phase": seen.phase,
                "since": rfc3339(since + seen.since),
                "exit_code": seen.exit_code,
            }
            for node, seen in sorted(assembly.seen.items())
        ]
        before = [(each["instance"], each["phase"]) for each in self._last]
        if [(each["instance"], each["phase"]) for each in nodes] != before:
            self._last = nodes
            self._status.note(nodes=nodes)
            self._is_news.set()

    def heard(self, node: int, message: Message) -> None:
        """A node says something; at first it tells of its machine. Raises UnreadableError."""
        if node == 0:
            return
        if message.get("say") == Say.HELLO:
            machine = read_machine(message.get("machine"))
            self._machines[node] = machine["id"]
            self._status.add_machine(machine)
        elif node in self._machines:
            self._status.saw_machine(self._machines[node])

    def write_news(self) -> None:
        """Writes the status if anything in it is news. Raises what the store raises."""
        if self._is_news.is_set():
            self._is_news.clear()
            self._status.write()
