"""Writes spans to a file, for those without a collector: a line of OTLP's JSON a command."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from runctl_auto.agent.tracing.spans import Span
from runctl_auto.observe.tracing.choice import Wanted
from runctl_auto.observe.tracing.otlp_json import otlp_json

MOST_HELD = 1000
"""Spans in memory before they are written."""


class FileSink:
    """Appends to the file of ``wanted``; in a folder, to a file with the trace's id, so that what later
    commands add about a run's machines stands beside what the first one did. Readable by its owner alone.
    """

    def __init__(self, wanted: Wanted, place: Path) -> None:
        self._wanted = wanted
        self._place = place
        self._lock = threading.Lock()
        self._held: list[Span] = []
        self._failure: str | None = None

    def take(self, span: Span) -> None:
        """Keeps or writes a span; never raises."""
        with self._lock:
            self._held.append(span)
            if len(self._held) >= MOST_HELD:
                self._write()

    def finish(self) -> str | None:
        """Writes what is held; why spans are not written, None if they are."""
        with self._lock:
            self._write()
        return self._failure

    def _write(self) -> None:
        by_file: dict[Path, list[Span]] = {}
        for each in self._held:
            by_file.setdefault(self._file(each.context.trace), []).append(each)
        self._held = []
        try:
            for file, spans in by_file.items():
                _append(file, json.dumps(otlp_json(spans, self._wanted), separators=(",", ":")) + "\n")
        except OSError as error:
            self._failure = f"{self._place}: {error.strerror or error}"

    def _file(self, trace: str) -> Path:
        is_folder = str(self._wanted.file).endswith(os.sep) or self._place.is_dir()
        return self._place / f"{trace}.jsonl" if is_folder else self._place


def _append(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    with os.fdopen(os.open(file, flags, 0o600), "a", encoding="utf-8") as stream:
        stream.write(text)
