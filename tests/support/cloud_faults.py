"""Errors and read delays injected into the emulated cloud."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """The next `times` calls of `operation` (`service:Operation`) fail with `code`."""

    operation: str
    code: str
    times: int

    def as_json(self) -> dict[str, Any]:
        service, _, operation = self.operation.partition(":")
        return {"service": service, "operation": operation, "code": self.code, "times": self.times}


@contextmanager
def trouble(cloud_url: str, *faults: Fault, late_seconds: float = 0) -> Iterator[None]:
    """Inject the faults and the delay inside the context."""
    base = f"{cloud_url.rstrip('/')}/sandbox-api"
    for fault in faults:
        _ask("POST", f"{base}/faults", fault.as_json())
    _ask("POST", f"{base}/consistency", {"delay_seconds": late_seconds})
    try:
        yield
    finally:
        _ask("DELETE", f"{base}/faults")
        _ask("POST", f"{base}/consistency", {"delay_seconds": 0})


def faults_left(cloud_url: str) -> int:
    """Number of faults not used yet."""
    with urllib.request.urlopen(f"{cloud_url.rstrip('/')}/sandbox-api/faults", timeout=120) as answer:
        return sum(each["times"] for each in json.load(answer)["faults"])


def _ask(method: str, url: str, body: dict[str, Any] | None = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=120):
        pass
