"""What the engine needs of a program, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class ProgramFailed(Exception):
    """A program ended with an error; the message says which."""


@dataclass(frozen=True)
class Addresses:
    """Where a program reaches the engine."""

    monitor: str
    engine: str


class Program(Protocol):
    """A program to run once."""

    def run(self, addresses: Addresses) -> None:
        """Runs the program to its end. Blocking. Raises ProgramFailed, or Bail when the error was shown."""

    def close(self) -> None:
        """Ends the program if it still runs. Never raises."""
