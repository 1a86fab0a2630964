"""What of an account is billed: pods and network volumes with their times, also of those that are gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from sandbox.runpod.bills import Use


class Uses:
    """`now` gives seconds since the epoch; `held` is what `as_json` told before."""

    def __init__(self, now: Callable[[], float], held: list[dict[str, Any]] | None = None) -> None:
        self._now = now
        self._held = [] if held is None else held

    def begin(self, kind: str, identity: str, gb: int, price: float = 0.0, *, gpu: bool = False) -> None:
        """From now on it costs `price` an hour, and its disk; what it cost before ends."""
        self.end(identity)
        began = {"kind": kind, "id": identity, "began": self._now(), "ended": None}
        self._held.append({**began, "gb": gb, "price": price, "gpu": gpu})

    def end(self, identity: str) -> None:
        for each in self._held:
            if each["id"] == identity and each["ended"] is None:
                each["ended"] = self._now()

    def of(self, kind: str) -> list[Use]:
        """All of a kind; what goes on counts until now."""
        return [
            Use(
                each["id"],
                _moment(each["began"]),
                _moment(self._now() if each["ended"] is None else each["ended"]),
                each["gb"],
                each["price"],
                is_gpu=each["gpu"],
            )
            for each in self._held
            if each["kind"] == kind
        ]

    def as_json(self) -> list[dict[str, Any]]:
        return self._held


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
