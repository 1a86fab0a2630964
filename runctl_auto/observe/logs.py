"""Reads a run's log from the job's bucket, line by line, also while it is being written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runctl_auto.providers.contract import Results

MOST_LINE_CHARACTERS = 4 * 1024 * 1024


class LogReader:
    """Remembers its position; each ``new_lines`` returns the lines since the previous call.

    A line of more than ``MOST_LINE_CHARACTERS`` is returned in pieces. It is the log of one ``node``.
    """

    def __init__(self, results: Results, run: str, node: int = 0) -> None:
        self._parts = partial(results.log_parts, run, node=node) if node else partial(results.log_parts, run)
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
            self._after = part.key
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
    """The log of a run on ``nodes`` machines: that of one ``rank``, or those of all, merged as they come."""

    def __init__(self, results: Results, run: str, *, nodes: int = 1, rank: int | None = None) -> None:
        wanted = range(nodes) if rank is None else [rank]
        self._readers = {node: LogReader(results, run, node) for node in wanted}
        self._shows_ranks = len(self._readers) > 1

    @property
    def has_begun(self) -> bool:
        """Whether anything of the log was read."""
        return any(each.has_begun for each in self._readers.values())

    def new_lines(self) -> Iterator[LogLine]:
        """As ``LogReader.new_lines``, of one node after the other."""
        for node, reader in self._readers.items():
            yield from (self._line(node, text) for text in reader.new_lines())

    def rest(self) -> Iterator[LogLine]:
        """As ``LogReader.rest``."""
        for node, reader in self._readers.items():
            yield from (self._line(node, text) for text in reader.rest())

    def _line(self, node: int, text: str) -> LogLine:
        return LogLine(text, node if self._shows_ranks else None)
