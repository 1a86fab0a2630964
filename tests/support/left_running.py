"""Processes that hold a value where others of the same user can read it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def processes_holding(value: str) -> list[tuple[int, str, str]]:
    """Process id, `environ` or `cmdline`, and command line of every process that has `value` there."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        for kind in ("environ", "cmdline"):
            with suppress(OSError):
                if value.encode() in (entry / kind).read_bytes():
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found.append((int(entry.name), kind, words))
    return found
