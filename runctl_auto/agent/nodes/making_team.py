"""Makes what the agent of one node needs to train with the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.nodes.assembly import GATHER_SECONDS, Assembly, Fewer
from runctl_auto.agent.nodes.leader import Leader
from runctl_auto.agent.nodes.master_port import free_port
from runctl_auto.agent.nodes.meeting import announce, find_meeting, how_it_ended, listen, own_address
from runctl_auto.agent.nodes.member import Meeting, Member
from runctl_auto.agent.nodes.messages import Place
from runctl_auto.agent.nodes.team import NodesInStatus, Team
from runctl_auto.agent.spec import RunSpec
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.store.store import Store


class ReadsMetadata(Protocol):
    """The part of the instance metadata service that is used here."""

    def get(self, path: str) -> str | None: ...


def new_assembly(spec: RunSpec, now: float) -> Assembly:
    """What node 0 decides with; it gives up on missing nodes no sooner than it may go on without them."""
    fewer, gather = None, GATHER_SECONDS
    if spec.elastic is not None:
        fewer = Fewer(spec.elastic.min, spec.elastic.wait_seconds)
        gather = max(gather, 2 * fewer.after_seconds)
    return Assembly(spec.nodes, now, lambda _: None, gather_seconds=gather, fewer=fewer)


def make_team(
    spec: RunSpec,
    store: Store,
    metadata: ReadsMetadata,
    status: StatusWriter,
    switch: StopSwitch,
    *,
    gpus: int,
    say: Callable[[str], None],
) -> Team:
    """The other nodes of a run, as this one has them. Node 0 listens, and tells it in the bucket. Blocks for
    that; raises AgentError.
    """
    address = own_address(metadata.get)
    machine = status.own_machine()
    place = Place(spec.node, address, gpus, machine["id"])
    leader: Leader | None = None
    in_status: NodesInStatus | None = None
    find: Callable[[], Meeting | None] = partial(find_meeting, store, spec.run, spec.attempt)
    ended: Callable[[], Outcome | None] = partial(how_it_ended, store, spec.run)
    if spec.node == 0:
        in_status = NodesInStatus(status)
        listener = listen(address)
        assembly = new_assembly(spec, time.monotonic())
        meeting = announce(
            store, spec.run, listener, instance=machine["id"], attempt=spec.attempt, now=time.time()
        )
        leader = Leader(assembly, listener, meeting.key, say=say, told=in_status.told, heard=in_status.heard)
        find, ended = lambda: meeting, lambda: None
    member = Member(
        place,
        switch,
        find=find,
        ended=ended,
        free_port=partial(free_port, spec.run),
        hello=lambda: {"machine": status.own_machine()},
        say=say,
    )
    return Team(spec.node, member, leader, in_status)
