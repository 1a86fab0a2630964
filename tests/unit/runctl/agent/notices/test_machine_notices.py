"""What a machine tells of its run, at which dollar, and once."""

from __future__ import annotations

from typing import Any

import pytest
from support.agent_spec import run_spec
from support.agent_stand_ins import Clock, MemoryStore

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.notices.machine_notices import MachineNotices
from runctl_auto.agent.notices.notice import Notice
from runctl_auto.agent.notices.notice_contract import Sent
from runctl_auto.agent.notices.notice_sender import SendOnce
from runctl_auto.agent.notices.webhook import Delivery
from runctl_auto.agent.status import Outcome


class World:
    def __init__(
        self, store: MemoryStore, clock: Clock, *on: str, machine: str = "i-1", **limits: Any
    ) -> None:
        self.got: list[Notice] = []
        self.spent = 0.0
        self.switch = StopSwitch()
        wanted = {"webhook": "/p", **({"on": list(on)} if on else {})}
        spec = run_spec(notify=wanted, **({"limits": limits} if limits else {}))
        self.notices = MachineNotices.of(
            spec,
            SendOnce(lambda: {"webhook": self}, "a test", lambda text: None),
            store,
            self.switch,
            spent=lambda: self.spent,
            machine=machine,
            clock=clock,
        )

    def deliver(self, notice: Notice) -> Delivery:
        self.got.append(notice)
        return Delivery(Sent.SENT)

    def texts(self) -> list[str]:
        assert self.notices.waiting.drain(60)
        return [each.text for each in self.got]


LIMITS = {"budget": 20.0, "price_hour": 2.0, "max_duration_seconds": None, "idle_duration_seconds": None}


def test_steps_of_the_budget_at_the_dollar(store: MemoryStore, clock: Clock) -> None:
    """20 USD at 2 USD an hour pay for 36,000 seconds."""
    world = World(store, clock, **LIMITS)
    told = []
    for spent in (0, 17_999, 18_000, 20_000, 28_799, 28_800, 35_999, 36_000, 40_000):
        world.spent = spent
        world.notices.look()
        told.append(len(world.texts()))
    assert told == [0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert world.texts() == [f"digits: {step} % of the budget of $20.00 is spent" for step in (50, 80, 100)]


def test_the_next_machine_does_not_tell_a_step_again(store: MemoryStore, clock: Clock) -> None:
    for machine in ("i-1", "i-2"):
        world = World(store, clock, machine=machine, **LIMITS)
        world.spent = 18_500
        world.notices.look()
        assert len(world.texts()) == (machine == "i-1")


def test_an_interruption_is_told_at_the_notice_and_once(store: MemoryStore, clock: Clock) -> None:
    world = World(store, clock)
    world.notices.look()
    assert world.texts() == []
    world.switch.set(StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, "the cloud takes it back"))
    world.notices.look()
    world.notices.ended(Outcome(Phase.INTERRUPTED, Reason.INTERRUPTION, None, "saved"))
    assert world.texts() == ["digits: the machine is being taken away: the cloud takes it back"]
    later = World(store, clock, machine="i-2")
    later.notices.ended(Outcome(Phase.INTERRUPTED, Reason.INTERRUPTION, None, "again"))
    assert len(later.texts()) == 1, "another machine, another interruption"


@pytest.mark.parametrize(
    ("outcome", "event", "text"),
    [
        (Outcome(Phase.SUCCEEDED, Reason.COMPLETED, 0), "end", "digits: training succeeded"),
        (
            Outcome(Phase.FAILED, Reason.COMMAND_FAILED, 3, "the command ended with exit code 3"),
            "failure",
            "digits: training failed with exit code 3: the command ended with exit code 3",
        ),
        (Outcome(Phase.STOPPED, Reason.BUDGET, 0, "why"), "end", "digits: training was stopped: why"),
    ],
)
def test_the_end(store: MemoryStore, clock: Clock, outcome: Outcome, event: str, text: str) -> None:
    world = World(store, clock)
    world.notices.ended(outcome)
    assert (world.texts(), world.got[0].event) == ([text], event)


def test_after_the_last_status_no_mark_is_written(store: MemoryStore, clock: Clock) -> None:
    world = World(store, clock, **LIMITS)
    world.notices.settle(60)
    world.spent = 18_000
    world.notices.look()
    assert world.texts() == [], "without a mark nothing is sent"
    assert store.objects == {}


def test_only_what_is_asked_for_is_told(store: MemoryStore, clock: Clock) -> None:
    world = World(store, clock, "failure")
    world.notices.ended(Outcome(Phase.SUCCEEDED, Reason.COMPLETED, 0))
    assert world.texts() == []
    assert store.objects == {}
