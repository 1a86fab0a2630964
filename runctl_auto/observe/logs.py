"""Reads a run's log from the job's bucket, line by line, also while it is being written."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.providers.contract import Results


class LogReader:
    """Remembers its position; each ``new_lines`` returns the lines since the previous call."""

    def __init__(self, results: Results, run: str) -> None:
        self._results = results
        self._run = run
        self._after: str | None = None
        self._begun: list[str] = []

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
            self._begun.append(begun)
            for each in others:
                yield self._taken()
                self._begun.append(each)

    def rest(self) -> Iterator[str]:
        """The last line if it is unterminated; call it once no more parts can appear."""
        yield from self.new_lines()
        last = self._taken()
        if last:
            yield last

    def _taken(self) -> str:
        """The current line. Its pieces are joined once: it can be much longer than a part."""
        line = "".join(self._begun)
        self._begun.clear()
        return line
