"""The agent's messages: a line in the run's output and on its own standard output (the system's journal)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

PREFIX = "[runctl "
"""How each line of the agent begins; the run follows, by which lines of many logs are told apart."""


class Journal:
    """Appends lines to the file that also holds the job's output; never raises for a full or broken disk."""

    def __init__(self, path: Path, run: str, console: TextIO = sys.stdout) -> None:
        self.path = path
        self._start = f"{PREFIX}{run}] "
        self._console = console
        path.parent.mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> None:
        lines = "".join(f"{self._start}{line}\n" for line in text.splitlines())
        try:
            self._console.write(lines)
            self._console.flush()
            with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(lines)
        except (OSError, UnicodeError):
            # If the message cannot be written the run still continues; the status carries what matters.
            return
