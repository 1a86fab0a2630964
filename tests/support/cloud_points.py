"""Numbered points of the emulated cloud: hold the n-th call of the provider just before or just after it."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import Any, Literal

PROVIDER = "runctl-sandbox-provider"
When = Literal["before", "after"]


@dataclass(frozen=True)
class Held:
    """A call that waits at its point."""

    number: int
    when: When
    call: str


@dataclass(frozen=True)
class CloudPoints:
    """The points of one sandbox's cloud; one watch at a time."""

    cloud_url: str

    def hold(self, number: int, when: When, *, caller: str = PROVIDER, reads: bool = False) -> None:
        """From now on calls are numbered from 1, and this one is held."""
        self._ask("POST", "", {"caller": caller, "reads": reads, "hold": number, "when": when})

    def count(self, *, caller: str = PROVIDER, reads: bool = False) -> None:
        """From now on calls are numbered from 1, and none is held."""
        self._ask("POST", "", {"caller": caller, "reads": reads})

    def seen(self) -> list[str]:
        """The numbered calls so far, as `service:Operation`."""
        return list(self._ask("GET", "")["seen"])

    def held(self, *, timeout: float = 0.0) -> Held | None:
        """The call that is held; waits for it."""
        found = self._ask("GET", f"?timeout={timeout}")["held"]
        return Held(found["number"], found["when"], found["call"]) if found else None

    def wait(self, *, seconds: float = 60) -> Held:
        """The held call; fails when none came."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            held = self.held(timeout=min(left, 5.0))
            if held is not None:
                return held
        raise AssertionError(f"no call was held within {seconds} s; seen: {self.seen()}")

    def release(self, *, drop: bool = False) -> None:
        """The held call goes on; with `drop`, one held before never reaches the cloud."""
        self._ask("POST", "/release", {"drop": drop})

    def clear(self) -> None:
        """Number and hold nothing any more."""
        self._ask("DELETE", "")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.cloud_url.rstrip('/')}/sandbox-api/points{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
        )
        with urllib.request.urlopen(request, timeout=70) as answer:
            found: dict[str, Any] = json.load(answer)
        return found
