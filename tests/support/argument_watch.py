"""Watches the arguments of all processes on this machine for a text that must not appear in them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

LOOK_EVERY_SECONDS = 0.1


class ArgumentWatch:
    """``seen`` has the command lines that contained the text; ``looks`` counts the scans."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._ended = threading.Event()
        self.seen: set[str] = set()
        self.looks = 0

    def look(self) -> None:
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                line = (entry / "cmdline").read_bytes()
                if self._text in line:
                    self.seen.add(line.replace(b"\0", b" ").decode(errors="replace"))
        self.looks += 1

    def run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_SECONDS):
            self.look()

    def end(self) -> None:
        self._ended.set()


@contextlib.contextmanager
def watched_arguments(text: str) -> Iterator[ArgumentWatch]:
    """Scan repeatedly while the context is open."""
    watch = ArgumentWatch(text)
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch
    finally:
        watch.end()
        thread.join()
