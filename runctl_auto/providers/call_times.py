"""How long calls to clouds take, for whoever wants to know: nobody does unless they ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Observer = Callable[[str, float], None]
"""Is told the service and the seconds of each call, its repetitions included."""

_observers: list[Observer] = []


@contextmanager
def observed_calls(observer: Observer) -> Iterator[None]:
    """Within it, ``observer`` is told of every call of this process."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


@contextmanager
def timed_call(service: str) -> Iterator[None]:
    """The block is one call."""
    if not _observers:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - began
        for each in list(_observers):
            each(service, seconds)
