"""Reads many small objects in order, several at a time: one after the other, each waits for the network."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 8
"""As many as a client of botocore keeps connections for, and two to spare."""

Key = TypeVar("Key")
Content = TypeVar("Content")


def read_ahead(
    keys: Iterable[Key], read: Callable[[Key], Content], *, at_once: int = AT_ONCE
) -> Iterator[tuple[Key, Content]]:
    """Each of ``keys`` with what ``read`` returns for it, in their order. Blocks for the next one.

    At most ``at_once`` are read before they are asked for, in threads of their own. What ``read`` raises is
    raised when its key's turn comes; whoever stops asking waits for those that have begun, and no more begin.
    """
    begun: deque[tuple[Key, Future[Content]]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix="read") as pool:
        try:
            for key in keys:
                begun.append((key, pool.submit(read, key)))
                if len(begun) >= at_once:
                    yield _next(begun)
            while begun:
                yield _next(begun)
        finally:
            for _, each in begun:
                each.cancel()


def _next(begun: deque[tuple[Key, Future[Content]]]) -> tuple[Key, Content]:
    key, content = begun.popleft()
    return key, content.result()
