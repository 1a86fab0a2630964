"""Agents of several nodes over real connections on loopback, with jobs that are stand-ins."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.nodes.assembly import Assembly, Fewer
from runctl_auto.agent.nodes.common_checkpoints import CommonCheckpoints, NodePart
from runctl_auto.agent.nodes.leader import SILENT_SECONDS, Leader
from runctl_auto.agent.nodes.master_port import free_port, ports_of
from runctl_auto.agent.nodes.meeting import announce, find_meeting, listen
from runctl_auto.agent.nodes.member import MayLeave, Meeting, Member
from runctl_auto.agent.nodes.messages import Message, Place, Round
from runctl_auto.agent.nodes.variables import round_variables
from runctl_auto.agent.status import Outcome

DONE = Outcome(Phase.SUCCEEDED, Reason.COMPLETED, 0)
NOTICE = StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, "the cloud takes the machine back", 5)


class Node:
    """One machine: its agent's member, and on node 0 the leader. `goes` decides what its rank does."""

    def __init__(self, cluster: Cluster, node: int) -> None:
        self.cluster, self.node = cluster, node
        self.switch = StopSwitch()
        self.rounds: list[Round] = []
        self.restored: list[str | None] = []
        self.leader: Leader | None = None
        self.phases: dict[int, str] = {}
        self.goes = threading.Event()
        self.fails: int | None = None
        self.end: Outcome | str | None = None
        self.part = NodePart(
            cluster.store,
            "line",
            node=node,
            folder=cluster.folder / f"{node}-{len(cluster.booted)}",
            scratch=cluster.folder / f"scratch-{node}-{len(cluster.booted)}",
            keep=2,
            say=cluster.said.append,
            run="r1",
        )
        self.member = Member(
            Place(node, f"127.77.0.{node + 1}", 0, f"i-{len(cluster.booted)}"),
            self.switch,
            find=self._find,
            ended=lambda: None,
            free_port=lambda: 20_000,
            say=cluster.said.append,
        )
        self.member.part = self.part
        if node == 0:
            self.leader = self._lead()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _find(self) -> Meeting | None:
        return find_meeting(self.cluster.store, "r1", 1)

    def _lead(self) -> Leader:
        cluster = self.cluster
        listener = listen("127.77.0.1")
        meeting = announce(cluster.store, "r1", listener, instance="i", attempt=1, now=time.time())
        assembly = Assembly(cluster.count, time.monotonic(), lambda _: None, fewer=cluster.fewer)
        leader = Leader(
            assembly, listener, meeting.key, say=cluster.said.append, told=self._told, heard=self._heard
        )
        common = CommonCheckpoints(
            cluster.store, "line", leader.ask, keep=2, say=cluster.said.append, saved=lambda _: None
        )
        leader.start(common, lambda _: None)
        self.common = common
        return leader

    def _told(self, assembly: Assembly) -> None:
        self.phases = {node: seen.phase for node, seen in assembly.seen.items()}

    def _heard(self, node: int, message: Message) -> None:
        pass

    def boot(self) -> None:
        self.member.start()
        self.thread.start()

    def _run(self) -> None:
        try:
            while True:
                self.rounds.append(self.member.meet(self._restore))
                end = self.member.settle(self._train())
                if end is not None:
                    self.end = end
                    break
        except MayLeave:
            self.end = "left"
        self.close()

    def _restore(self, checkpoint: str | None) -> None:
        self.part.restore_this(checkpoint)
        self.restored.append(checkpoint)

    def _train(self) -> Outcome:
        while True:
            request = self.member.order()
            if request is not None:
                return request.outcome(143)
            if self.fails is not None:
                return Outcome(Phase.FAILED, Reason.COMMAND_FAILED, self.fails, "it failed")
            if self.goes.is_set():
                return DONE
            self.member.pause(0.05)

    def close(self) -> None:
        self.member.close()
        if self.leader is not None:
            self.leader.await_gone(5)
            self.leader.close()

    def crash(self) -> None:
        """All its processes are killed: its connections break."""
        self.member.close()
        if self.leader is not None:
            self.leader.close()

    def write(self, name: str, text: str) -> None:
        (self.part._folder / name).write_text(text)


class Cluster:
    def __init__(self, folder: Path, count: int, fewer: Fewer | None = None) -> None:
        self.folder, self.count, self.fewer = folder, count, fewer
        self.store = MemoryStore()
        self.said: list[str] = []
        self.booted: list[Node] = []
        self.nodes: dict[int, Node] = {}
        for node in range(count):
            self.boot(node)

    def boot(self, node: int) -> Node:
        found = Node(self, node)
        self.booted.append(found)
        self.nodes[node] = found
        found.boot()
        return found

    def wait(self, what: Callable[[], object], seconds: float = 20) -> None:
        give_up = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < give_up, self.said
            time.sleep(0.02)

    def train(self, rounds: int = 1) -> None:
        """Waits until all nodes train in the same round."""

        def same() -> bool:
            last = {node.rounds[-1].number for node in self.nodes.values() if node.rounds}
            started = all(node.rounds for node in self.nodes.values())
            return started and len(last) == 1 and last.pop() >= rounds

        self.wait(same)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path, 3)
    yield found
    for node in found.booted:
        node.crash()


def test_nodes_find_each_other_train_and_end_together(cluster: Cluster) -> None:
    cluster.train()
    for node in cluster.nodes.values():
        assert [each.address for each in node.rounds[0].places] == ["127.77.0.1", "127.77.0.2", "127.77.0.3"]
        node.goes.set()
    cluster.wait(lambda: all(node.end == DONE for node in cluster.nodes.values()))


def test_the_first_rank_that_fails_is_the_one_that_is_named(cluster: Cluster) -> None:
    cluster.train()
    cluster.nodes[1].fails = 9
    cluster.wait(lambda: all(node.end for node in cluster.nodes.values()))
    expected = Outcome(Phase.FAILED, Reason.COMMAND_FAILED, 9, "rank 1: it failed")
    assert [node.end for node in cluster.nodes.values()] == [expected] * 3


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_node_stops_all_within_seconds_and_they_go_on_from_their_common_checkpoint(
    cluster: Cluster, lost: int
) -> None:
    cluster.train()
    for node in cluster.nodes.values():
        node.write(f"shard-{node.node}", "saved")
    assert cluster.nodes[0].common.save() == "00000000"
    for node in cluster.nodes.values():
        node.write(f"shard-{node.node}", "lost")
    began = time.monotonic()
    cluster.nodes[lost].crash()
    others = [node for node in cluster.nodes.values() if node.node != lost]
    cluster.wait(lambda: all(node.member.order() or not node.member._is_training for node in others))
    assert time.monotonic() - began < 3
    cluster.boot(lost)
    cluster.train(1 if lost == 0 else 2)
    for node in cluster.nodes.values():
        assert node.restored[-1] == "00000000"
        texts = [(node.part._folder / f"shard-{each}").read_text() for each in range(3)]
        assert texts == ["saved"] * 3
        node.goes.set()
    cluster.wait(lambda: all(node.end == DONE for node in cluster.nodes.values()))


def test_a_node_that_is_silent_is_lost(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.train()
    silent = cluster.nodes[2].member
    monkeypatch.setattr(silent, "_tell", lambda message: None)
    began = time.monotonic()
    cluster.wait(lambda: "node 2 is gone" in cluster.said)
    assert time.monotonic() - began < SILENT_SECONDS + 2


def test_a_notice_lets_one_node_go_with_a_last_checkpoint_of_all(cluster: Cluster) -> None:
    cluster.train()
    cluster.nodes[1].write("model", "at the notice")
    cluster.nodes[1].switch.set(NOTICE)
    cluster.wait(lambda: cluster.nodes[1].end == "left")
    cluster.boot(1)
    cluster.train(2)
    assert {node.restored[-1] for node in cluster.nodes.values()} == {"00000000"}


def test_any_node_may_ask_for_a_checkpoint_of_all(cluster: Cluster) -> None:
    cluster.train()
    for node in cluster.nodes.values():
        node.write(f"shard-{node.node}", "saved")
    cluster.nodes[2].member.ask_for_checkpoint()
    cluster.wait(lambda: "node 2 asked for a checkpoint: 00000000" in cluster.said)
    cluster.nodes[1].member.ask_for_checkpoint()
    cluster.wait(lambda: "node 1 asked for a checkpoint: nothing has changed" in cluster.said)
    assert all(node.member.order() is None for node in cluster.nodes.values()), "the training goes on"


def test_the_run_is_idle_for_as_long_as_all_ranks_are(cluster: Cluster) -> None:
    cluster.train()
    leader = cluster.nodes[0].leader
    assert leader is not None
    for node, seconds in ((0, 50.0), (1, 20.0), (2, 70.0)):
        cluster.nodes[node].member.idle_seconds = seconds
    cluster.wait(lambda: leader.idle_seconds() == 20)
    cluster.nodes[2].member.idle_seconds = 0.0
    cluster.wait(lambda: leader.idle_seconds() == 0)


@pytest.fixture
def elastic(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path, 3, Fewer(least=2, after_seconds=1.0))
    yield found
    for node in found.booted:
        node.crash()


@pytest.mark.parametrize("lost", [1, 2])
def test_two_of_three_go_on_without_a_lost_one_and_all_together_when_it_is_back(
    elastic: Cluster, lost: int
) -> None:
    elastic.train()
    for node in elastic.nodes.values():
        node.write(f"shard-{node.node}", "of all")
    assert elastic.nodes[0].common.save() == "00000000"
    elastic.nodes.pop(lost).crash()
    elastic.train(2)
    left = sorted(elastic.nodes)
    for node in elastic.nodes.values():
        places = node.rounds[-1].places
        assert [each.node for each in places] == left
        variables = round_variables(node.rounds[-1], node.node)
        assert (variables["RUNCTL_NUM_NODES"], variables["RUNCTL_NODE_RANK"]) == (
            "2",
            str(left.index(node.node)),
        )
        assert node.restored[-1] == "00000000"
        assert (node.part._folder / f"shard-{lost}").read_text() == "of all"
        node.write("model", "of two")
    assert any(said == f"going on with 2 of 3 nodes, without {lost}" for said in elastic.said)

    elastic.boot(lost)
    elastic.train(3)
    for node in elastic.nodes.values():
        assert len(node.rounds[-1].places) == 3
        assert (node.part._folder / "model").read_text() == "of two", "what two trained is not lost"
        node.goes.set()
    elastic.wait(lambda: all(node.end == DONE for node in elastic.nodes.values()))


def test_strangers_are_not_heard(cluster: Cluster) -> None:
    cluster.train()
    meeting = find_meeting(cluster.store, "r1", 1)
    assert meeting is not None
    for said in (
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b'{"say":"hello","place":{"node":1,"address":"127.0.0.1"}}\n',
    ):
        with socket.create_connection((meeting.address, meeting.port), 5) as stranger:
            stranger.settimeout(10)
            stranger.sendall(said)
            answer = b""
            while piece := stranger.recv(4096):
                answer += piece
            assert answer.count(b"\n") == 1, "a challenge, and no more"
    assert cluster.nodes[0].phases == dict.fromkeys(range(3), Phase.RUNNING)


def test_where_node_0_listens_is_only_believed_of_the_same_attempt(tmp_path: Path) -> None:
    store = MemoryStore()
    with listen("127.77.0.9") as listener:
        announce(store, "r1", listener, instance="i", attempt=2, now=0)
    assert find_meeting(store, "r1", 1) is None
    store.objects["runs/r1/nodes/0/address.json"] = b"{"
    assert find_meeting(store, "r1", 2) is None


def test_a_machine_without_its_address_cannot_listen() -> None:
    with pytest.raises(AgentError, match=r"cannot listen at 192\.0\.2\.1"):
        listen("192.0.2.1")


def test_a_port_that_something_listens_on_is_passed_over() -> None:
    preferred = ports_of("a run of this test")[0]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", preferred))
        taken.listen(1)
        assert free_port("a run of this test") == ports_of("a run of this test")[1]
    assert free_port("a run of this test") == preferred
