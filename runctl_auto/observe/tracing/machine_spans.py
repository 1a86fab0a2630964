"""The spans that machines of a run stored in its bucket: what a machine writes is checked, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from runctl_auto.agent.contract import SCHEMA
from runctl_auto.agent.keys import is_sequence
from runctl_auto.agent.store.store import ChangeableStore, ReadableStore
from runctl_auto.agent.tracing.spans import MOST_EVENTS, MOST_TEXT, Span, SpanContext, SpanEvent, machine_span
from runctl_auto.agent.tracing.trace_contract import (
    MOST_SPANS,
    MOST_SPANS_BYTES,
    MOST_TRACED_BYTES,
    TracedJson,
    machine_traces_prefix,
    span_part_key,
    traced_key,
)
from runctl_auto.agent.untrusted import (
    Fields,
    UnreadableError,
    matching,
    read_object,
    text,
    whole,
)

MOST_ATTRIBUTES = 20
MOST_PARTS = 5000
"""Of a machine, that are looked at: what lies behind is left."""

_ID = matching(r"[0-9a-f]{16}")
_TRACE = matching(r"[0-9a-f]{32}")
_NAME = text(MOST_TEXT)
_KEY = matching(r"[a-z][a-z0-9_.]{0,63}")
_TIME = whole(0, 4_102_444_800_000_000)
"""Microseconds since the epoch, before the year 2100."""
_COUNT = whole(-(2**63), 2**63 - 1)
_ERROR = matching(r"[A-Za-z][A-Za-z0-9_ ]{0,99}")


def read_part(content: bytes, trace: str, machine: str) -> list[Span]:
    """The spans of a part. Raises ``UnreadableError`` when it is none of this machine's in this trace."""
    found = read_object(content, MOST_SPANS_BYTES)
    if found.needed("schema", whole()) != SCHEMA:
        raise UnreadableError("it has another schema")
    if found.needed("trace", _TRACE) != trace or found.needed("machine", _NAME) != machine:
        raise UnreadableError("it belongs to another trace or machine")
    return found.each("spans", lambda value: _span(Fields(value), trace), MOST_SPANS)


def _span(found: Fields, trace: str) -> Span:
    start = found.needed("start_us", _TIME)
    return Span(
        name=found.needed("name", _NAME),
        context=SpanContext(trace, found.needed("id", _ID)),
        parent=found.needed("parent", _ID),
        start_ns=start * 1000,
        end_ns=max(start, found.needed("end_us", _TIME)) * 1000,
        attributes=found.pairs("attributes", _KEY, _value, MOST_ATTRIBUTES),
        error=found.given("error", _ERROR),
        events=found.each("events", lambda value: _event(Fields(value)), MOST_EVENTS),
        scope="agent",
    )


def _event(found: Fields) -> SpanEvent:
    return SpanEvent(found.needed("name", _NAME), found.needed("at_us", _TIME) * 1000)


def _value(value: object) -> str | int | float | bool:
    if isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return _COUNT(value)
    return _NAME(value)


def machines_own_spans(
    machines: Sequence[Mapping[str, Any]], parent: SpanContext, run: str, *, ended: bool
) -> Iterator[tuple[str, Span]]:
    """The span of each machine that is no more, by its id: from its launch to its last word, or its last sign
    of life if it vanished, with a link to the machine before. ``machines`` are those of the run's status;
    ``ended`` is whether the run has.
    """
    before: SpanContext | None = None
    for number, machine in enumerate(machines, start=1):
        own = machine_span(parent.trace, run, machine["id"])
        is_last = number == len(machines)
        if not is_last or ended or machine["ended_at"] is not None:
            vanished = machine["ended_at"] is None and not (is_last and ended)
            span = Span(
                name="machine",
                context=own,
                parent=parent.span,
                start_ns=_nanoseconds(machine["launched_at"]),
                end_ns=_nanoseconds(machine["ended_at"] or machine["seen_at"]),
                error="vanished" if vanished else None,
                links=() if before is None else (before,),
                scope="agent",
            )
            span.set(
                run=run,
                machine=machine["id"],
                number=number,
                instance_type=machine["type"],
                zone=machine["zone"],
                market=machine["market"],
            )
            yield machine["id"], span
        before = own


def _nanoseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() * 1e9)


def new_parts(
    store: ReadableStore, run: str, machine: str, trace: str, *, after: int
) -> tuple[list[Span], int]:
    """The spans of a machine's parts from number ``after`` on, and the number of the next. A part that cannot
    be read is left out."""
    prefix = machine_traces_prefix(run, machine)
    names = (key[len(prefix) :].removesuffix(".json") for key in store.object_sizes(prefix))
    numbers = sorted(int(name) for name in names if is_sequence(name))
    spans: list[Span] = []
    following = after
    for number in [each for each in numbers if each >= after][:MOST_PARTS]:
        content = store.find(span_part_key(run, machine, number), MOST_SPANS_BYTES)
        with suppress(UnreadableError):
            spans += read_part(content or b"", trace, machine)
        following = number + 1
    return spans, following


def read_traced(store: ReadableStore, run: str) -> TracedJson:
    """What has been sent on of a run; nothing where that cannot be read."""
    key = traced_key(run)
    try:
        content = store.find(key, MOST_TRACED_BYTES) if key in store.object_sizes(key) else None
        if content is None:
            return {"parts": {}, "machines": []}
        found = read_object(content, MOST_TRACED_BYTES)
        parts = found.pairs("parts", _NAME, whole(), MOST_PARTS)
        return {"parts": parts, "machines": found.each("machines", _NAME, MOST_PARTS)}
    except UnreadableError:
        return {"parts": {}, "machines": []}


def write_traced(store: ChangeableStore, run: str, traced: TracedJson) -> None:
    """Records what has been sent on."""
    store.put(traced_key(run), json.dumps(traced).encode(), content_type="application/json")
