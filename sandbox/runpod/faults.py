"""Faults on request: what the API answers, whatever the account holds."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.runpod.problem import Problem

KINDS = ("throttled", "failing", "failing-after", "no-capacity", "key-revoked", "balance-spent", "forbidden")
_RETRY_AFTER = "1"


class BadFault(ValueError):
    """An invalid description of a fault; the message names what is wrong."""


@dataclass
class Fault:
    """The next `times` calls of `operation` (`POST /v2/pods`; empty: any) fail. With `match`, calls whose
    body has these values, by name; a data centre is matched by `dataCenterIds`.

    `failing` answers 500 and does nothing, `failing-after` does what was asked and then answers 500.
    """

    kind: str
    times: int
    operation: str = ""
    match: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Fault:
        kind, times = told.get("kind"), told.get("times", 1)
        if kind not in KINDS:
            raise BadFault(f"'kind' is one of {', '.join(KINDS)}")
        if not isinstance(times, int) or times < 1:
            raise BadFault("'times' is a whole number from 1")
        match = told.get("match", {})
        if not isinstance(match, dict):
            raise BadFault("'match' is an object")
        return cls(str(kind), times, str(told.get("operation", "")), match)

    def fits(self, operation: str, body: Mapping[str, Any]) -> bool:
        if self.kind == "no-capacity" and operation != "POST /v2/pods":
            return False
        return self.operation in ("", operation) and all(
            _holds(body.get(name), wanted) for name, wanted in self.match.items()
        )

    @property
    def problem(self) -> Problem:
        match self.kind:
            case "throttled":
                return Problem(429, "rate limit exceeded", headers={"Retry-After": _RETRY_AFTER})
            case "no-capacity":
                return Problem(400, "There are no longer any instances available with these specifications.")
            case "key-revoked":
                return Problem(401, "invalid API key")
            case "balance-spent":
                return Problem(402, "insufficient balance")
            case "forbidden":
                return Problem(403, "access denied")
            case _:
                return Problem(500, "internal error")


class Faults:
    """The pending faults; the first that fits a call is used. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(each) for each in self._faults]

    def take(self, operation: str, body: Mapping[str, Any]) -> Fault | None:
        """The fault for this call, its count lowered; None when the call may proceed."""
        with self._lock:
            fault = next((each for each in self._faults if each.fits(operation, body)), None)
            if fault is not None:
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
            return fault


def _holds(found: object, wanted: object) -> bool:
    return wanted in found if isinstance(found, list) else found == wanted
