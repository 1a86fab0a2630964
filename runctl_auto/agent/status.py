"""The run's durable status: kept in the bucket, written at each change of phase and as a heartbeat."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from runctl_auto.agent.config import AgentConfig

SCHEMA = 1
HEARTBEAT_SECONDS = 15.0
PHASES = ("booting", "fetching", "setup", "running", "stopping")
TERMINAL = frozenset({"succeeded", "failed", "stopped"})
TIMED_AS = {"booting": "boot", "fetching": "fetch", "setup": "setup", "running": "run", "stopping": "upload"}


class ObjectPutter(Protocol):
    """Where the status is written to."""

    def put(self, key: str, data: bytes, content_type: str = ...) -> None: ...


class ObjectGetter(Protocol):
    """Where an earlier status is read from."""

    def find(self, key: str) -> bytes | None: ...


@dataclass(frozen=True)
class Outcome:
    """How the run ended on this machine."""

    phase: str
    reason: str
    exit_code: int | None = None
    message: str | None = None

    @property
    def is_terminal(self) -> bool:
        return self.phase in TERMINAL


def read_previous(bucket: ObjectGetter, key: str) -> dict[str, Any] | None:
    """The status an earlier agent of this run left, None when there is none or it cannot be understood."""
    try:
        data = json.loads(bucket.find(key) or b"null")
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


class RunStatus:
    """The status document and the only writer of it. Thread-safe; after `end` nothing is written any more.

    An earlier status of the run is gone on with: its start, its counts and the seconds of its phases stay.
    `clock` is in seconds since the epoch, `ticks` never goes backwards.
    """

    def __init__(
        self,
        config: AgentConfig,
        instance: str,
        bucket: ObjectPutter,
        *,
        previous: Mapping[str, Any] | None = None,
        attempt: int = 1,
        node: int = 0,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        earlier = dict(previous or {})
        self._bucket = bucket
        self._key = config.status_key
        self._clock = clock
        self._ticks = ticks
        self._writing = threading.Lock()
        self._lock = threading.Lock()
        self._ended = False
        self._phase_since = ticks()
        self._document: dict[str, Any] = {
            "schema": SCHEMA,
            "job": config.job,
            "run": config.run,
            "attempt": earlier.get("attempt", attempt),
            "node": node,
            "instance": instance,
            "phase": "booting",
            "exit_code": None,
            "reason": None,
            "message": None,
            "started_at": earlier.get("started_at") or rfc3339(config.booted_at),
            "updated_at": None,
            "ended_at": None,
            "phases": {str(name): float(spent) for name, spent in (earlier.get("phases") or {}).items()},
            "resumed_from": earlier.get("resumed_from"),
            "checkpoints": {"count": 0, "last": None, "last_at": None, **(earlier.get("checkpoints") or {})},
            "artifacts": None,
            "log_parts": earlier.get("log_parts") or 0,
        }

    def spend(self, phase: str, seconds: float) -> None:
        """Counts time that passed before this object was there."""
        with self._lock:
            self._add(phase, max(0.0, seconds))

    def enter(self, phase: str) -> None:
        """Begins a phase and says so."""
        with self._lock:
            self._close_phase()
            self._document["phase"] = phase
        self.write()

    def note(self, **fields: Any) -> None:
        """Changes fields of the document; they are written with the next heartbeat or change of phase."""
        with self._lock:
            self._document.update(fields)

    def saved_checkpoint(self, sequence: str) -> None:
        with self._lock:
            before = self._document["checkpoints"]
            self._document["checkpoints"] = {
                "count": before["count"] + 1,
                "last": sequence,
                "last_at": rfc3339(self._clock()),
            }
        self.write()

    def seconds_spent(self) -> float:
        """Seconds of all phases of the run so far, those on earlier machines included."""
        with self._lock:
            running = self._ticks() - self._phase_since
            return float(sum(self._document["phases"].values())) + running

    def write(self) -> None:
        """Writes the status as it is now; blocks for the upload; raises what the bucket raises."""
        with self._writing:
            if self._ended:
                return
            self.note(updated_at=rfc3339(self._clock()))
            self._put(self._bucket)

    def end(self, outcome: Outcome, bucket: ObjectPutter) -> None:
        """Writes the last status, through `bucket` (more patient than the usual one)."""
        with self._writing:
            if self._ended:
                return
            self._ended = True
            now = rfc3339(self._clock())
            with self._lock:
                self._close_phase()
                self._document.update(
                    phase=outcome.phase,
                    reason=outcome.reason,
                    exit_code=outcome.exit_code,
                    message=outcome.message,
                    updated_at=now,
                    ended_at=now if outcome.is_terminal else None,
                )
            self._put(bucket)

    def document(self) -> dict[str, Any]:
        """A copy of the document; the phase that runs counts up to now."""
        with self._lock:
            copy: dict[str, Any] = json.loads(json.dumps(self._document))
            name = TIMED_AS.get(copy["phase"])
            if name:
                running = self._ticks() - self._phase_since
                copy["phases"][name] = copy["phases"].get(name, 0.0) + running
            copy["phases"] = {name: round(spent, 3) for name, spent in copy["phases"].items()}
            return copy

    def _put(self, bucket: ObjectPutter) -> None:
        data = json.dumps(self.document(), indent=1).encode()
        bucket.put(self._key, data, content_type="application/json")

    def _close_phase(self) -> None:
        now = self._ticks()
        name = TIMED_AS.get(self._document["phase"])
        if name:
            self._add(name, now - self._phase_since)
        self._phase_since = now

    def _add(self, name: str, seconds: float) -> None:
        phases = self._document["phases"]
        phases[name] = phases.get(name, 0.0) + seconds


def rfc3339(seconds: float) -> str:
    """A time in UTC with milliseconds, as in 2026-01-31T12:00:00.000Z."""
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
