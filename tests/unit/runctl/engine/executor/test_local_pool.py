"""Works on several stacks at once, begins no other after a failure, and lets what has begun end."""

from __future__ import annotations

import threading

import pytest

from runctl_auto.engine.executor.contract import Done, Work
from runctl_auto.engine.executor.local_pool import LocalPool


def works(*names: str) -> list[Work[str]]:
    return [Work(name, name) for name in names]


def test_every_piece_is_done_once_with_its_place() -> None:
    pool = LocalPool(3, lambda stack: f"place of {stack}")
    done = pool.run(works("a", "b", "c", "d"), lambda place, item: f"{item} at {place}")
    assert {each.work.stack: each.result for each in done} == {
        name: f"{name} at place of {name}" for name in "abcd"
    }


def test_at_most_so_many_at_once() -> None:
    lock, now, most = threading.Lock(), [0], [0]
    together = threading.Barrier(2)

    def do(_place: str, _item: str) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        together.wait(30)
        with lock:
            now[0] -= 1

    list(LocalPool(2, str).run(works("a", "b", "c", "d"), do))
    assert most == [2]


def test_an_error_is_told_and_nothing_begins_when_it_is_not_to_go_on() -> None:
    begun: list[str] = []

    def do(_place: str, item: str) -> str:
        begun.append(item)
        if item == "b":
            raise ValueError(item)
        return item

    def goes_on(done: Done[str, str]) -> bool:
        return done.error is None

    done = list(LocalPool(1, str).run(works("a", "b", "c"), do, goes_on=goes_on))
    assert begun == ["a", "b"]
    assert [str(each.error) for each in done] == ["None", "b"]


def test_what_has_begun_ends_although_another_failed() -> None:
    failed, ended = threading.Event(), threading.Event()

    def do(_place: str, item: str) -> None:
        if item == "fails":
            raise ValueError
        assert failed.wait(30)
        ended.set()

    def goes_on(done: Done[str, None]) -> bool:
        if done.error is not None:
            failed.set()
        return done.error is None

    done = list(LocalPool(2, str).run(works("fails", "lasts", "never"), do, goes_on=goes_on))
    assert ended.is_set()
    assert [each.work.stack for each in done] == ["fails", "lasts"]


def test_an_interruption_lets_what_has_begun_end() -> None:
    may_end, ended = threading.Event(), threading.Event()

    def do(_place: str, item: str) -> None:
        if item == "lasts":
            assert may_end.wait(30)
            ended.set()

    def interrupts(done: Done[str, None]) -> bool:
        may_end.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(LocalPool(2, str).run(works("brief", "lasts", "never"), do, goes_on=interrupts))
    assert ended.is_set()
