"""Numbered points just before and just after each call of one caller, where a test can hold the cloud.

A caller is identified by a substring of its User-Agent. While one call is held, all others proceed.
"""

import threading
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.aws.cloud.operations import AwsCall

When = Literal["before", "after"]
_KEYS = frozenset({"caller", "call", "reads", "hold", "when"})


class BadWatch(ValueError):
    """An invalid watch description; the message names what is missing."""


@dataclass(frozen=True)
class Watch:
    """Which calls are numbered from 1, and which one is held; `hold` 0 only counts. `call` is the name of the
    only call that is numbered (`s3:CreateBucket`), empty for all.
    """

    caller: str = ""
    call: str = ""
    reads: bool = False
    hold: int = 0
    when: When = "before"

    @classmethod
    def from_json(cls, wanted: dict[str, Any]) -> "Watch":
        unknown = wanted.keys() - _KEYS
        if unknown:
            raise BadWatch(f"unknown key {sorted(unknown)[0]!r}")
        hold, when = wanted.get("hold", 0), wanted.get("when", "before")
        if not isinstance(hold, int) or hold < 0:
            raise BadWatch(f"hold is a number from 0, not {hold!r}")
        if when not in ("before", "after"):
            raise BadWatch(f"when is 'before' or 'after', not {when!r}")
        caller, call = str(wanted.get("caller", "")), str(wanted.get("call", ""))
        return cls(caller, call, bool(wanted.get("reads", False)), hold, when)

    def concerns(self, call: AwsCall, agent: str) -> bool:
        is_named = self.call in ("", call.name)
        return is_named and self.caller in agent and (self.reads or call.changes_something)


class Visit:
    """One numbered call being processed by the cloud."""

    def __init__(self, watch: Watch, number: int, name: str) -> None:
        self.watch = watch
        self.number = number
        self.name = name
        self.released = threading.Event()
        self.dropped = False

    def as_json(self) -> dict[str, Any]:
        return {"number": self.number, "when": self.watch.when, "call": self.name}


class Points:
    """Numbers calls while a watch is set, and holds the one that the watch names. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watch: Watch | None = None
        self._seen: list[str] = []
        self._callers: list[str] = []
        self._held: Visit | None = None

    def watch(self, watch: Watch | None) -> None:
        """Count from 1 by this watch, or stop counting on None; a held call proceeds."""
        with self._changed:
            self._let_go(drop=False)
            self._watch = watch
            self._seen, self._callers = [], []

    def enter(self, call: AwsCall, agent: str) -> Visit | None:
        """The numbered call; None when it is not watched."""
        if self._watch is None:
            return None
        with self._changed:
            if self._watch is None or not self._watch.concerns(call, agent):
                return None
            self._seen.append(call.name)
            self._callers.append(agent)
            return Visit(self._watch, len(self._seen), call.name)

    def may_pass(self, visit: Visit | None, when: When) -> bool:
        """Whether the call proceeds from here; blocks while it is held."""
        if visit is None or visit.watch.hold != visit.number or visit.watch.when != when:
            return True
        with self._changed:
            if self._watch is not visit.watch:
                return True
            self._held = visit
            self._changed.notify_all()
        visit.released.wait()
        return not visit.dropped

    def release(self, *, drop: bool) -> bool:
        """Release the held call; `drop` discards one held before it ran. False when none is held."""
        with self._changed:
            return self._let_go(drop=drop)

    def as_json(self, timeout: float = 0.0) -> dict[str, Any]:
        """The calls so far, in order, with their callers, and the held call; waits up to `timeout` for one to
        be held."""
        with self._changed:
            self._changed.wait_for(lambda: self._held is not None, timeout)
            return {
                "seen": list(self._seen),
                "callers": list(self._callers),
                "held": self._held.as_json() if self._held else None,
            }

    def _let_go(self, *, drop: bool) -> bool:
        held, self._held = self._held, None
        if held is None:
            return False
        held.dropped = drop
        held.released.set()
        return True
