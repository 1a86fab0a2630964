"""Reads metrics from files: ``$RUNCTL_METRICS``, and ``metrics.csv`` as Lightning's CSVLogger writes it, anew
when another metric appears and else longer.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from runctl_auto.agent.metrics.growing_file import GrowingText, opened
from runctl_auto.agent.metrics.record import Record, record_of

TABLE = "metrics.csv"
MOST_COLUMNS = 200
MOST_HEADER = 64 * 1024

Hide = Callable[[str], str]
"""Masks the job's secrets in a text."""


class TableFile:
    """One table; its first line names the columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._header: bytes | None = None
        self._text = GrowingText(path)

    def records(self, hide: Hide) -> Iterator[Record]:
        """The rows since the last call; all of them when the columns have changed."""
        header = self._first_line()
        if header is None:
            return
        if header != self._header:
            self._header, self._text = header, GrowingText(self._path)
        columns = next(csv.reader([hide(header.decode("utf-8", "replace"))]), [])[:MOST_COLUMNS]
        lines = hide(self._text.new_lines().decode("utf-8", "replace")).splitlines()
        for line in lines:
            if line == hide(header.decode("utf-8", "replace")).rstrip("\r\n"):
                continue
            row = next(csv.reader([line]), []) if len(line) <= MOST_HEADER else []
            cells = {name: _number(cell) for name, cell in zip(columns, row)}  # noqa: B905 (Python 3.9)
            found = record_of({name: value for name, value in cells.items() if value is not None})
            if found is not None:
                yield found

    def _first_line(self) -> bytes | None:
        try:
            with opened(self._path) as file:
                line = file.readline(MOST_HEADER)
        except OSError:
            return None
        return line if line.endswith(b"\n") else None


class ObjectsFile:
    """``$RUNCTL_METRICS``: an object of JSON a line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = GrowingText(path)

    def records(self, hide: Hide, *, final: bool = False) -> Iterator[Record]:
        """The records since the last call. A line that is no object of JSON counts for nothing."""
        for line in hide(self._text.new_lines(final=final).decode("utf-8", "replace")).splitlines():
            try:
                found = json.loads(line) if len(line) <= MOST_HEADER else None
            except (ValueError, RecursionError):
                continue
            record = record_of(found) if isinstance(found, dict) else None
            if record is not None:
                yield record


def _number(cell: str) -> float | None:
    try:
        return float(cell) if cell and len(cell) < 40 else None
    except ValueError:
        return None
