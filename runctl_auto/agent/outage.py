"""How long nothing has answered: a network that is gone is not waited for again by every call."""

from __future__ import annotations


class Outage:
    """Times are of the caller's clock. Shared by threads, each of which may tell of it."""

    def __init__(self) -> None:
        self._began: float | None = None

    def answered(self) -> None:
        """Somebody answered, be it with an error: there is a network."""
        self._began = None

    def unanswered(self, asked: float) -> None:
        """Nobody answered what was asked at that time."""
        if self._began is None:
            self._began = asked

    def lasts(self, seconds: float, now: float) -> bool:
        """Whether nothing has answered for at least ``seconds``."""
        began = self._began
        return began is not None and now - began >= seconds
