"""Each notice once: any number of senders, at any pace, killed at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.notices.notice import Notice
from runctl_auto.agent.notices.notice_contract import Event, Sent
from runctl_auto.agent.notices.notice_marks import MOST_SENDERS, claim, mark_key, read_mark
from runctl_auto.agent.notices.notice_sender import SendOnce
from runctl_auto.agent.notices.webhook import Delivery

NOTICE = Notice(Event.END, "ended", "digits: training succeeded", "2026-11-30T12:00:00Z")
PREFIX = "runs/r1/notices/"


def claimed(store: MemoryStore) -> Any:
    return claim(store, PREFIX, "webhook", "ended", by="a test", at="2026-11-30T12:00:00Z")


def test_only_the_first_may_send() -> None:
    store = MemoryStore()
    mark = claimed(store)
    assert claimed(store) is None, "while the first sends"
    mark.record(Delivery(Sent.SENT))
    assert claimed(store) is None


@pytest.mark.parametrize("outcome", [Sent.SENT, Sent.UNKNOWN])
def test_what_may_have_arrived_is_not_sent_again(outcome: str) -> None:
    store = MemoryStore()
    claimed(store).record(Delivery(outcome, "why"))
    assert claimed(store) is None


def test_what_failed_may_be_sent_from_elsewhere_a_few_times() -> None:
    store = MemoryStore()
    for _ in range(MOST_SENDERS):
        claimed(store).record(Delivery(Sent.FAILED, "HTTP 500"))
    assert claimed(store) is None
    assert len(store.objects) == MOST_SENDERS


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"x" * 100_000, b'{"outcome": 5}'])
def test_a_mark_that_cannot_be_read_is_no_leave_to_send(content: bytes) -> None:
    store = MemoryStore()
    store.objects[mark_key(PREFIX, "webhook", "ended", 1)] = content
    assert claimed(store) is None
    assert read_mark("key", content).outcome == "unknown"


class Killed(BaseException):
    """Stands for kill -9."""


class Sender:
    """A sender in a thread that goes one step, a request or a delivery, when it is let."""

    def __init__(self, place: MemoryStore, deliver: Callable[[], Delivery]) -> None:
        self._place = place
        self._deliver = deliver
        self._go, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._killed = False
        self.is_done = False
        self.said: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._waits.acquire()

    def step(self) -> None:
        self._go.release()
        self._waits.acquire()

    def kill(self) -> None:
        self._killed = True
        self.step()

    def _turn(self) -> None:
        self._waits.release()
        self._go.acquire()
        if self._killed:
            raise Killed

    def _run(self) -> None:
        sender = SendOnce(lambda: {"webhook": self}, "a test", self.said.append, wait=lambda _: self._turn())
        try:
            sender.send(NOTICE, self, PREFIX)
        except Killed:
            pass
        finally:
            self.is_done = True
            self._waits.release()

    def deliver(self, notice: Notice) -> Delivery:
        self._turn()
        return self._deliver()

    def find(self, key: str, at_most: int) -> bytes | None:
        self._turn()
        return self._place.find(key, at_most)

    def put(self, key: str, data: bytes, content_type: str = "") -> None:
        self._turn()
        self._place.put(key, data)

    def put_new(self, key: str, data: bytes) -> bool:
        self._turn()
        return self._place.put_new(key, data)


ANSWERS = [
    (Sent.SENT, True),
    (Sent.FAILED, True),
    (Sent.FAILED, False),
    (Sent.UNKNOWN, True),
    (Sent.UNKNOWN, False),
]


class ManySenders(RuleBasedStateMachine):
    """Senders of one notice; `answers` is what the webhook does next."""

    @initialize()
    def begin(self) -> None:
        self.place = MemoryStore()
        self.senders: list[Sender] = []
        self.arrived = 0
        self.kills = 0
        self.has_failed = False
        self.answer = (Sent.SENT, False)

    @rule()
    def start(self) -> None:
        if len(self.senders) < 4:
            self.senders.append(Sender(self.place, self._delivered))

    @rule(answer=st.sampled_from(ANSWERS))
    def webhook_will(self, answer: tuple[str, bool]) -> None:
        """What it answers from now on; of a failure, whether it may pass, of unknown, whether it arrived."""
        self.answer = answer

    @precondition(lambda self: self.living)
    @rule(number=st.integers(0, 3))
    def step(self, number: int) -> None:
        self.living[number % len(self.living)].step()

    @precondition(lambda self: self.living)
    @rule(number=st.integers(0, 3))
    def kill(self, number: int) -> None:
        self.kills += 1
        self.living[number % len(self.living)].kill()

    @invariant()
    def is_told_once(self) -> None:
        assert getattr(self, "arrived", 0) <= 1

    @property
    def living(self) -> list[Sender]:
        return [each for each in getattr(self, "senders", ()) if not each.is_done]

    def _delivered(self) -> Delivery:
        outcome, flag = self.answer
        self.has_failed |= outcome != Sent.SENT
        self.arrived += outcome == Sent.SENT or (outcome == Sent.UNKNOWN and flag)
        return Delivery(outcome, "why", may_repeat=outcome == Sent.FAILED and flag)

    def teardown(self) -> None:
        while self.living:
            self.living[0].step()
        self.is_told_once()
        if getattr(self, "senders", ()) and not self.kills and not self.has_failed:
            assert self.arrived == 1, "exactly once where nothing fails"


TestManySenders = ManySenders.TestCase
TestManySenders.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
