"""Runs a function for many items on a bounded number of threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 8
"""Connections to the store at the same time. Each holds at most two chunks of 1 MiB in memory."""


def for_each(items: Iterable[T], work: Callable[[T], object], at_once: int = AT_ONCE) -> None:
    """Calls `work` for every item; blocks until all calls have returned.

    Takes the next item only when a thread is free, so `items` may be a generator that makes them. The first
    exception of `work` or `items` is raised; no further item is taken then.
    """
    source: Iterator[T] = iter(items)
    taking = threading.Lock()
    errors: list[BaseException] = []

    def take() -> list[T]:
        with taking:
            return [] if errors else list(islice(source, 1))

    def loop() -> None:
        try:
            taken = take()
            while taken:
                work(taken[0])
                taken = take()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=loop, name=f"transfer-{number}") for number in range(at_once - 1)]
    for thread in threads:
        thread.start()
    loop()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
