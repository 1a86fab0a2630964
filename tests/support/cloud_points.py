"""Numbered points of the emulated cloud: hold the provider's n-th call just before or after it."""

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
    """A call held at its point."""

    number: int
    when: When
    call: str


@dataclass(frozen=True)
class CloudPoints:
    """The points of one sandbox's cloud; one watch at a time."""

    cloud_url: str

    def hold(
        self, number: int, when: When, *, caller: str = PROVIDER, call: str = "", reads: bool = False
    ) -> None:
        """Number calls from 1 from now on, only those named `call` if given, and hold this one."""
        self._ask("POST", "", {"caller": caller, "call": call, "reads": reads, "hold": number, "when": when})

    def count(self, *, caller: str = PROVIDER, reads: bool = False) -> None:
        """Number calls from 1 from now on, and hold none."""
        self._ask("POST", "", {"caller": caller, "reads": reads})

    def seen(self) -> list[str]:
        """The numbered calls so far, as `service:Operation`."""
        return list(self._ask("GET", "")["seen"])

    def seen_by_caller(self) -> list[tuple[str, str]]:
        """The numbered calls so far, each with the User-Agent of its caller."""
        told = self._ask("GET", "")
        return list(zip(told["seen"], told["callers"], strict=True))

    def held(self, *, timeout: float = 0.0) -> Held | None:
        """The held call; waits up to `timeout` for it."""
        found = self._ask("GET", f"?timeout={timeout}")["held"]
        return Held(found["number"], found["when"], found["call"]) if found else None

    def wait(self, *, seconds: float = 60) -> Held:
        """The held call; fails when there is none within `seconds`."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            held = self.held(timeout=min(left, 5.0))
            if held is not None:
                return held
        raise AssertionError(f"no call was held within {seconds} s; seen: {self.seen()}")

    def release(self, *, drop: bool = False) -> None:
        """Release the held call; with `drop`, one held before it ran never reaches the cloud."""
        self._ask("POST", "/release", {"drop": drop})

    def clear(self) -> None:
        """Stop numbering and holding calls."""
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
