"""The outputs of a command that was sent to the machine: read all, kept up to a limit, stored in parts."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable

from runctl_auto.agent.reach.reach_contract import MOST_OUTPUT_BYTES, PART_BYTES, ExecStreamJson

_READ_BYTES = 256 * 1024


class RemoteStream:
    """One output. Read in a thread of its own, so that the command never waits for the store."""

    def __init__(
        self, descriptor: int, store: Callable[[int, bytes], None], most: int = MOST_OUTPUT_BYTES
    ) -> None:
        """``store`` takes the number and the content of a part."""
        self._descriptor = descriptor
        self._store = store
        self._most = most
        self._lock = threading.Lock()
        self._kept = bytearray()
        self._written = 0
        self._parts = 0
        self._taken = 0
        self._reader = threading.Thread(target=self._read, daemon=True)

    def start(self) -> None:
        self._reader.start()

    def wait(self, seconds: float) -> None:
        """Until all writers have closed it, at most so long."""
        self._reader.join(seconds)

    @property
    def has_parts(self) -> bool:
        return self._parts > 0

    @property
    def waiting_bytes(self) -> int:
        """Kept, and not stored yet."""
        return len(self._kept)

    def store_parts(self) -> None:
        """Stores what is kept so far. Blocks."""
        while True:
            with self._lock:
                part = bytes(self._kept[:PART_BYTES])
            if not part:
                return
            self._store(self._parts, part)
            with self._lock:
                del self._kept[: len(part)]
            self._parts += 1

    def result(self, *, inline: bool) -> ExecStreamJson:
        with self._lock:
            kept = bytes(self._kept) if inline else b""
        return {
            "bytes": self._written,
            "parts": self._parts,
            "inline": base64.b64encode(kept).decode() if inline else None,
            "cut": self._written > self._taken,
        }

    def _read(self) -> None:
        try:
            while data := os.read(self._descriptor, _READ_BYTES):
                with self._lock:
                    self._written += len(data)
                    taken = data[: self._most - self._taken]
                    self._taken += len(taken)
                    self._kept += taken
        except OSError:
            return
