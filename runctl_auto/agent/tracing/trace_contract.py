"""The contract of traces: where a run's machines store their spans, and their format.

Like ``contract.py``: both sides import it, it does no I/O, and machines keep the one they were started with.
"""

from __future__ import annotations

from typing import Final, TypedDict

from runctl_auto.agent.keys import control_prefix, numbered, run_prefix

MOST_SPANS_BYTES: Final = 4 * 1024 * 1024
"""Of a part of a machine's spans."""
MOST_SPANS: Final = 1000
"""In a part."""
MOST_TRACED_BYTES: Final = 64 * 1024


def traces_prefix(run: str) -> str:
    """The prefix of the spans that the run's machines recorded, where the run is traced."""
    return f"{run_prefix(run)}traces/"


def machine_traces_prefix(run: str, machine: str) -> str:
    """The prefix of the spans of one machine."""
    return f"{traces_prefix(run)}{machine}/"


def span_part_key(run: str, machine: str, number: int) -> str:
    """The key of a part of them: a ``SpanPartJson``. Parts are immutable and numbered from 0."""
    return f"{machine_traces_prefix(run, machine)}{numbered(number)}.json"


def traced_key(run: str) -> str:
    """The key of what of them has been sent on, a ``TracedJson``, which the machine cannot write."""
    return f"{control_prefix(run)}traced.json"


class SpanEventJson(TypedDict):
    """A moment of a span; microseconds since the epoch."""

    name: str
    at_us: int


class SpanJson(TypedDict):
    """A span of a machine. ``id`` and ``parent`` have 16 hex digits, times are microseconds since the epoch,
    ``error`` is the type of what ended it.
    """

    id: str
    parent: str
    name: str
    start_us: int
    end_us: int
    error: str | None
    attributes: dict[str, str | int | float | bool]
    events: list[SpanEventJson]


class SpanPartJson(TypedDict):
    """A part of the spans that a machine of a traced run recorded."""

    schema: int
    trace: str
    run: str
    machine: str
    spans: list[SpanJson]


class TracedJson(TypedDict):
    """``traced.json``: what has been sent on. ``parts`` are counted by machine; ``machines`` are those whose
    own spans have been sent.
    """

    parts: dict[str, int]
    machines: list[str]
