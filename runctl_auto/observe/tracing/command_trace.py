"""The trace of one command: begun before it does anything, ended with its exit code."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from runctl_auto.agent.tracing.spans import (
    Recorder,
    Span,
    SpanContext,
    parse_traceparent,
    record_with,
    stop_recording,
)
from runctl_auto.observe.tracing.choice import Wanted


class Sink(Protocol):
    """Takes spans that have ended."""

    def take(self, span: Span) -> None: ...

    def finish(self) -> str | None:
        """Sends what is left; why it did not arrive, None if it did."""


class CommandTrace:
    """Records a command. It continues the ``TRACEPARENT`` in its environment, as of a pipeline."""

    def __init__(
        self,
        sinks: Mapping[str, Sink],
        around: SpanContext | None,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """``sinks`` by what a message calls them; ``around`` is the span that the command is part of."""
        self._sinks = sinks
        trace = around.trace if around else os.urandom(16).hex()
        self._own = SpanContext(trace, os.urandom(8).hex())
        self._around = around
        self._began = clock()
        self.recorder = Recorder(self._own, self._take, clock=clock)
        record_with(self.recorder)

    def finish(self, command: str, code: int) -> list[str]:
        """Ends the trace and sends what is left; what is to be told of that. Never raises."""
        stop_recording(self.recorder)
        root = Span(
            name=f"runctl {command}",
            context=self._own,
            parent=self._around.span if self._around else None,
            start_ns=self._began,
            end_ns=self.recorder.clock(),
            error=None if code == 0 else f"exit code {code}",
        )
        root.set(command=command, exit_code=code)
        self.recorder.take(root)
        failures = {name: sink.finish() for name, sink in self._sinks.items()}
        if not any(failures.values()):
            for each in self.recorder.when_delivered:
                with suppress(Exception):
                    each()
        return [f"the trace did not reach {name}: {why}" for name, why in failures.items() if why]

    def _take(self, span: Span) -> None:
        for each in self._sinks.values():
            each.take(span)


def begin(wanted: Wanted, environ: Mapping[str, str], folder: Path) -> CommandTrace:
    """Begins to record; a relative file is in ``folder``."""
    sinks: dict[str, Sink] = {}
    if wanted.file is not None:
        from runctl_auto.observe.tracing.file_sink import FileSink

        sinks["its file"] = FileSink(wanted, folder / wanted.file)
    if wanted.collector:
        from runctl_auto.observe.tracing.collector_sink import CollectorSink

        sinks["the collector"] = CollectorSink(wanted)
    return CommandTrace(sinks, parse_traceparent(environ.get("TRACEPARENT")))
