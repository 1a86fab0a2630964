"""Ships the run's output to the store in numbered, immutable parts."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from runctl_auto.agent.contract import LOG_PART_BYTES
from runctl_auto.agent.job.redaction import HiddenValues, OwnLinesOnly, Redaction
from runctl_auto.agent.keys import log_part_name, log_part_number
from runctl_auto.agent.pace import Pace
from runctl_auto.agent.start.config import write_private
from runctl_auto.agent.store.store import Store

FLUSH_PACE = Pace(first=2.0, later=15.0)
PATIENT_PASSES = 5
LONGEST_CHARACTER = 4
"""Bytes of the longest character in UTF-8."""


class LogShipper:
    """Uploads the growth of the output file, cut at line ends where possible.

    A part is recorded on disk before it is uploaded, so that an agent restarted in between uploads exactly
    the same bytes under the same number. On a new machine the numbers continue after the run's last part.
    `shipped` receives the number of the run's parts. With `redaction` None nothing is shipped before `hide`
    has set what to redact; if it is never called, the end ships the agent's own lines only.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        *,
        source: Path,
        position_file: Path,
        shipped: Callable[[int], None] = lambda _: None,
        part_bytes: int = LOG_PART_BYTES,
        redaction: Redaction | None = HiddenValues(),  # noqa: B008 (hides nothing, holds no state)
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._source = source
        self._position_file = position_file
        self._shipped = shipped
        self._part_bytes = part_bytes
        self._redaction = redaction
        self._lock = threading.Lock()
        self._part, self._start, self._end = -1, 0, 0
        self._held_passes = 0
        self._held_size = 0

    def hide(self, values: Iterable[str]) -> None:
        """From now on, masks these values in what is shipped."""
        with self._lock:
            self._redaction = HiddenValues(values)

    def ship(self) -> None:
        """Uploads every part that is due. Raises what the store raises; nothing is lost then."""
        self._ship(final=False)

    def ship_all(self, store: Store) -> None:
        """Uploads all remaining output, the unfinished last line included."""
        self._store = store
        self._ship(final=True)

    def _ship(self, final: bool) -> None:
        with self._lock:
            redaction = self._redaction or (OwnLinesOnly() if final else None)
            if redaction is not None:
                self._ship_parts(redaction, final)

    def _ship_parts(self, redaction: Redaction, final: bool) -> None:
        self._locate()
        if self._end > self._start:
            self._upload(redaction)
        while True:
            length = self._due(redaction, final)
            if not length:
                return
            self._record(self._part, self._start, self._start + length)
            self._upload(redaction)

    def _locate(self) -> None:
        if self._part >= 0:
            return
        try:
            saved = json.loads(self._position_file.read_text(encoding="utf-8"))
            self._part, self._start, self._end = int(saved["part"]), int(saved["start"]), int(saved["end"])
        except (OSError, ValueError, KeyError, TypeError):
            keys = self._store.object_sizes(self._prefix)
            numbers = (log_part_number(key[len(self._prefix) :]) for key in keys)
            newest = max((number for number in numbers if number is not None), default=-1)
            self._part, self._start, self._end = newest + 1, 0, 0

    def _due(self, redaction: Redaction, final: bool) -> int:
        seen = self._read(self._start, self._part_bytes + redaction.reach)
        # A possible beginning of a secret is held back until the following bytes are known.
        sure = len(seen) if final else len(seen) - redaction.unsure(seen)
        data = seen[: min(sure, self._part_bytes)]
        if not data:
            self._held_passes = self._held_size = 0
            return 0
        if final or len(data) == self._part_bytes:
            return _whole_lines(data) or _whole_characters(data) or len(data)
        length = _whole_lines(data)
        if length:
            self._held_passes = 0
            return length
        # An unfinished line (a prompt, a progress bar) is held back briefly.
        self._held_passes = self._held_passes + 1 if len(data) == self._held_size else 0
        self._held_size = len(data)
        return _whole_characters(data) if self._held_passes >= PATIENT_PASSES else 0

    def _read(self, start: int, length: int) -> bytes:
        try:
            with self._source.open("rb") as file:
                file.seek(start)
                return file.read(length)
        except FileNotFoundError:
            return b""

    def _upload(self, redaction: Redaction) -> None:
        reach = redaction.reach
        first = max(0, self._start - reach)
        data = redaction.redacted(
            before=self._read(first, self._start - first),
            piece=self._read(self._start, self._end - self._start),
            after=self._read(self._end, reach),
        )
        key = self._prefix + log_part_name(self._part)
        self._store.put(key, data, content_type="text/plain; charset=utf-8")
        self._record(self._part + 1, self._end, self._end)
        self._shipped(self._part)

    def _record(self, part: int, start: int, end: int) -> None:
        write_private(self._position_file, json.dumps({"part": part, "start": start, "end": end}))
        self._part, self._start, self._end = part, start, end


def _whole_lines(data: bytes) -> int:
    return max(data.rfind(b"\n"), data.rfind(b"\r")) + 1


def _whole_characters(data: bytes) -> int:
    """How many bytes there are up to a character of UTF-8 that has only begun."""
    for length in range(1, min(LONGEST_CHARACTER, len(data)) + 1):
        byte = data[-length]
        if byte >= 0xC0:
            expected = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return len(data) - length if length < expected else len(data)
        if byte < 0x80:
            break
    return len(data)
