"""Reads a run's log from the job's bucket, line by line, also while it is being written."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from runctl_auto.providers.stored_runs import PARTS_AT_ONCE

if TYPE_CHECKING:
    from runctl_auto.providers.contract import Results

MOST_LINE_CHARACTERS = 4 * 1024 * 1024


class LogReader:
    """Remembers its position; each ``new_lines`` returns the lines since the previous call, to be read to
    their end.

    A line of more than ``MOST_LINE_CHARACTERS`` is returned in pieces. It is the log of one ``node``.
    """

    def __init__(self, results: Results, run: str, node: int = 0, at_once: int = PARTS_AT_ONCE) -> None:
        self.written = 0.0
        """When the part that ended the newest line was stored, as ``LogPart.written``."""
        self._parts = partial(results.log_parts, run, node=node, at_once=at_once)
        self._after: str | None = None
        self._begun: list[str] = []
        self._length = 0

    @property
    def has_begun(self) -> bool:
        """Whether anything of the log was read."""
        return self._after is not None

    def new_lines(self) -> Iterator[str]:
        """Complete lines that appeared since the last call. A line split over several parts is returned once,
        complete.
        """
        for part in self._parts(after=self._after):
            self._after, self.written = part.key, part.written
            begun, *others = part.text.split("\n")
            self._add(begun)
            for each in others:
                yield self._taken()
                self._add(each)
            if self._length > MOST_LINE_CHARACTERS:
                yield self._taken()

    def rest(self) -> Iterator[str]:
        """The last line if it is unterminated; call it once no more parts can appear."""
        yield from self.new_lines()
        last = self._taken()
        if last:
            yield last

    def _add(self, piece: str) -> None:
        self._begun.append(piece)
        self._length += len(piece)

    def _taken(self) -> str:
        """The current line. Its pieces are joined once: it can be much longer than a part."""
        line = "".join(self._begun)
        self._begun.clear()
        self._length = 0
        return line


@dataclass(frozen=True)
class LogLine:
    """A line of a run's log. ``rank`` is the node that wrote it; None where only one is asked for."""

    text: str
    rank: int | None = None


class RunLog:
    """The log of a run on ``nodes`` machines: that of one ``rank``, or those of all, merged by the time at
    which their parts were stored.
    """

    def __init__(self, results: Results, run: str, *, nodes: int = 1, rank: int | None = None) -> None:
        wanted = range(nodes) if rank is None else [rank]
        at_once = max(2, PARTS_AT_ONCE // len(wanted))  # of all together; of each at least one ahead
        self._readers = {node: LogReader(results, run, node, at_once) for node in wanted}

    @property
    def has_begun(self) -> bool:
        """Whether anything of the log was read."""
        return any(each.has_begun for each in self._readers.values())

    def new_lines(self) -> Iterator[LogLine]:
        """As ``LogReader.new_lines``."""
        return self._merged(LogReader.new_lines)

    def rest(self) -> Iterator[LogLine]:
        """As ``LogReader.rest``."""
        return self._merged(LogReader.rest)

    def _merged(self, lines_of: Callable[[LogReader], Iterator[str]]) -> Iterator[LogLine]:
        if len(self._readers) == 1:
            (reader,) = self._readers.values()
            yield from (LogLine(text) for text in lines_of(reader))
            return
        each_node = (_dated(node, reader, lines_of) for node, reader in self._readers.items())
        for _, line in heapq.merge(*each_node, key=itemgetter(0)):
            yield line


def _dated(
    node: int, reader: LogReader, lines_of: Callable[[LogReader], Iterator[str]]
) -> Iterator[tuple[float, LogLine]]:
    for text in lines_of(reader):
        yield reader.written, LogLine(text, node)
