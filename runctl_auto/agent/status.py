"""The run's durable status: kept in the store, written at each phase change and as a heartbeat."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, cast

from runctl_auto.agent.contract import (
    MOST_MACHINES,
    MOST_MESSAGE,
    MOST_NOTE,
    MOST_STATUS_BYTES,
    TERMINAL_PHASES,
    TIMED_AS,
)
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.machine.usage import Usage
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status_format import (
    CheckpointCountJson,
    MachineJson,
    NodeJson,
    NodePhase,
    ResumeJson,
    StatusJson,
    TryJson,
    UnsavedJson,
    new_status,
)
from runctl_auto.agent.status_reading import read_status
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.untrusted import UnreadableError, cut, encodable

MOST_UNSAVED = 20
"""The status is small: further files that could not be saved are only counted in it."""
MOST_RESUMES = 20
MOST_TRIES = 20


@dataclass(frozen=True)
class Outcome:
    """How the run ended on this machine."""

    phase: str
    reason: str
    exit_code: int | None = None
    message: str | None = None

    @property
    def is_terminal(self) -> bool:
        return self.phase in TERMINAL_PHASES


def read_previous(store: Store, key: str, run: str) -> StatusJson | None:
    """The status that an earlier agent of this run wrote; None when there is none or it is invalid."""
    try:
        content = store.find(key, MOST_STATUS_BYTES)
        return None if content is None else read_status(content, run)
    except (IntegrityError, UnreadableError):
        return None


class StatusWriter:
    """The status document and its only writer. Thread-safe; after `end` nothing more is written.

    Continues an earlier status of the run: its start, its counts and the seconds of its phases are kept.
    `clock` is in seconds since the epoch, `ticks` is monotonic.
    """

    def __init__(
        self,
        config: AgentConfig,
        machine: MachineIdentity,
        store: Store,
        *,
        previous: Mapping[str, Any] | None = None,
        attempt: int = 1,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        earlier = dict(previous or {})
        self._store = store
        self._key = config.own_status_key
        self._clock = clock
        self._ticks = ticks
        self._writing = threading.Lock()
        self._lock = threading.Lock()
        self._ended = False
        self._phase_since = ticks()
        started_at = earlier.get("started_at") or rfc3339(config.booted_at)
        document = new_status(config.job, config.run, started_at)
        document["attempt"] = earlier.get("attempt", attempt)
        document["node"] = config.node
        document["instance"] = machine.id
        document["phases"] = {
            str(name): float(spent) for name, spent in (earlier.get("phases") or {}).items()
        }
        document["resumed_from"] = earlier.get("resumed_from")
        document["checkpoints"].update(cast("CheckpointCountJson", earlier.get("checkpoints") or {}))
        document["log_parts"] = earlier.get("log_parts") or 0
        document["unsaved"] = list(earlier.get("unsaved") or ())
        document["suspect"] = earlier.get("suspect")
        document["resumes"] = list(earlier.get("resumes") or ())
        if earlier.get("tries"):
            document["tries"] = list(earlier["tries"])
        self._machine = self._entry(machine, config.booted_at)
        before = [each for each in earlier.get("machines") or () if each.get("id") != machine.id]
        document["machines"] = [*before, self._machine][-MOST_MACHINES:]
        if earlier.get("nodes"):
            document["nodes"] = list(earlier["nodes"])
        self._document = document
        self._usage: Usage | None = None
        known = {each.get("id"): each.get("usage") for each in earlier.get("machines") or ()}
        self._used_before = known.get(machine.id)

    def count(self, usage: Usage) -> None:
        """Records what the machine has and uses, from now on."""
        usage.continue_from(self._used_before)
        with self._lock:
            self._usage = usage

    def _entry(self, machine: MachineIdentity, booted_at: float) -> MachineJson:
        booted = rfc3339(booted_at)
        return {
            "id": machine.id,
            "type": machine.type,
            "zone": machine.zone,
            "market": machine.market,
            "launched_at": machine.launched_at or booted,
            "seen_at": booted,
            "ended_at": None,
            "price_hour": None,
        }

    def price_machine(self, price_of: Callable[[str | None, str | None], float | None]) -> None:
        """Records what this machine costs: USD an hour by type and market."""
        with self._lock:
            self._machine["price_hour"] = price_of(self._machine["type"], self._machine["market"])

    def own_machine(self) -> MachineJson:
        """This machine's entry."""
        with self._lock:
            return cast("MachineJson", dict(self._machine))

    def add_machine(self, machine: MachineJson) -> None:
        """Records the machine of another node of the run, which is there now."""
        with self._lock:
            machines = [each for each in self._document["machines"] if each["id"] != machine["id"]]
            self._document["machines"] = [*machines, machine][-MOST_MACHINES:]

    def saw_machine(self, machine: str) -> None:
        """The machine of another node is still there."""
        now = rfc3339(self._clock())
        with self._lock:
            for each in self._document["machines"]:
                if each["id"] == machine:
                    each["seen_at"] = now

    @property
    def began(self) -> float:
        """The start of the run, in seconds since the epoch."""
        with self._lock:
            started_at = self._document["started_at"] or ""
        return datetime.fromisoformat(started_at.replace("Z", "+00:00")).timestamp()

    def spend(self, phase: str, seconds: float) -> None:
        """Counts time that passed before this object was created."""
        with self._lock:
            self._add(phase, max(0.0, seconds))

    def enter(self, phase: str) -> None:
        """Begins a phase and writes the status."""
        with self._lock:
            self._close_phase()
            self._document["phase"] = phase
        self.write()

    def note(self, **fields: Any) -> None:
        """Changes fields of the document; they are written with the next heartbeat or phase change."""
        with self._lock:
            self._document.update(cast("StatusJson", fields))

    def saved_checkpoint(self, sequence: str) -> None:
        with self._lock:
            self._document["checkpoints"] = {
                "count": self._document["checkpoints"]["count"] + 1,
                "last": sequence,
                "last_at": rfc3339(self._clock()),
            }
            self._document["suspect"] = None
        self.write()

    def suspect_checkpoint(self, sequence: str, path: str, why: str) -> None:
        """Records a checkpoint that is kept apart."""
        self.note(suspect={"sequence": sequence, "path": _note(path), "why": _note(why)})
        self.write()

    def unsaved(self, what: str, problems: Sequence[tuple[str | None, str]]) -> None:
        """Replaces what could not be saved of `what` (checkpoint, artifacts): path (None: all) and why."""
        listed = [
            UnsavedJson(what=what, path=None if path is None else _note(path), why=_note(why))
            for path, why in problems[:MOST_UNSAVED]
        ]
        if len(problems) > MOST_UNSAVED:
            more = f"and {len(problems) - MOST_UNSAVED} more, which the log names"
            listed.append(UnsavedJson(what=what, path=None, why=more))
        with self._lock:
            others = [each for each in self._document["unsaved"] if each["what"] != what]
            self._document["unsaved"] = [*others, *listed]

    def resumed(self, checkpoint: str) -> None:
        """Records a start from a checkpoint."""
        with self._lock:
            self._document["resumed_from"] = checkpoint
            self._document["resumes"] = [
                *self._document["resumes"],
                ResumeJson(checkpoint=checkpoint, failure=None),
            ][-MOST_RESUMES:]

    def resume_failed(self, why: str) -> None:
        """Records that the start from the last checkpoint failed right away."""
        with self._lock:
            self._document["resumes"][-1]["failure"] = _note(why)

    def failed_try(self, started: float, outcome: Outcome) -> None:
        """Records a try that is followed by another one. `started` is in seconds since the epoch."""
        with self._lock:
            earlier = self._document.get("tries") or []
            failed = TryJson(
                number=earlier[-1]["number"] + 1 if earlier else 1,
                started_at=rfc3339(started),
                ended_at=rfc3339(self._clock()),
                reason=outcome.reason,
                exit_code=outcome.exit_code,
                message=None if outcome.message is None else _note(outcome.message),
            )
            self._document["tries"] = [*earlier, failed][-MOST_TRIES:]

    def tries(self) -> int:
        """How many tries of the run have failed so far, on all its machines."""
        with self._lock:
            earlier = self._document.get("tries") or []
            return earlier[-1]["number"] if earlier else 0

    def failed_resumes(self) -> list[str]:
        """The checkpoints from which the run failed right away."""
        with self._lock:
            return [each["checkpoint"] for each in self._document["resumes"] if each["failure"] is not None]

    def seconds_spent(self) -> float:
        """Seconds of all phases of the run so far, including those on earlier machines."""
        with self._lock:
            running = self._ticks() - self._phase_since
            return float(sum(self._document["phases"].values())) + running

    def write(self) -> None:
        """Writes the current status; blocks for the upload; raises what the store raises."""
        with self._writing:
            if self._ended:
                return
            now = rfc3339(self._clock())
            self.note(updated_at=now)
            self._machine["seen_at"] = now
            self._put(self._store)

    def end(self, outcome: Outcome, store: Store) -> None:
        """Writes the last status through `store`, which retries longer than the usual one."""
        with self._writing:
            if self._ended:
                return
            self._ended = True
            now = rfc3339(self._clock())
            with self._lock:
                self._close_phase()
                self._document["phase"] = outcome.phase
                self._document["reason"] = outcome.reason
                self._document["exit_code"] = outcome.exit_code
                message = outcome.message
                self._document["message"] = None if message is None else encodable(cut(message, MOST_MESSAGE))
                self._document["updated_at"] = now
                self._machine["seen_at"] = self._machine["ended_at"] = now
                if outcome.is_terminal:
                    self._end_other_machines(now)
                self._document["ended_at"] = now if outcome.is_terminal else None
            self._put(store)

    def _end_other_machines(self, now: str) -> None:
        """The machines of the other nodes end with the run."""
        present = {each["instance"] for each in self._document.get("nodes") or () if _is_present(each)}
        for each in self._document["machines"]:
            if each["id"] in present and each["ended_at"] is None:
                each["seen_at"] = each["ended_at"] = now

    def document(self) -> StatusJson:
        """A copy of the document; the current phase counts up to now."""
        with self._lock:
            if self._usage is not None:
                self._machine["usage"] = self._usage.as_json()
            copy: StatusJson = json.loads(json.dumps(self._document))
            name = TIMED_AS.get(copy["phase"])
            if name:
                running = self._ticks() - self._phase_since
                copy["phases"][name] = copy["phases"].get(name, 0.0) + running
            copy["phases"] = {name: round(spent, 3) for name, spent in copy["phases"].items()}
            return copy

    def _put(self, store: Store) -> None:
        data = json.dumps(self.document(), indent=1).encode()
        store.put(self._key, data, content_type="application/json")

    def _close_phase(self) -> None:
        now = self._ticks()
        name = TIMED_AS.get(self._document["phase"])
        if name:
            self._add(name, now - self._phase_since)
        self._phase_since = now

    def _add(self, name: str, seconds: float) -> None:
        phases = self._document["phases"]
        phases[name] = phases.get(name, 0.0) + seconds


def _is_present(node: NodeJson) -> bool:
    return node["phase"] not in (NodePhase.ABSENT, NodePhase.LOST)


def _note(text: str) -> str:
    return encodable(cut(text, MOST_NOTE))


def rfc3339(seconds: float) -> str:
    """A time in UTC with milliseconds, as in 2026-01-31T12:00:00.000Z."""
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
