"""Reads a run's log from the job's bucket, line by line, also while it is being written."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.providers.contract import Results

MOST_LINE_CHARACTERS = 4 * 1024 * 1024


class LogReader:
    """Remembers its position; each ``new_lines`` returns the lines since the previous call.

    A line of more than ``MOST_LINE_CHARACTERS`` is returned in pieces.
    """

    def __init__(self, results: Results, run: str) -> None:
        self._results = results
        self._run = run
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
        for part in self._results.log_parts(self._run, after=self._after):
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
