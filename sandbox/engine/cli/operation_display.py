"""Where the events of one operation go: to the person, and to the event log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from sandbox.engine.backend.reference import StackReference
from sandbox.engine.cli.flags import FlagValues
from sandbox.engine.cli.session import Session
from sandbox.engine.display.diff import DiffDisplay
from sandbox.engine.display.event_log import EventRecorder, open_log
from sandbox.engine.display.markup import HEADLINE, RESET, YELLOW, render
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.display.preview_json import PreviewJson
from sandbox.engine.display.progress import ProgressDisplay
from sandbox.engine.display.steps import is_internal
from sandbox.engine.model import STACK_TYPE


class Sink(Protocol):
    """Takes events."""

    def emit(self, event: Mapping[str, Any]) -> None:
        """Takes one event."""


class _LineLog:
    """Prints each event as a line of JSON."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def send(self, text: str) -> None:
        self._write(text)

    def close(self) -> None:
        """Nothing is left to do."""


class OperationSink:
    """Hands events to the log first, then to the display. Safe from any thread."""

    def __init__(self, display: Sink, recorder: EventRecorder | None, ticker: _Ticker | None) -> None:
        self._display = display
        self._recorder = recorder
        self._ticker = ticker
        self._lock = threading.Lock()

    def emit(self, event: dict[str, Any]) -> None:
        """Takes one event."""
        with self._lock:
            if self._recorder is not None:
                self._recorder.emit(event)
            if is_internal(event):
                if isinstance(self._display, EventRecorder):
                    self._display.pass_over()
                return
            if self._ticker is not None:
                self._ticker.reset()
            self._display.emit(event)

    def tick(self) -> None:
        """Shows that the operation goes on although nothing happens."""
        with self._lock:
            if self._ticker is not None:
                self._ticker.show()


class _Ticker:
    """Prints `@ updating....` while nothing else is printed."""

    def __init__(self, label: str, write: Callable[[str], None], *, coloured: bool) -> None:
        self._label, self._write, self._coloured = label, write, coloured
        self._dots = False

    def show(self) -> None:
        begin = "" if self._dots else f"{YELLOW}@ {self._label}...{RESET}"
        self._write(render(f"{begin}{YELLOW}.{RESET}", coloured=self._coloured))
        self._dots = True

    def reset(self) -> None:
        if self._dots:
            self._write("\n")
        self._dots = False


@contextmanager
def operation_sink(
    session: Session, reference: StackReference, label: str, *, preview: bool
) -> Iterator[OperationSink]:
    """The sink of one operation. `label` is like `Previewing update`; it is printed first. On leaving, all
    events have arrived at the event log."""
    flags = session.flags
    json_wanted = flags.on("json")
    options = _options(session, flags)
    if not json_wanted:
        headline = f"{HEADLINE}{label} ({session.shown(reference)}):{RESET}\n"
        session.out.write(render(headline, coloured=options.coloured))
    recorder = None
    if flags.text("event-log"):
        recorder = EventRecorder(open_log(flags.text("event-log")), coloured=flags.text("color") != "never")
    display = _display(session, reference, options, preview=preview, json_wanted=json_wanted)
    ticker = None
    if not json_wanted and not options.suppress_progress and not flags.on("diff"):
        ticker = _Ticker(label.lower(), _writer(session), coloured=options.coloured)
    sink = OperationSink(display, recorder, ticker)
    stopped = threading.Event()
    clock = threading.Thread(target=_tick, args=(sink, stopped), daemon=True)
    clock.start()
    try:
        yield sink
    finally:
        stopped.set()
        clock.join()
        if ticker is not None:
            ticker.reset()
        if recorder is not None:
            recorder.close()
        session.out.flush()


def _tick(sink: OperationSink, stopped: threading.Event) -> None:
    while not stopped.wait(1.0):
        sink.tick()


def _display(
    session: Session,
    reference: StackReference,
    options: DisplayOptions,
    *,
    preview: bool,
    json_wanted: bool,
) -> Sink:
    write = _writer(session)
    if json_wanted and preview:
        started = time.monotonic_ns()
        return PreviewJson(lambda text: write(text + "\n"), options, lambda: time.monotonic_ns() - started)
    if json_wanted:
        return EventRecorder(_LineLog(write), coloured=options.coloured)
    if session.flags.on("diff"):
        return DiffDisplay(write, session.write_error, options, preview=preview)
    stack, project = reference.name, reference.project
    root = f"urn:pulumi:{stack}::{project}::{STACK_TYPE}::{project}-{stack}"
    return ProgressDisplay(lambda line: write(line + "\n"), options, preview=preview, root_urn=root)


def _writer(session: Session) -> Callable[[str], None]:
    def write(text: str) -> None:
        session.out.write(text)
        session.out.flush()

    return write


def _options(session: Session, flags: FlagValues) -> DisplayOptions:
    return DisplayOptions(
        coloured=session.coloured,
        debug=flags.on("debug"),
        show_sames=flags.on("show-sames"),
        show_reads=flags.on("show-reads"),
        show_replacement_steps=flags.on("show-replacement-steps"),
        show_urns=flags.on("urns"),
        show_policy_remediations=flags.on("show-policy-remediations"),
        suppress_outputs=flags.on("suppress-outputs"),
        cut_texts="show-full-output" in flags.declared and not flags.on("show-full-output"),
        suppress_progress=flags.on("suppress-progress"),
        replacements_in_one=flags.on("diff") or flags.on("json"),
    )


__all__ = ["OperationSink", "operation_sink"]
