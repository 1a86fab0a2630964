from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from runctl_auto.agent.store.parallel import AT_ONCE, for_each


def test_every_item_is_worked_on_once() -> None:
    seen: list[int] = []
    for_each(range(100), seen.append)
    assert sorted(seen) == list(range(100))


def test_so_many_are_worked_on_at_the_same_time_and_no_more() -> None:
    """All threads wait for one another: with fewer of them this would not end, with more they are counted."""
    together = threading.Barrier(AT_ONCE)
    lock = threading.Lock()
    running = most = 0

    def work(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(30)
        with lock:
            running -= 1

    for_each(range(4 * AT_ONCE), work)
    assert most == AT_ONCE


def test_items_are_made_only_when_a_thread_is_free() -> None:
    made: list[int] = []
    worked: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            assert len(made) - len(worked) <= 3, "as many as there are threads, and the one being made"
            made.append(number)
            yield number

    for_each(items(), worked.append, at_once=3)
    assert len(worked) == 50


def test_an_error_is_raised_and_ends_the_work() -> None:
    seen: list[int] = []

    def work(number: int) -> None:
        seen.append(number)
        if number == 3:
            raise KeyError("flaw")

    with pytest.raises(KeyError, match="flaw"):
        for_each(range(1000), work, at_once=1)
    assert seen == [0, 1, 2, 3]


def test_an_error_of_the_items_is_raised_too() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        for_each(items(), lambda _: None)


def test_nothing_to_do() -> None:
    for_each([], pytest.fail)
