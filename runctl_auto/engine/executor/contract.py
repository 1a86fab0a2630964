"""What carries out work on many stacks: a local pool, or somebody else's machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

PlaceT_co = TypeVar("PlaceT_co", covariant=True)
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Work(Generic[ItemT]):
    """One piece of work: ``stack`` is the name of the stack it is on, of which it is the only piece. ``item``
    is plain data that may be sent to another process."""

    stack: str
    item: ItemT


@dataclass(frozen=True)
class Done(Generic[ItemT, ResultT]):
    """A piece of work that has ended, with its result or what it raised."""

    work: Work[ItemT]
    result: ResultT | None
    error: BaseException | None = None


def always(_done: Done[Any, Any]) -> bool:
    """Whatever became of one piece, the next begins."""
    return True


class Executor(Protocol[PlaceT_co]):
    """Carries out pieces of work, several at once."""

    def run(
        self,
        works: Sequence[Work[ItemT]],
        do: Callable[[PlaceT_co, ItemT], ResultT],
        *,
        goes_on: Callable[[Done[ItemT, ResultT]], bool] = always,
    ) -> Iterator[Done[ItemT, ResultT]]:
        """The pieces as they end, in whatever order. Blocks for each.

        ``do`` is a function of a module, and is called where the work is done, in a thread or a process: with
        what that place has for the stack (a session of the place), and the item. Once ``goes_on`` says no of
        a piece that has ended, no other begins; those that have begun end first. What was not begun is not
        told. An interruption lets those that have begun end, and is then raised.
        """
