"""Tracks a network outage, so that calls do not each wait for a network that is down."""

from __future__ import annotations


class Outage:
    """Times are of the caller's clock. Shared by threads, each of which may report."""

    def __init__(self) -> None:
        self._began: float | None = None

    def answered(self) -> None:
        """Records an answer, even an error: the network works."""
        self._began = None

    def unanswered(self, asked: float) -> None:
        """Records that a request made at that time got no answer."""
        if self._began is None:
            self._began = asked

    def lasts(self, seconds: float, now: float) -> bool:
        """Whether no request has been answered for at least ``seconds``."""
        began = self._began
        return began is not None and now - began >= seconds
