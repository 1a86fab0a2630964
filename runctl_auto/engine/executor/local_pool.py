"""A pool of threads: the engines that they wait for are processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from runctl_auto.engine.executor.contract import Done, Work, always

PlaceT = TypeVar("PlaceT")
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_SIGNAL_CHECK_SECONDS = 0.5


class LocalPool(Generic[PlaceT]):
    """At most ``parallel`` pieces of work at once, on this machine. ``place_of`` gives a thread what work on
    a stack of this name needs, and is called in that thread."""

    def __init__(self, parallel: int, place_of: Callable[[str], PlaceT]) -> None:
        self._parallel = parallel
        self._place_of = place_of

    def run(
        self,
        works: Sequence[Work[ItemT]],
        do: Callable[[PlaceT, ItemT], ResultT],
        *,
        goes_on: Callable[[Done[ItemT, ResultT]], bool] = always,
    ) -> Iterator[Done[ItemT, ResultT]]:
        """As ``Executor.run``."""
        waiting = list(reversed(works))
        running: dict[Future[ResultT], Work[ItemT]] = {}
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="stack") as pool:
            try:
                while waiting or running:
                    while waiting and len(running) < self._parallel:
                        work = waiting.pop()
                        running[pool.submit(self._do, do, work)] = work
                    for future in _ended(running):
                        done = _done(running.pop(future), future)
                        if not goes_on(done):
                            waiting.clear()
                        yield done
            finally:
                _let_end(running)

    def _do(self, do: Callable[[PlaceT, ItemT], ResultT], work: Work[ItemT]) -> ResultT:
        return do(self._place_of(work.stack), work.item)


def _ended(running: dict[Future[ResultT], Work[ItemT]]) -> list[Future[ResultT]]:
    """Those that have ended; blocks for one. Woken now and then, so that an interruption is noticed."""
    while True:
        ended = wait(running, timeout=_SIGNAL_CHECK_SECONDS, return_when=FIRST_COMPLETED).done
        if ended:
            return list(ended)


def _let_end(running: dict[Future[ResultT], Work[ItemT]]) -> None:
    """An interruption of the wait is of the engines too: they come to a safe end."""
    while wait(running, timeout=_SIGNAL_CHECK_SECONDS).not_done:
        continue


def _done(work: Work[ItemT], future: Future[ResultT]) -> Done[ItemT, ResultT]:
    error = future.exception()
    return Done(work, None if error is not None else future.result(), error)
