"""Values of the provider contract about what is stored of runs; light, for those who need no more of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runctl_auto.agent.keys import log_part_name, log_part_number

MOST_RUNS = 1000
"""So many runs of a job are looked at; more are not made, but a machine can write their names."""

PARTS_AT_ONCE = 8
"""So many parts of a log are read at a time."""


@dataclass(frozen=True)
class LogPart:
    """A part of a log; parts are immutable and sort by key. ``written`` is when it was stored: POSIX time by
    the clock of the store, in whole seconds in S3; 0 where no other machine's log is beside it.
    """

    key: str
    text: str
    written: float = 0.0


def following_part_keys(key: str) -> Iterator[str]:
    """The keys of the parts after one, without an end; none after what is no part. Parts have consecutive
    numbers, so that they can be asked for by name.
    """
    folder, _, name = key.rpartition("/")
    number = log_part_number(name)
    while number is not None:
        number += 1
        yield f"{folder}/{log_part_name(number)}"
