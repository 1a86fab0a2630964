"""A data channel's streams over a line that loses, doubles and reorders."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.providers.aws.sessions.messages import OUTPUT, Message, decoded
from runctl_auto.providers.aws.sessions.stream import MOST_AHEAD, WINDOW, Incoming, Outgoing


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(0, 2**32), st.integers(1, 60), st.floats(0, 0.6))
def test_all_arrives_once_and_in_order(seed: int, count: int, loss: float) -> None:
    chance, clock = random.Random(seed), Clock()
    outgoing, incoming = Outgoing(clock), Incoming()
    arrived: list[bytes] = []
    line = [outgoing.add(1, str(number).encode()) for number in range(count)]
    for _ in range(2000):
        chance.shuffle(line)
        for data in line:
            if chance.random() < loss:
                continue
            message = decoded(data)
            assert incoming.accepts(message)
            arrived += [each.payload for each in incoming.take(message)]
            if chance.random() >= loss:
                outgoing.acknowledged(message.sequence)
        if outgoing.is_empty:
            break
        clock.now += 1.1
        line = [each for each in outgoing.overdue() for _ in range(chance.randint(1, 2))]
    assert outgoing.is_empty
    assert arrived == [str(number).encode() for number in range(count)]


def test_nothing_is_sent_again_before_its_time() -> None:
    clock = Clock()
    outgoing = Outgoing(clock)
    first = outgoing.add(1, b"a")
    clock.now = 0.15
    assert list(outgoing.overdue()) == []
    clock.now = 0.25
    assert list(outgoing.overdue()) == [first]
    assert list(outgoing.overdue()) == [], "it was sent again just now"


def test_a_new_connection_gets_all_that_is_not_acknowledged() -> None:
    outgoing = Outgoing(Clock())
    sent = [outgoing.add(1, bytes([number])) for number in range(3)]
    outgoing.acknowledged(1)
    assert list(outgoing.all_again()) == [sent[0], sent[2]]


def test_the_window_fills_and_empties() -> None:
    outgoing = Outgoing(Clock())
    for _ in range(WINDOW):
        assert not outgoing.is_full
        outgoing.add(1, b"x")
    assert outgoing.is_full
    outgoing.acknowledged(0)
    assert not outgoing.is_full


def test_what_is_too_far_ahead_is_not_accepted() -> None:
    incoming = Incoming()
    assert incoming.accepts(Message(OUTPUT, b"", 1, MOST_AHEAD - 1))
    far = Message(OUTPUT, b"", 1, MOST_AHEAD)
    assert not incoming.accepts(far)
    assert list(incoming.take(far)) == []
