"""Shows progress as text: one line that is rewritten in a terminal, else a line every 15 seconds."""

from __future__ import annotations

import shutil
from typing import TextIO

from runctl_auto.engine.install.stages import StageReport

_QUIET_SECONDS = 15.0


class StageLine:
    """A progress callback that writes to ``stream``; call ``close`` at the end."""

    def __init__(self, stream: TextIO, *, is_terminal: bool | None = None) -> None:
        self._stream = stream
        self._rewrites = stream.isatty() if is_terminal is None else is_terminal
        self._is_open = False
        self._stage = ""
        self._shown_at = float("-inf")

    def __call__(self, report: StageReport) -> None:
        if self._rewrites:
            width = shutil.get_terminal_size().columns
            self._stream.write(f"\r\x1b[K{report_text(report)[: width - 1]}")
            self._is_open = True
        elif report.stage != self._stage or report.seconds - self._shown_at >= _QUIET_SECONDS:
            self._stage, self._shown_at = report.stage, report.seconds
            self._stream.write(f"{report_text(report)}\n")
        self._stream.flush()

    def close(self) -> None:
        """Ends the line that was rewritten. Idempotent."""
        if self._is_open:
            self._stream.write("\n")
            self._stream.flush()
            self._is_open = False


def report_text(report: StageReport) -> str:
    """``engine: compiling, 12 of 1900 packages (1:05)``."""
    minutes, seconds = divmod(int(report.seconds), 60)
    told = ", ".join(part for part in (report.stage, report.detail) if part)
    return f"engine: {told} ({minutes}:{seconds:02})"
