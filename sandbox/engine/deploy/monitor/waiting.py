"""Requests of a program that wait for the operation, until it answers or is over."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
_SHUT_DOWN = "resource monitor shut down"


class MonitorClosed(Exception):
    """The operation is over; nobody will answer."""

    def __init__(self) -> None:
        super().__init__(_SHUT_DOWN)


class Asked(Protocol):
    """Something that will be answered."""

    answer: Future[Any]


class Waiting:
    """Who waits. Safe for use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: set[Future[Any]] = set()
        self._closed = threading.Event()

    def close(self) -> None:
        """Ends all waiting. Nothing is answered afterwards."""
        with self._lock:
            self._closed.set()
            waiting, self._answers = self._answers, set()
        for answer in waiting:
            with contextlib.suppress(InvalidStateError):
                answer.set_exception(MonitorClosed())

    def until_closed(self) -> None:
        """Returns when the operation is over. Blocking."""
        self._closed.wait()

    def for_answer(self, answer: Future[T], begin: Callable[[], None]) -> T:
        """Begins something and returns its answer. Blocking. Raises MonitorClosed."""
        with self._lock:
            if self._closed.is_set():
                raise MonitorClosed
            self._answers.add(answer)
        begin()
        try:
            return answer.result()
        finally:
            with self._lock:
                self._answers.discard(answer)

    def for_work(self, work: Callable[[], T]) -> T:
        """Does work that may outlast the operation, and returns its result. Blocking. Raises MonitorClosed,
        and what the work raises."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                result = work()
            except Exception as error:
                with contextlib.suppress(InvalidStateError):
                    answer.set_exception(error)
            else:
                with contextlib.suppress(InvalidStateError):
                    answer.set_result(result)

        return self.for_answer(answer, threading.Thread(target=run, daemon=True).start)
