"""How long the phases of a command take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class PhaseTimes:
    """Seconds by phase; a phase that is entered again adds to its time."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Within it time counts for the phase ``name``."""
        started = self._monotonic()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + self._monotonic() - started

    @property
    def seconds(self) -> dict[str, float]:
        """In the order in which the phases began, to a hundredth."""
        return {name: round(value, 2) for name, value in self._seconds.items()}
