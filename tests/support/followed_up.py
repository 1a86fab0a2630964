"""`runctl up` in the background, and what it prints meanwhile."""

from __future__ import annotations

import re
import threading
import time

from support.runctl_cli import Runctl


class Followed:
    """`lines` are what it has printed so far."""

    def __init__(self, runctl: Runctl, *arguments: str) -> None:
        self.process = runctl.start("up", *arguments, "--yes")
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    def await_line(self, pattern: str, seconds: float = 600) -> None:
        """Wait until a line has it; fails when it ends before."""
        give_up = time.monotonic() + seconds
        while not any(re.search(pattern, line) for line in self.lines):
            assert self.process.poll() is None, "".join(self.lines)
            assert time.monotonic() < give_up, "".join(self.lines)
            time.sleep(0.1)

    def end(self, seconds: float = 240) -> int:
        """Its exit code, once it has ended."""
        code = self.process.wait(timeout=seconds)
        self._reader.join(10)
        return code
