"""Decides what the nodes of a run do together: gather, restore one checkpoint, start, stop, start again, end.

No I/O: what happened goes in with the time, what is to be done comes out. Node 0 has one; the agent of node 0
that takes the place of a lost one begins with an empty one, to which the others come again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.nodes.causes import Asked, Back, Cause, Completed, Failure, Lost, request_for
from runctl_auto.agent.nodes.messages import (
    LONGEST_SECONDS,
    Do,
    Message,
    Place,
    Round,
    Say,
    checkpoint_of,
    outcome_as_json,
    read_outcome,
    read_request,
    request_as_json,
    round_as_json,
    round_of,
)
from runctl_auto.agent.nodes.orders import Changed, Choose, Note, Order, SaveLast, Send
from runctl_auto.agent.status import Outcome
from runctl_auto.agent.status_format import NodePhase
from runctl_auto.agent.untrusted import Fields, number, whole

GATHER_SECONDS = 1200.0
"""How long the others wait for a node that is not there: the boot of a machine, and the time to get one."""
SETTLE_SECONDS = 3.5
"""After a failed rank: so long its failure may turn out to come from a node that is lost."""


class State:
    GATHERING = "gathering"
    CHOOSING = "choosing"
    RESTORING = "restoring"
    TRAINING = "training"
    STOPPING = "ending the round"
    SAVING = "saving"
    OVER = "over"


@dataclass
class Node:
    """A node that is connected. ``port`` is one that is free there, for rank 0."""

    place: Place
    ready: bool = False
    port: int = 0
    restored: bool = False
    ended: bool = False
    code: int | None = None
    leaving: bool = False
    idle_seconds: float = 0.0


@dataclass(frozen=True)
class Fewer:
    """``least`` nodes, node 0 among them, go on without others that have been away for ``after_seconds``."""

    least: int
    after_seconds: float


@dataclass
class Seen:
    """What is told of a node, connected or not."""

    instance: str | None = None
    address: str | None = None
    phase: str = NodePhase.ABSENT
    since: float = 0.0
    exit_code: int | None = None


@dataclass
class Assembly:
    """``another`` tells whether a failed run is tried once more, and after how many seconds; None: not.
    ``fewer``: when it goes on without all nodes; None: never. Times are monotonic seconds.
    """

    nodes: int
    began: float
    another: Callable[[Outcome], float | None]
    gather_seconds: float = GATHER_SECONDS
    fewer: Fewer | None = None
    state: str = State.GATHERING
    number: int = 0
    present: dict[int, Node] = field(default_factory=dict)
    cause: Cause | None = None
    outcome: Outcome | None = None
    checkpoint: str | None = None
    seen: dict[int, Seen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._taking_part: tuple[int, ...] = ()
        self._tried: list[str] = []
        self._gathering_since = self.began
        self._not_before = self.began
        self._settle_until = self.began
        self._stopped_since: float | None = None
        self._has_stopped = False
        self._complete_since = self.began
        self._orders: list[Order] = []
        self._away_since = dict.fromkeys(range(self.nodes), self.began)
        for node in range(self.nodes):
            self.seen.setdefault(node, Seen(since=self.began))

    @property
    def taking_part(self) -> tuple[int, ...]:
        """The nodes of the present round, by their ranks."""
        return self._taking_part

    @property
    def left_out(self) -> tuple[int, ...]:
        """The nodes that the present round began without."""
        return tuple(node for node in range(self.nodes) if node not in self._taking_part)

    @property
    def idle_seconds(self) -> float:
        """For how long all ranks that have not ended have been idle."""
        if self.state != State.TRAINING:
            return 0.0
        here = [self.present[node] for node in self._taking_part if node in self.present]
        return min((each.idle_seconds for each in here if not each.ended), default=0.0)

    # What happens

    def joined(self, place: Place, now: float) -> list[Order]:
        """A node has connected, anew or in place of one that was lost."""
        node = place.node
        if node in self.present:
            self._left(node, now)
        self.present[node] = Node(place)
        self._away_since.pop(node, None)
        self._complete_since = now
        seen = self.seen[node]
        if seen.instance != place.instance:
            seen.exit_code = None
        seen.instance, seen.address = place.instance, place.address
        self._phase(node, Phase.FETCHING, now)
        if self.state == State.OVER:
            self._end(node)
        return self._taken(now)

    def left(self, node: int, now: float) -> list[Order]:
        """The connection to a node is broken, or it has been silent for too long."""
        self._left(node, now)
        return self._taken(now)

    def told(self, node: int, message: Message, now: float) -> list[Order]:
        """A node says something. Raises UnreadableError for what no agent says."""
        say = message.get("say")
        if say == Say.READY:
            self._ready(node, message, now)
        elif say == Say.RESTORED:
            self._restored(node, message, now)
        elif say == Say.ENDED:
            self._ended(node, message, now)
        elif say == Say.LEAVING:
            self._asked(Asked(node, read_request(message.get("request"))), now)
        elif say == Say.BEAT:
            self.present[node].idle_seconds = Fields(message).given("idle", number(0, LONGEST_SECONDS)) or 0.0
            phase = message.get("phase")
            if phase in (Phase.FETCHING, Phase.SETUP) and not self.present[node].ready:
                self._phase(node, str(phase), now)
        return self._taken(now)

    def tick(self, now: float) -> list[Order]:
        """To be called about twice a second."""
        return self._taken(now)

    def chosen(self, checkpoint: str | None, now: float) -> list[Order]:
        """The answer to ``Choose``."""
        if self.state == State.CHOOSING:
            self.state, self.checkpoint = State.RESTORING, checkpoint
            for node in self._taking_part:
                self.present[node].restored = False
                self._phase(node, Phase.FETCHING, now)
            self._tell({"do": Do.RESTORE, "round": self.number, "checkpoint": checkpoint})
        return self._taken(now)

    def saved(self, now: float) -> list[Order]:
        """The answer to ``SaveLast``, whether or not it worked."""
        if self.state == State.SAVING:
            self._conclude(now)
        return self._taken(now)

    def fail(self, outcome: Outcome, now: float) -> list[Order]:
        """Ends the run: node 0 cannot go on."""
        if self.state != State.OVER:
            self._over(outcome)
        return self._taken(now)

    # What it means

    def _taken(self, now: float) -> list[Order]:
        self._advance(now)
        orders, self._orders = self._orders, []
        return orders

    def _advance(self, now: float) -> None:
        if self.state == State.GATHERING:
            self._look_who_is_there(now)
        elif self.state == State.TRAINING:
            self._look_who_is_back(now)
        elif self.state == State.STOPPING:
            taking_part = [self.present[node] for node in self._taking_part if node in self.present]
            if all(each.ended for each in taking_part):
                self._note_stopped(now)
                if not isinstance(self.cause, Failure) or now >= self._settle_until:
                    self._after_stop(now)

    def _note_stopped(self, now: float) -> None:
        if not self._has_stopped:
            self._has_stopped = True
            self._orders.append(
                Note(f"all ranks have stopped within {now - (self._stopped_since or now):.1f} s")
            )

    def _note_goes_on(self, now: float) -> None:
        """How long nothing trained, and how much of that a node was missing."""
        since, self._stopped_since = self._stopped_since, None
        if since is not None:
            until = now if self.left_out else self._complete_since
            missing = max(0.0, until - since)
            self._orders.append(
                Note(f"training goes on after {now - since:.1f} s, {missing:.1f} s of them without all nodes")
            )

    def _look_who_is_there(self, now: float) -> None:
        missing = [node for node in range(self.nodes) if node not in self.present]
        if missing and not self._goes_on_without(missing, now):
            if now - self._gathering_since >= self.gather_seconds:
                self._give_up(missing)
        elif now >= self._not_before and all(each.ready for each in self.present.values()):
            self.state = State.CHOOSING
            self.number += 1
            self._taking_part = tuple(sorted(self.present))
            self._orders.append(Choose(tuple(self._tried)))

    def _goes_on_without(self, missing: Sequence[int], now: float) -> bool:
        fewer = self.fewer
        if fewer is None or 0 in missing or len(self.present) < fewer.least:
            return False
        return all(now - self._away_since[node] >= fewer.after_seconds for node in missing)

    def _look_who_is_back(self, now: float) -> None:
        """Ends a round that began without some nodes, once all that came since are set up."""
        back = tuple(sorted(set(self.present) - set(self._taking_part)))
        some_ended = any(self.present[node].ended for node in self._taking_part if node in self.present)
        if back and not some_ended and all(self.present[node].ready for node in back):
            self._stop(Back(back), now)

    def _give_up(self, missing: Sequence[int]) -> None:
        named, what = ", ".join(map(str, missing)), "node" if len(missing) == 1 else "nodes"
        message = f"{what} {named} did not come within {self.gather_seconds:.0f} s"
        self._over(Outcome(Phase.FAILED, Reason.NODES_MISSING, None, message))

    def _ready(self, node: int, message: Message, now: float) -> None:
        here = self.present[node]
        here.ready, here.ended, here.code = True, False, None
        here.port = Fields(message).given("port", whole(1, 65535)) or 0
        if self.state == State.GATHERING or node not in self._taking_part:
            self._phase(node, NodePhase.READY, now)

    def _restored(self, node: int, message: Message, now: float) -> None:
        if self.state != State.RESTORING or round_of(message) != self.number:
            return
        if message.get("ok") is not True:
            failed = self.checkpoint
            if failed is None or checkpoint_of(message) != failed:
                why = f"node {node} could not begin: {Fields(message).given('why', str) or 'no reason given'}"
                self._over(Outcome(Phase.FAILED, Reason.AGENT_ERROR, None, why))
                return
            self._tried.append(failed)
            self._gather(now)
            return
        self.present[node].restored = True
        if all(self.present[each].restored for each in self._taking_part):
            self._start(now)

    def _start(self, now: float) -> None:
        self.state, self.cause = State.TRAINING, None
        self._note_goes_on(now)
        places = tuple(self.present[node].place for node in self._taking_part)
        port = self.present[self._taking_part[0]].port
        for node in self._taking_part:
            here = self.present[node]
            here.ready, here.ended, here.code = False, False, None
            self.seen[node].exit_code = None
            self._phase(node, Phase.RUNNING, now)
        for node in self._taking_part:
            self.present[node].idle_seconds = 0.0
        self._tell({"do": Do.START, **round_as_json(Round(self.number, places, port))})

    def _ended(self, node: int, message: Message, now: float) -> None:
        outcome = read_outcome(message.get("outcome"))
        here = self.present[node]
        is_before_start = outcome.reason in (Reason.SETUP_FAILED, Reason.AGENT_ERROR)
        if is_before_start and outcome.phase == Phase.FAILED and self.state != State.OVER:
            if self._is_left_out(node):
                self._phase(node, outcome.phase, now)
                self._orders.append(Send(node, {"do": Do.END, "outcome": outcome_as_json(outcome)}))
                return
            self._set_up_failed(Failure(node, outcome), now)
            return
        if round_of(message) != self.number or self.state not in (State.TRAINING, State.STOPPING):
            return
        here.ended, here.code = True, outcome.exit_code
        self.seen[node].exit_code = outcome.exit_code
        self._phase(node, outcome.phase if outcome.phase == Phase.SUCCEEDED else Phase.STOPPING, now)
        if self.state == State.STOPPING:
            return
        if outcome.phase != Phase.SUCCEEDED:
            self._settle_until = now + SETTLE_SECONDS
            self._stop(Failure(node, outcome), now)
        elif all(self.present[each].ended for each in self._taking_part):
            self.cause = Completed()
            self._save_last()

    def _is_left_out(self, node: int) -> bool:
        """Whether the others go on without this node, whatever becomes of it."""
        return node not in self._taking_part and self.state not in (State.GATHERING, State.OVER)

    def _set_up_failed(self, failure: Failure, now: float) -> None:
        if self.state in (State.CHOOSING, State.RESTORING):
            self._gather(now)
        if self.state == State.GATHERING:
            self._judge(failure, now)

    def _asked(self, asked: Asked, now: float) -> None:
        if asked.request.phase == Phase.INTERRUPTED:
            self.present[asked.node].leaving = True
            if self._is_left_out(asked.node):
                self._orders.append(Send(asked.node, {"do": Do.LEAVE}))
                return
        if self.state == State.TRAINING:
            self._stop(asked, now)
        elif self.state in (State.GATHERING, State.CHOOSING, State.RESTORING):
            self.cause = asked
            self._conclude(now)
        elif self.state in (State.STOPPING, State.SAVING) and asked.request.phase != Phase.INTERRUPTED:
            self.cause = asked

    def _left(self, node: int, now: float) -> None:
        here = self.present.pop(node, None)
        if here is None:
            return
        self._away_since[node] = now
        if self.state != State.OVER:
            self._phase(node, NodePhase.ABSENT if here.leaving else NodePhase.LOST, now)
        if node not in self._taking_part:
            return
        if self.state == State.TRAINING:
            self._stop(Lost(node), now)
        elif self.state == State.STOPPING and isinstance(self.cause, Failure):
            self.cause = Lost(node)
        elif self.state in (State.CHOOSING, State.RESTORING):
            self._gather(now)

    def _stop(self, cause: Cause, now: float) -> None:
        self.state, self.cause = State.STOPPING, cause
        self._stopped_since, self._has_stopped = now, False
        request = request_for(cause)
        for node in self._taking_part:
            if node in self.present and not self.present[node].ended:
                self._phase(node, Phase.STOPPING, now)
        self._tell({"do": Do.STOP, "round": self.number, "request": request_as_json(request)})

    def _after_stop(self, now: float) -> None:
        if all(node in self.present for node in self._taking_part) and not isinstance(self.cause, Lost):
            self._save_last()
        else:
            self._conclude(now)

    def _save_last(self) -> None:
        self.state = State.SAVING
        self._orders.append(SaveLast())

    def _conclude(self, now: float) -> None:
        cause = self.cause
        if isinstance(cause, Completed):
            self._over(Outcome(Phase.SUCCEEDED, Reason.COMPLETED, 0))
        elif isinstance(cause, Failure):
            self._judge(cause, now)
        elif isinstance(cause, Asked) and cause.request.phase != Phase.INTERRUPTED:
            self._over(cause.request.outcome(self._code_of(cause.node)))
        else:
            self._gather(now)

    def _judge(self, failure: Failure, now: float) -> None:
        outcome = failure.outcome
        said = f"rank {failure.node}: {outcome.message or outcome.reason}"
        told = Outcome(outcome.phase, outcome.reason, outcome.exit_code, said)
        pause = self.another(told)
        if pause is None:
            self._over(told)
            return
        self._not_before = now + pause
        self._gather(now)

    def _code_of(self, node: int) -> int | None:
        here = self.present.get(node)
        return here.code if here is not None else None

    def _gather(self, now: float) -> None:
        """The round is over; another one starts when all are there."""
        self.state = State.GATHERING
        self._gathering_since = now
        self.cause = None
        for node, here in self.present.items():
            here.ready = False
            if here.leaving:
                self._orders.append(Send(node, {"do": Do.LEAVE}))
            else:
                self._orders.append(Send(node, {"do": Do.AGAIN, "round": self.number}))

    def _over(self, outcome: Outcome) -> None:
        self.state, self.outcome = State.OVER, outcome
        self._orders.append(Changed())
        for node in self.present:
            self._end(node)

    def _end(self, node: int) -> None:
        assert self.outcome is not None  # noqa: S101
        self._orders.append(Send(node, {"do": Do.END, "outcome": outcome_as_json(self.outcome)}))

    def _tell(self, message: Message) -> None:
        self._orders += [Send(node, message) for node in self._taking_part if node in self.present]

    def _phase(self, node: int, phase: str, now: float) -> None:
        seen = self.seen[node]
        if seen.phase != phase:
            seen.phase, seen.since = phase, now
        self._orders.append(Changed())
