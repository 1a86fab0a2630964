"""Reads a run's log from the job's results, line by line, also while it is being written."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.providers.contract import Results


class LogReader:
    """Remembers how far it has read; each ``new_lines`` gives what came since."""

    def __init__(self, results: Results, run: str) -> None:
        self._results = results
        self._run = run
        self._after: str | None = None
        self._begun = ""

    def new_lines(self) -> Iterator[str]:
        """Whole lines that appeared since the last call. A line split over two parts comes once, whole."""
        for part in self._results.log_parts(self._run, after=self._after):
            self._after = part.key
            *whole, self._begun = (self._begun + part.text).split("\n")
            yield from whole

    def rest(self) -> Iterator[str]:
        """The last line when it never got its end; call it once no more parts can come."""
        yield from self.new_lines()
        if self._begun:
            yield self._begun
            self._begun = ""
