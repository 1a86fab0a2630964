"""Errors and read delays injected into the emulated cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from support.cloud_keys import control


@dataclass(frozen=True)
class Fault:
    """The next `times` calls of `operation` (`service:Operation`) fail with `code`, of those with the
    parameters `match`."""

    operation: str
    code: str
    times: int
    match: Mapping[str, str] = field(default_factory=dict)
    after: int = 0
    """So many such calls are let through before."""

    def as_json(self) -> dict[str, Any]:
        service, _, operation = self.operation.partition(":")
        matched = {"match": dict(self.match)} if self.match else {}
        return {
            "service": service,
            "operation": operation,
            "code": self.code,
            "times": self.times,
            **matched,
            "after": self.after,
        }


@contextmanager
def trouble(cloud_url: str, *faults: Fault, late_seconds: float = 0) -> Iterator[None]:
    """Inject the faults and the delay inside the context."""
    for fault in faults:
        control(cloud_url, "POST", "faults", fault.as_json())
    control(cloud_url, "POST", "consistency", {"delay_seconds": late_seconds})
    try:
        yield
    finally:
        control(cloud_url, "DELETE", "faults")
        control(cloud_url, "POST", "consistency", {"delay_seconds": 0})


def faults_left(cloud_url: str) -> int:
    """Number of faults not used yet."""
    return sum(each["times"] for each in control(cloud_url, "GET", "faults")["faults"])
