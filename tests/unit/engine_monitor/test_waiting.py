"""Requests that wait for the operation."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from sandbox.engine.deploy.monitor.waiting import MonitorClosed, Waiting


def test_an_answer_is_returned() -> None:
    answer: Future[int] = Future()
    assert Waiting().for_answer(answer, lambda: answer.set_result(3)) == 3


def test_closing_ends_all_who_wait_and_later_answers_are_no_error() -> None:
    waiting, answer = Waiting(), Future[int]()
    with pytest.raises(MonitorClosed, match="resource monitor shut down"):
        waiting.for_answer(answer, waiting.close)
    waiting.until_closed()


def test_nothing_begins_once_it_is_closed() -> None:
    waiting, begun = Waiting(), []
    waiting.close()
    with pytest.raises(MonitorClosed):
        waiting.for_answer(Future(), lambda: begun.append(1))
    assert begun == []


def test_work_gives_its_result_or_its_error() -> None:
    def fail() -> int:
        raise LookupError("nowhere")

    assert Waiting().for_work(lambda: 3) == 3
    with pytest.raises(LookupError, match="nowhere"):
        Waiting().for_work(fail)


def test_work_may_outlast_who_waited_for_it() -> None:
    waiting, begun, go = Waiting(), threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        waiting.close()
        go.wait()
        return 3

    with pytest.raises(MonitorClosed):
        waiting.for_work(work)
    assert begun.is_set()
    go.set()
