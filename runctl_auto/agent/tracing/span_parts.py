"""Stores the spans of a machine in the run's bucket, from where a later command of runctl sends them on.

The machine knows no collector and no header of one: what it records costs it one small object now and then,
and a collector that hangs is nothing to it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

from runctl_auto.agent.contract import SCHEMA
from runctl_auto.agent.pace import Pace
from runctl_auto.agent.start.config import write_private
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.tracing.spans import Recorder, Span, SpanContext, machine_span
from runctl_auto.agent.tracing.trace_contract import SpanJson, SpanPartJson, span_part_key

SHIP_PACE = Pace(first=5.0, later=60.0)
MOST_WAITING = 1000
"""Spans that wait while nothing can be stored; what comes then is left out."""


class SpanParts:
    """Spans in numbered, immutable parts. An agent that is started again continues the numbers."""

    def __init__(self, store: Store, trace: str, run: str, machine: str, position_file: Path) -> None:
        self._store = store
        self._trace = trace
        self._run = run
        self._machine = machine
        self._position_file = position_file
        self._lock = threading.Lock()
        self._shipping = threading.Lock()
        self._waiting: list[Span] = []

    def take(self, span: Span) -> None:
        """Keeps a span until the next part."""
        with self._lock:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(span)

    def ship(self, store: Store | None = None) -> None:
        """Stores what waits; nothing where nothing does. Raises what the store raises; nothing is lost."""
        with self._shipping:
            with self._lock:
                spans = list(self._waiting)
            if not spans:
                return
            number = self._next()
            part: SpanPartJson = {
                "schema": SCHEMA,
                "trace": self._trace,
                "run": self._run,
                "machine": self._machine,
                "spans": [span_json(each) for each in spans],
            }
            key = span_part_key(self._run, self._machine, number)
            (store or self._store).put(key, json.dumps(part).encode(), content_type="application/json")
            write_private(self._position_file, json.dumps(number + 1))
            with self._lock:
                del self._waiting[: len(spans)]

    def _next(self) -> int:
        try:
            return int(json.loads(self._position_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return 0


class MachineTrace:
    """What a machine records of a traced run: its stages, one after the other, and what they do."""

    def __init__(self, recorder: Recorder, parts: SpanParts) -> None:
        self.recorder = recorder
        self.parts = parts

    def end(self, store: Store) -> None:
        """Ends the stage in work and stores what waits. Raises what the store raises."""
        self.recorder.stage(None)
        self.parts.ship(store)


def machine_trace(
    parent: SpanContext, store: Store, *, run: str, machine: str, folder: Path, clock: Callable[[], float]
) -> MachineTrace:
    """The trace of this machine, below the span of the command that decided the run; ``clock`` in seconds."""
    parts = SpanParts(store, parent.trace, run, machine, folder / "spans.json")
    own = machine_span(parent.trace, run, machine)
    return MachineTrace(
        Recorder(own, parts.take, scope="agent", clock=lambda: int(clock() * 1e9)),
        parts,
    )


def span_json(span: Span) -> SpanJson:
    """A span that has ended, as it is stored."""
    return {
        "id": span.context.span,
        "parent": span.parent or "",
        "name": span.name,
        "start_us": span.start_ns // 1000,
        "end_us": (span.end_ns or span.start_ns) // 1000,
        "error": span.error,
        "attributes": dict(span.attributes),
        "events": [{"name": each.name, "at_us": each.at_ns // 1000} for each in span.events],
    }
