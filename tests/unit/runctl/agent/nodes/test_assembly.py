from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.job.stopping import StopRequest
from runctl_auto.agent.nodes.assembly import GATHER_SECONDS, SETTLE_SECONDS, Assembly, Fewer, State
from runctl_auto.agent.nodes.causes import LOST_GRACE_SECONDS
from runctl_auto.agent.nodes.messages import (
    Do,
    Message,
    Place,
    Say,
    outcome_as_json,
    read_outcome,
    read_request,
    read_round,
    request_as_json,
)
from runctl_auto.agent.nodes.orders import Choose, Note, Order, SaveLast, Send
from runctl_auto.agent.status import Outcome
from runctl_auto.agent.status_format import NodePhase
from runctl_auto.agent.untrusted import UnreadableError

DOWN = StopRequest(Phase.STOPPED, Reason.DOWN, "stopped on request (down)", 17)
NOTICE = StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, "the cloud takes the machine back", 90)
DONE = Outcome(Phase.SUCCEEDED, Reason.COMPLETED, 0)
STOPPED = Outcome(Phase.INTERRUPTED, Reason.INTERRUPTION, 143)


def failed(code: int) -> Outcome:
    return Outcome(Phase.FAILED, Reason.COMMAND_FAILED, code, f"the command ended with exit code {code}")


class Nodes:
    """The nodes of a run and what they were told; `now` only moves when somebody waits."""

    def __init__(
        self,
        count: int,
        another: Callable[[Outcome], float | None] | None = None,
        fewer: Fewer | None = None,
    ):
        self.now = 100.0
        self.count = count
        self.assembly = Assembly(count, self.now, another or (lambda _: None), fewer=fewer)
        self.told: dict[int, list[Message]] = {node: [] for node in range(count)}
        self.others: list[Order] = []
        self.boots = 0

    def take(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, Send):
                self.told[order.node].append(order.message)
            else:
                self.others.append(order)

    def join(self, *nodes: int) -> None:
        for node in nodes:
            self.boots += 1
            place = Place(node, f"127.0.0.{node + 1}", 2, f"i-{self.boots}")
            self.take(self.assembly.joined(place, self.now))

    def leave(self, node: int) -> None:
        self.take(self.assembly.left(node, self.now))

    def say(self, node: int, say: str, **more: Any) -> None:
        self.take(self.assembly.told(node, {"say": say, **more}, self.now))

    def ready(self, *nodes: int) -> None:
        for node in nodes:
            self.say(node, Say.READY, port=20_000 + node)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.assembly.tick(self.now))

    def choose(self, checkpoint: str | None = None) -> tuple[str, ...]:
        """Answers the question for a checkpoint; what was tried before."""
        (asked,) = [each for each in self.others if isinstance(each, Choose)]
        self.others = [each for each in self.others if not isinstance(each, Choose)]
        self.take(self.assembly.chosen(checkpoint, self.now))
        return asked.tried

    def restored(self, *nodes: int, ok: bool = True) -> None:
        for node in nodes:
            more = {"round": self.assembly.number, "checkpoint": self.assembly.checkpoint, "ok": ok}
            self.say(node, Say.RESTORED, **more, why="damaged")

    def train(self, checkpoint: str | None = None) -> None:
        """All nodes come and start."""
        every = range(self.count)
        self.join(*(node for node in every if node not in self.assembly.present))
        self.ready(*every)
        self.choose(checkpoint)
        self.restored(*every)

    def ended(self, node: int, outcome: Outcome) -> None:
        self.say(node, Say.ENDED, round=self.assembly.number, outcome=outcome_as_json(outcome))

    def save(self) -> None:
        assert [each for each in self.others if isinstance(each, SaveLast)]
        self.others = []
        self.take(self.assembly.saved(self.now))

    def last(self, node: int) -> Message:
        return self.told[node][-1]

    def notes(self) -> list[str]:
        """What was told of all nodes since it was asked last."""
        found = [each.text for each in self.others if isinstance(each, Note)]
        self.others = [each for each in self.others if not isinstance(each, Note)]
        return found

    def is_asked_to_save(self) -> bool:
        return any(isinstance(each, SaveLast) for each in self.others)

    @property
    def outcome(self) -> Outcome | None:
        return self.assembly.outcome


def test_nodes_start_together_once_all_have_restored_the_same_checkpoint() -> None:
    nodes = Nodes(3)
    nodes.join(0, 2)
    nodes.ready(0, 2)
    assert not any(nodes.told.values()), "one is missing"
    nodes.join(1)
    nodes.ready(1)
    assert nodes.choose("00000007") == ()
    for node in range(3):
        assert nodes.last(node) == {"do": Do.RESTORE, "round": 1, "checkpoint": "00000007"}
    nodes.restored(2, 0)
    assert all(nodes.last(node)["do"] == Do.RESTORE for node in range(3)), "one still restores"
    nodes.restored(1)
    for node in range(3):
        start = read_round(nodes.last(node))
        assert [each.address for each in start.places] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        assert (start.number, start.port) == (1, 20_000)
    assert {seen.phase for seen in nodes.assembly.seen.values()} == {Phase.RUNNING}


def test_a_run_succeeds_when_all_ranks_have_and_the_last_checkpoint_is_saved() -> None:
    nodes = Nodes(2)
    nodes.train()
    nodes.ended(1, DONE)
    assert nodes.assembly.state == State.TRAINING, "the other rank goes on"
    nodes.ended(0, DONE)
    assert nodes.outcome is None
    nodes.save()
    assert nodes.outcome == DONE
    assert [read_outcome(nodes.last(node)["outcome"]) for node in range(2)] == [DONE, DONE]


def test_a_rank_that_fails_ends_the_run_with_its_code_and_its_number() -> None:
    nodes = Nodes(3)
    nodes.train()
    nodes.ended(2, failed(7))
    for node in (0, 1):
        request = read_request(nodes.last(node)["request"])
        assert (nodes.last(node)["do"], request.grace_seconds) == (Do.STOP, LOST_GRACE_SECONDS)
        assert request.message == "rank 2 failed: the command ended with exit code 7"
    nodes.ended(0, failed(1))
    nodes.ended(1, STOPPED)
    assert not nodes.is_asked_to_save(), "a node may turn out to be lost"
    nodes.wait(SETTLE_SECONDS)
    nodes.save()
    said = "rank 2: the command ended with exit code 7"
    assert nodes.outcome == Outcome(Phase.FAILED, Reason.COMMAND_FAILED, 7, said)


def test_a_failure_that_comes_from_a_lost_node_is_none() -> None:
    nodes = Nodes(2)
    nodes.train("00000001")
    nodes.ended(0, failed(1))
    nodes.wait(SETTLE_SECONDS - 1)
    nodes.leave(1)
    assert nodes.outcome is None
    assert (nodes.assembly.state, nodes.last(0)) == (State.GATHERING, {"do": Do.AGAIN, "round": 1})
    assert nodes.assembly.seen[1].phase == NodePhase.LOST


def test_a_lost_node_stops_all_and_they_start_again_when_it_is_back() -> None:
    nodes = Nodes(2)
    nodes.train("00000001")
    nodes.leave(1)
    assert nodes.last(0)["do"] == Do.STOP
    nodes.ended(0, STOPPED)
    assert not nodes.is_asked_to_save(), "what one of them has is no checkpoint of both"
    assert nodes.last(0) == {"do": Do.AGAIN, "round": 1}
    nodes.ready(0)
    nodes.join(1)
    nodes.ready(1)
    assert nodes.choose("00000001") == ()
    nodes.restored(0, 1)
    assert read_round(nodes.last(1)).number == 2
    assert nodes.assembly.seen[1].instance == "i-3"


def test_a_notice_stops_all_with_its_grace_and_saves_before_the_node_leaves() -> None:
    nodes = Nodes(2)
    nodes.train()
    nodes.say(1, Say.LEAVING, request=request_as_json(NOTICE))
    for node in range(2):
        assert read_request(nodes.last(node)["request"]).grace_seconds == 90
    nodes.ended(0, STOPPED)
    nodes.ended(1, STOPPED)
    nodes.save()
    assert (nodes.last(0)["do"], nodes.last(1)["do"]) == (Do.AGAIN, Do.LEAVE)
    nodes.leave(1)
    assert nodes.assembly.seen[1].phase == NodePhase.ABSENT
    assert nodes.outcome is None


@pytest.mark.parametrize("node", [0, 1])
def test_a_request_at_one_node_ends_the_run_for_all(node: int) -> None:
    nodes = Nodes(2)
    nodes.train()
    nodes.say(node, Say.LEAVING, request=request_as_json(DOWN))
    nodes.ended(0, STOPPED)
    nodes.ended(1, STOPPED)
    nodes.save()
    assert nodes.outcome == Outcome(Phase.STOPPED, Reason.DOWN, 143, DOWN.message)


def test_a_request_while_nodes_are_missing_ends_the_run_at_once() -> None:
    nodes = Nodes(2)
    nodes.join(0)
    nodes.say(0, Say.LEAVING, request=request_as_json(DOWN))
    assert nodes.outcome == Outcome(Phase.STOPPED, Reason.DOWN, None, DOWN.message)
    nodes.join(1)
    assert nodes.last(1)["do"] == Do.END, "one that comes later learns it"


def test_a_node_that_does_not_come_ends_the_run() -> None:
    nodes = Nodes(4)
    nodes.join(0, 2)
    nodes.ready(0, 2)
    nodes.wait(GATHER_SECONDS - 1)
    assert nodes.outcome is None
    nodes.wait(1)
    said = f"nodes 1, 3 did not come within {GATHER_SECONDS:.0f} s"
    assert nodes.outcome == Outcome(Phase.FAILED, Reason.NODES_MISSING, None, said)


def test_a_node_that_is_there_may_take_its_time() -> None:
    nodes = Nodes(2)
    nodes.join(0, 1)
    nodes.ready(0)
    nodes.say(1, Say.BEAT, phase=Phase.SETUP)
    nodes.wait(10 * GATHER_SECONDS)
    assert nodes.outcome is None
    assert nodes.assembly.seen[1].phase == Phase.SETUP


def test_a_failed_setup_ends_the_run_with_its_rank() -> None:
    nodes = Nodes(2)
    nodes.join(0, 1)
    nodes.ready(0)
    outcome = Outcome(Phase.FAILED, Reason.SETUP_FAILED, 3, "setup ended with exit code 3")
    nodes.say(1, Say.ENDED, round=0, outcome=outcome_as_json(outcome))
    assert nodes.outcome == Outcome(
        Phase.FAILED, Reason.SETUP_FAILED, 3, "rank 1: setup ended with exit code 3"
    )


def test_a_failed_run_is_tried_again_after_a_pause() -> None:
    pauses: list[float | None] = [10.0, None]
    nodes = Nodes(2, another=lambda _: pauses.pop(0))
    nodes.train()
    for _ in range(2):
        nodes.ended(1, failed(5))
        nodes.ended(0, STOPPED)
        nodes.wait(SETTLE_SECONDS)
        nodes.save()
        if nodes.outcome is not None:
            break
        nodes.ready(0, 1)
        nodes.wait(9)
        assert nodes.assembly.state == State.GATHERING
        nodes.wait(1)
        nodes.choose("00000000")
        nodes.restored(0, 1)
    assert nodes.outcome is not None
    assert nodes.outcome.exit_code == 5


def test_a_checkpoint_that_one_node_cannot_restore_is_passed_over_by_all() -> None:
    nodes = Nodes(2)
    nodes.join(0, 1)
    nodes.ready(0, 1)
    nodes.choose("00000009")
    nodes.restored(0)
    nodes.restored(1, ok=False)
    assert nodes.last(0)["do"] == nodes.last(1)["do"] == Do.AGAIN
    nodes.ready(0, 1)
    assert nodes.choose("00000008") == ("00000009",)
    nodes.restored(0, 1)
    assert nodes.assembly.state == State.TRAINING


def test_a_node_that_can_not_even_begin_without_a_checkpoint_ends_the_run() -> None:
    nodes = Nodes(2)
    nodes.join(0, 1)
    nodes.ready(0, 1)
    nodes.choose(None)
    nodes.restored(1, ok=False)
    assert nodes.outcome is not None
    assert nodes.outcome.message == "node 1 could not begin: damaged"


def test_what_is_of_an_earlier_round_does_not_count() -> None:
    nodes = Nodes(2)
    nodes.train()
    nodes.say(1, Say.ENDED, round=0, outcome=outcome_as_json(failed(1)))
    nodes.say(1, Say.RESTORED, round=0, ok=False, checkpoint=None)
    assert nodes.assembly.state == State.TRAINING


@pytest.mark.parametrize(
    "message",
    [
        {"say": Say.ENDED, "round": 1},
        {"say": Say.ENDED, "round": 1, "outcome": {"phase": "away", "reason": "x"}},
        {"say": Say.LEAVING, "request": None},
        {"say": Say.READY, "port": 0},
        {"say": Say.RESTORED, "round": "1"},
    ],
    ids=str,
)
def test_what_no_agent_says_is_refused(message: Message) -> None:
    nodes = Nodes(2)
    nodes.join(0, 1)
    if message["say"] == Say.RESTORED:
        nodes.ready(0, 1)
        nodes.choose(None)
    with pytest.raises(UnreadableError):
        nodes.assembly.told(1, message, nodes.now)


def test_a_run_is_idle_for_as_long_as_the_rank_that_computed_last() -> None:
    nodes = Nodes(3)
    nodes.train()
    for node, seconds in enumerate((80.0, 30.0, 90.0)):
        nodes.say(node, Say.BEAT, phase=Phase.RUNNING, idle=seconds)
    assert nodes.assembly.idle_seconds == 30
    nodes.ended(1, DONE)
    assert nodes.assembly.idle_seconds == 80, "a rank that has ended keeps nobody waiting"
    nodes.leave(2)
    assert nodes.assembly.idle_seconds == 0, "nothing trains"
    with pytest.raises(UnreadableError):
        nodes.assembly.told(0, {"say": Say.BEAT, "idle": -1}, nodes.now)


def test_how_long_nothing_trained_is_told() -> None:
    nodes = Nodes(2)
    nodes.train()
    assert nodes.notes() == []
    nodes.leave(1)
    nodes.now += 1.2
    nodes.ended(0, STOPPED)
    assert nodes.notes() == ["all ranks have stopped within 1.2 s"]
    nodes.now += 30
    nodes.join(1)
    nodes.now += 2
    nodes.ready(0, 1)
    nodes.choose()
    nodes.restored(0, 1)
    assert nodes.notes() == ["training goes on after 33.2 s, 31.2 s of them without all nodes"]


FEWER = Fewer(least=2, after_seconds=60)


def without_2(count: int = 3) -> Nodes:
    """Nodes that train without node 2, which was lost."""
    nodes = Nodes(count, fewer=FEWER)
    nodes.train()
    nodes.leave(2)
    others = [node for node in range(count) if node != 2]
    for node in others:
        nodes.ended(node, STOPPED)
        assert nodes.last(node)["do"] == Do.AGAIN if node == others[-1] else True
    nodes.ready(*others)
    assert nodes.assembly.state == State.GATHERING
    nodes.wait(59)
    assert nodes.assembly.state == State.GATHERING, "it may come back"
    nodes.wait(1)
    nodes.choose("00000004")
    nodes.restored(*others)
    return nodes


def test_the_others_go_on_without_a_lost_node_after_a_while_with_ranks_of_their_own() -> None:
    nodes = without_2(4)
    assert (nodes.assembly.taking_part, nodes.assembly.left_out) == ((0, 1, 3), (2,))
    for node in (0, 1, 3):
        start = read_round(nodes.last(node))
        assert [each.node for each in start.places] == [0, 1, 3]
    assert nodes.assembly.seen[2].phase == NodePhase.LOST


def test_all_go_on_together_once_the_node_is_back_and_set_up() -> None:
    nodes = without_2()
    nodes.join(2)
    nodes.wait(10)
    assert nodes.assembly.state == State.TRAINING, "it is being set up"
    nodes.ready(2)
    assert nodes.assembly.seen[2].phase == NodePhase.READY
    for node in (0, 1):
        assert nodes.last(node)["do"] == Do.STOP
        request = read_request(nodes.last(node)["request"])
        assert request.message == "node 2 is back: all go on together"
        assert request.grace_seconds > LOST_GRACE_SECONDS, "what it trained is saved"
        nodes.ended(node, STOPPED)
    nodes.save()
    nodes.ready(0, 1, 2)
    nodes.choose("00000009")
    nodes.restored(0, 1, 2)
    assert nodes.assembly.taking_part == (0, 1, 2)
    assert nodes.assembly.left_out == ()


def test_fewer_than_the_least_wait_as_without_elastic() -> None:
    nodes = Nodes(3, fewer=FEWER)
    nodes.train()
    nodes.leave(2)
    nodes.leave(1)
    nodes.ended(0, STOPPED)
    nodes.ready(0)
    nodes.wait(GATHER_SECONDS - 1)
    assert nodes.outcome is None
    nodes.wait(1)
    assert nodes.outcome is not None
    assert nodes.outcome.reason == Reason.NODES_MISSING


def test_nothing_goes_on_without_node_0() -> None:
    nodes = Nodes(3, fewer=FEWER)
    nodes.join(1, 2)
    nodes.ready(1, 2)
    nodes.wait(120)
    assert nodes.assembly.state == State.GATHERING


def test_another_loss_is_waited_for_by_itself() -> None:
    nodes = without_2(4)
    nodes.leave(3)
    for node in (0, 1):
        nodes.ended(node, STOPPED)
    nodes.ready(0, 1)
    nodes.wait(59)
    assert nodes.assembly.state == State.GATHERING
    nodes.wait(1)
    nodes.choose()
    assert nodes.assembly.taking_part == (0, 1)


def test_a_notice_or_a_failed_setup_of_a_node_that_is_left_out_leaves_the_others_alone() -> None:
    nodes = without_2()
    nodes.join(2)
    nodes.say(2, Say.LEAVING, request=request_as_json(NOTICE))
    assert nodes.last(2)["do"] == Do.LEAVE
    nodes.leave(2)
    nodes.join(2)
    nodes.say(
        2,
        Say.ENDED,
        round=0,
        outcome=outcome_as_json(Outcome(Phase.FAILED, Reason.SETUP_FAILED, 3, "setup ended")),
    )
    assert nodes.last(2)["do"] == Do.END
    assert (nodes.assembly.state, nodes.outcome) == (State.TRAINING, None)


def test_a_run_that_is_about_to_succeed_waits_for_nobody_who_is_back() -> None:
    nodes = without_2()
    nodes.ended(0, DONE)
    nodes.join(2)
    nodes.ready(2)
    assert nodes.assembly.state == State.TRAINING
    nodes.ended(1, DONE)
    nodes.save()
    assert nodes.outcome == DONE
    assert nodes.last(2)["do"] == Do.END


class AnyOrder(RuleBasedStateMachine):
    """Nodes that come, go, restore, end and are asked to stop in any order: no rank trains alone, and the run
    can always go on."""

    fewer: Fewer | None = None

    def __init__(self) -> None:
        super().__init__()
        self.nodes = Nodes(3, fewer=self.fewer)
        self.training: dict[int, int] = {}
        self.phase: dict[int, str] = {}

    def _follow(self) -> None:
        """Each node does what it was told."""
        for node, messages in self.nodes.told.items():
            for message in messages:
                if message["do"] == Do.START:
                    assert self.phase.get(node) == "restored"
                    self.training[node] = message["round"]
                self.phase[node] = {
                    Do.RESTORE: "restoring",
                    Do.START: "training",
                    Do.AGAIN: "idle",
                    Do.STOP: "stopping",
                }.get(message["do"], "over")
            messages.clear()
        for node in [each for each in self.training if self.phase.get(each) != "training"]:
            if self.phase.get(node) != "stopping":
                del self.training[node]

    def _here(self, phase: str) -> list[int]:
        return [node for node in self.nodes.assembly.present if self.phase.get(node) == phase]

    @rule(node=st.integers(0, 2))
    def comes(self, node: int) -> None:
        self.training.pop(node, None)
        self.phase[node] = "idle"
        self.nodes.join(node)
        self._follow()

    @rule(node=st.integers(0, 2))
    def goes(self, node: int) -> None:
        self.training.pop(node, None)
        self.phase.pop(node, None)
        self.nodes.leave(node)
        self._follow()

    @rule(node=st.integers(0, 2))
    def gets_ready(self, node: int) -> None:
        if node in self._here("idle"):
            self.nodes.ready(node)
            self._follow()

    @rule(node=st.integers(0, 2), ok=st.booleans())
    def restores(self, node: int, ok: bool) -> None:
        if node in self._here("restoring"):
            self.phase[node] = "restored"
            self.nodes.restored(node, ok=ok)
            self._follow()

    @rule(node=st.integers(0, 2), outcome=st.sampled_from([DONE, failed(1), STOPPED]))
    def ends(self, node: int, outcome: Outcome) -> None:
        if node in (*self._here("training"), *self._here("stopping")) and node in self.training:
            self.training.pop(node)
            self.nodes.ended(node, outcome)
            self._follow()

    @rule(node=st.integers(0, 2), request=st.sampled_from([DOWN, NOTICE]))
    def is_asked(self, node: int, request: StopRequest) -> None:
        if node in self.nodes.assembly.present:
            self.nodes.say(node, Say.LEAVING, request=request_as_json(request))
            self._follow()

    @rule(seconds=st.sampled_from([0.1, SETTLE_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.nodes.wait(seconds)
        self._follow()

    @precondition(lambda self: any(isinstance(each, Choose) for each in self.nodes.others))
    @rule(checkpoint=st.sampled_from([None, "00000001"]))
    def is_chosen(self, checkpoint: str | None) -> None:
        self.nodes.others = [each for each in self.nodes.others if isinstance(each, Choose)][-1:]
        self.nodes.choose(checkpoint)
        self._follow()

    @precondition(lambda self: self.nodes.is_asked_to_save())
    @rule()
    def is_saved(self) -> None:
        self.nodes.save()
        self._follow()

    @invariant()
    def all_that_train_are_in_one_round(self) -> None:
        assembly = self.nodes.assembly
        trains = {
            node: number for node, number in self.training.items() if self.phase.get(node) == "training"
        }
        assert len(set(trains.values())) <= 1
        if trains:
            assert assembly.state in (State.TRAINING, State.STOPPING)
            assert set(trains.values()) == {assembly.number}

    @invariant()
    def a_run_that_is_over_has_an_outcome(self) -> None:
        assembly = self.nodes.assembly
        assert (assembly.state == State.OVER) == (assembly.outcome is not None)


class AnyOrderWithFewer(AnyOrder):
    """As well where two of three go on."""

    fewer = Fewer(least=2, after_seconds=SETTLE_SECONDS)

    @invariant()
    def no_fewer_train_than_may(self) -> None:
        if self.nodes.assembly.state == State.TRAINING:
            assert len(self.nodes.assembly.taking_part) >= 2
            assert 0 in self.nodes.assembly.taking_part


TestAnyOrderWithFewer = AnyOrderWithFewer.TestCase
TestAnyOrderWithFewer.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
