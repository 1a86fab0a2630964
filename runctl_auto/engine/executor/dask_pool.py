"""Hands pieces of work to an existing Dask cluster.

A worker that dies takes its engines with it, and the cluster begins its tasks anew on another. A piece of
work may begin several times, and may even run twice at one moment, when a worker is cut off and not dead. So
each is one that may be repeated, and the claim and the stack's own lock decide who works on a stack: who
comes second is refused, and tried again later.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from runctl_auto.engine.executor.cluster import ENGINE_RESOURCE, Cluster, Task
from runctl_auto.engine.executor.contract import Done, Work, always
from runctl_auto.engine.executor.remote_error import portable
from runctl_auto.errors import EngineError, StackLockedError

PlaceT = TypeVar("PlaceT")
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

MOST_LOSSES = 20
"""How often a piece of work is handed over again after it was lost with the workers that had it."""
_WAIT_SECONDS = 2.0
_LOCKED_PAUSE_SECONDS = 5.0
_LOCKED_PATIENCE_SECONDS = 900.0
"""An engine that was told to end when its worker died may have to wait for the cloud first."""
_NO_WORKER_SECONDS = 120.0


@dataclass(eq=False)
class _Piece:
    work: Work[Any]
    losses: int = 0
    refused_since: float | None = None
    not_before: float = 0.0


@dataclass
class DaskPool(Generic[PlaceT]):
    """Pieces of work on ``cluster``: as many at once as its workers have engines. Implements ``Executor``.

    ``place_of`` gives a worker what work on a stack of this name needs. ``campaign`` tells this command's
    tasks from those of others. What is handed over is pickled: functions of modules and plain data, and
    nothing secret, since a cluster keeps and shows it.
    """

    cluster: Cluster
    place_of: Callable[[str], PlaceT]
    campaign: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    is_refusal: Callable[[Any], bool] = lambda _result: False
    """Whether a result says that somebody else works on the stack."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def run(
        self,
        works: Sequence[Work[ItemT]],
        do: Callable[[PlaceT, ItemT], ResultT],
        *,
        goes_on: Callable[[Done[ItemT, ResultT]], bool] = always,
    ) -> Iterator[Done[ItemT, ResultT]]:
        """As ``Executor.run``. Raises ``EngineError`` when no worker offers an engine for two minutes."""
        running: dict[Task, _Piece] = {}
        try:
            yield from self._run([_Piece(each) for each in works], running, do, goes_on)
        except KeyboardInterrupt:
            while any(each.state() == "works" for each in running):
                self.cluster.wait([each for each in running if each.state() == "works"], _WAIT_SECONDS)
            raise

    def _run(
        self,
        waiting: list[_Piece],
        running: dict[Task, _Piece],
        do: Callable[[PlaceT, ItemT], ResultT],
        goes_on: Callable[[Done[ItemT, ResultT]], bool],
    ) -> Iterator[Done[ItemT, ResultT]]:
        number = 0
        idle_since = self.clock()
        while waiting or running:
            engines = self.cluster.engines()
            if engines or running:
                idle_since = self.clock()
            elif self.clock() - idle_since > _NO_WORKER_SECONDS:
                raise _no_worker()
            for piece in self._due(waiting, engines - len(running)):
                waiting.remove(piece)
                number += 1
                key = f"runctl-{piece.work.stack}-{self.campaign}-{number}"
                task = self.cluster.submit(_carried_out, (self.place_of, do, piece.work), key=key)
                running[task] = piece
            if not running:
                self.sleep(_WAIT_SECONDS)
                continue
            self.cluster.wait(list(running), _WAIT_SECONDS)
            for task in [each for each in running if each.state() != "works"]:
                piece = running.pop(task)
                done = self._outcome(task, piece)
                self.cluster.forget(task)
                if done is None:
                    waiting.append(piece)
                    continue
                if not goes_on(done):
                    waiting.clear()
                yield done

    def _due(self, waiting: Sequence[_Piece], free: int) -> list[_Piece]:
        now = self.clock()
        return [each for each in waiting if each.not_before <= now][: max(free, 0)]

    def _outcome(self, task: Task, piece: _Piece) -> Done[Any, Any] | None:
        """What a task came to; None when its work is to be handed over again."""
        state = task.state()
        if state == "lost":
            piece.losses += 1
            if piece.losses > MOST_LOSSES:
                return Done(piece.work, None, _lost(piece.work.stack))
            return None
        if state == "failed":
            return Done(piece.work, None, task.failure())
        result, error = task.result()
        if self._is_refused(result, error) and self._waits(piece):
            return None
        return Done(piece.work, result, error)

    def _is_refused(self, result: Any, error: BaseException | None) -> bool:
        return isinstance(error, StackLockedError) or (error is None and self.is_refusal(result))

    def _waits(self, piece: _Piece) -> bool:
        """Whether a piece of work that was refused is tried again."""
        now = self.clock()
        if piece.refused_since is None:
            piece.refused_since = now
        piece.not_before = now + _LOCKED_PAUSE_SECONDS
        return now - piece.refused_since < _LOCKED_PATIENCE_SECONDS


def _carried_out(handed: Any) -> tuple[Any, BaseException | None]:
    """On a worker: the result, or what was raised in a form that can travel."""
    place_of, do, work = handed
    try:
        return do(place_of(work.stack), work.item), None
    except Exception as error:
        return None, portable(error)


def _lost(stack: str) -> EngineError:
    return EngineError(
        f"The work on stack '{stack}' was lost {MOST_LOSSES} times with the workers that had it.",
        where={"job": stack},
        next_step="Look why workers end (memory?), and repeat the command: it goes on from what is there.",
    )


def _no_worker() -> EngineError:
    return EngineError(
        "No worker of the cluster offers an engine.",
        next_step=f"Start workers with their share: `dask worker SCHEDULER --resources {ENGINE_RESOURCE}=1`.",
    )
