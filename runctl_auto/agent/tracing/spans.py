"""Spans: what took how long, as a tree. Both runctl and the agent record with this module.

Nothing is recorded until a ``Recorder`` is in force; until then every call returns at once. A span holds
names, numbers and the types of errors, never the texts of errors, which may quote what a job printed.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Union

Value = Union[str, int, float, bool]  # noqa: UP007 (evaluated on Python 3.9)
Kind = Literal["internal", "client"]

MOST_TEXT = 300
"""Characters of a name or an attribute: what is longer is cut."""
MOST_EVENTS = 100
"""Of one span; later ones are left out."""

MOST_SPANS = 50_000
"""Of one process; later ones are left out."""

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_NOTHING = ("0" * 32, "0" * 16)


@dataclass(frozen=True)
class SpanContext:
    """Names a span: ``trace`` has 32 hex digits, ``span`` 16."""

    trace: str
    span: str

    def __str__(self) -> str:
        """As the header ``traceparent`` of W3C's Trace Context, sampled."""
        return f"00-{self.trace}-{self.span}-01"


def parse_traceparent(text: str | None) -> SpanContext | None:
    """The span that a ``traceparent`` names; None for anything else."""
    found = _TRACEPARENT.fullmatch(text or "")
    if found is None or found[1] == _NOTHING[0] or found[2] == _NOTHING[1]:
        return None
    return SpanContext(found[1], found[2])


def machine_span(trace: str, run: str, machine: str) -> SpanContext:
    """The span of a machine of a run. Known to everybody who knows these, so that a later machine can name
    it although the earlier one has vanished."""
    digest = hashlib.sha256(f"{trace}/{run}/{machine}".encode()).hexdigest()
    return SpanContext(trace, digest[:16])


@dataclass(frozen=True)
class SpanEvent:
    """Something at one moment of a span; nanoseconds since the epoch."""

    name: str
    at_ns: int
    attributes: Mapping[str, Value] = field(default_factory=dict)


@dataclass
class Span:
    """One span. Times are nanoseconds since the epoch; ``error`` is the type of what ended it, None if it
    worked. ``links`` name other spans that it has to do with; ``scope`` is who recorded it."""

    name: str
    context: SpanContext
    parent: str | None
    start_ns: int
    end_ns: int | None = None
    attributes: dict[str, Value] = field(default_factory=dict)
    error: str | None = None
    kind: Kind = "internal"
    links: tuple[SpanContext, ...] = ()
    events: list[SpanEvent] = field(default_factory=list)
    scope: str = "runctl"

    def set(self, **attributes: Value | None) -> None:
        """Adds attributes; those that are None are left out."""
        known = {name: value for name, value in attributes.items() if value is not None}
        self.attributes.update({name: _cut(value) for name, value in known.items()})


class Recorder:
    """Makes the spans of one process in one trace, and hands each to ``sink`` when it has ended. Thread-safe.

    ``parent`` is the span that those without another belong to. A thread that was started anew has none of
    the spans around it: its spans belong to the stage in work, else to ``parent``.
    """

    def __init__(
        self,
        parent: SpanContext,
        sink: Callable[[Span], None],
        *,
        scope: str = "runctl",
        clock: Callable[[], int] = time.time_ns,
        new_id: Callable[[int], str] = lambda length: os.urandom(length).hex(),
    ) -> None:
        self.parent = parent
        self.clock = clock
        self._sink = sink
        self._scope = scope
        self._new_id = new_id
        self._lock = threading.Lock()
        self._stage: Span | None = None
        self._taken = 0
        self.when_delivered: list[Callable[[], None]] = []
        """What is done once all spans so far have arrived where they are sent."""

    @property
    def trace(self) -> str:
        return self.parent.trace

    def begin(
        self,
        name: str,
        attributes: Mapping[str, Value | None] = MappingProxyType({}),
        *,
        kind: Kind = "internal",
        start_ns: int | None = None,
        parent: SpanContext | None = None,
    ) -> Span:
        """A new span below ``parent``; without one, below that in which the caller is."""
        around = _current.get() or self._stage
        above = parent or (around.context if around else self.parent)
        span = Span(
            name=name[:MOST_TEXT],
            context=SpanContext(self.trace, self._new_id(8)),
            parent=above.span,
            start_ns=self.clock() if start_ns is None else start_ns,
            kind=kind,
            scope=self._scope,
        )
        span.set(**attributes)
        return span

    def end(self, span: Span, error: BaseException | str | None = None) -> None:
        """Ends a span; a second time does nothing."""
        with self._lock:
            if span.end_ns is not None:
                return
            span.end_ns = max(self.clock(), span.start_ns)
        if error is not None:
            span.error = error if isinstance(error, str) else type(error).__name__
        self.take(span)

    def take(self, span: Span) -> None:
        """Takes a span that has ended, also one that another process recorded."""
        with self._lock:
            self._taken += 1
            if self._taken > MOST_SPANS:
                return
        self._sink(span)

    def stage(self, name: str | None, *, start_ns: int | None = None) -> None:
        """Ends the stage in work and begins another; None begins none."""
        before, self._stage = self._stage, None
        if before is not None:
            self.end(before)
        if name is not None:
            self._stage = self.begin(name, start_ns=start_ns)


_current: ContextVar[Span | None] = ContextVar("runctl_span", default=None)
_in_force: list[Recorder] = []


def recorder() -> Recorder | None:
    """The recorder in force; None where nothing is recorded."""
    return _in_force[-1] if _in_force else None


def record_with(new: Recorder) -> None:
    """Puts a recorder in force for this process."""
    _in_force.append(new)


def stop_recording(old: Recorder) -> None:
    """Takes a recorder out of force. Idempotent."""
    if old in _in_force:
        _in_force.remove(old)


@contextmanager
def recording(new: Recorder) -> Iterator[Recorder]:
    """A recorder in force while the context is open."""
    record_with(new)
    try:
        yield new
    finally:
        stop_recording(new)


class _NoSpan(Span):
    """Stands for a span where nothing is recorded."""

    def set(self, **attributes: Value | None) -> None:
        """Does nothing."""


NO_SPAN = _NoSpan("", SpanContext(*_NOTHING), None, 0)
_OFF: AbstractContextManager[Span] = nullcontext(NO_SPAN)


def span(name: str, *, kind: Kind = "internal", **attributes: Value | None) -> AbstractContextManager[Span]:
    """A span while the context is open. An exception that leaves it is told by its type, and goes on."""
    found = recorder()
    return _OFF if found is None else _within(found, found.begin(name, attributes, kind=kind))


@contextmanager
def _within(found: Recorder, span: Span) -> Iterator[Span]:
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        found.end(span, error)
        raise
    finally:
        _current.reset(token)
        found.end(span)


class Steps:
    """Spans one after the other, each around what happens until the next one begins or the context closes."""

    def __init__(self) -> None:
        self._span: Span | None = None
        self._token: Token[Span | None] | None = None

    def __enter__(self) -> Steps:
        return self

    def enter(self, name: str, **attributes: Value | None) -> None:
        """Begins the next one."""
        self._close(None)
        found = recorder()
        if found is not None:
            self._span = found.begin(name, attributes)
            self._token = _current.set(self._span)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._close(error)

    def _close(self, error: BaseException | None) -> None:
        if self._token is not None:
            _current.reset(self._token)
            self._token = None
        end(self._span, error)
        self._span = None


def begin(name: str, *, kind: Kind = "internal", **attributes: Value | None) -> Span | None:
    """A span that ``end`` ends; None where nothing is recorded. It is not around other spans."""
    found = recorder()
    return None if found is None else found.begin(name, attributes, kind=kind)


def end(ended: Span | None, error: BaseException | str | None = None) -> None:
    """Ends what ``begin`` returned."""
    found = recorder()
    if ended is not None and found is not None:
        found.end(ended, error)


def event(name: str, **attributes: Value) -> None:
    """Notes a moment in the span in which the caller is."""
    found, around = recorder(), _current.get()
    if found is not None and around is not None and len(around.events) < MOST_EVENTS:
        around.events.append(SpanEvent(name, found.clock(), attributes))


def current() -> SpanContext | None:
    """The span in which the caller is; None where nothing is recorded."""
    found, around = recorder(), _current.get()
    if found is None:
        return None
    return around.context if around is not None else found.parent


def _cut(value: Value) -> Value:
    return value[:MOST_TEXT] if isinstance(value, str) else value
