"""What all units of a host share: paths, environment, children, clock and console."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from sandbox.hosts.guest.children import Children
from sandbox.hosts.guest.layout import HostLayout

_SYSTEM_FOLDERS = frozenset({"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"})
_CONSOLE_BYTES = 1 << 20
JOURNAL_BYTES = 32 << 20


class Console:
    """The serial console: writes to the init's standard output, at most 1 MiB per boot."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._left = _CONSOLE_BYTES

    def write(self, data: bytes) -> None:
        if self._left <= 0:
            return
        part = data[: self._left]
        self._left -= len(part)
        if self._left <= 0:
            part += b"\n[console full: nothing more of this boot is kept]\n"
        try:
            while part:
                part = part[os.write(self._descriptor, part) :]
        except OSError:
            self._left = 0  # continue without a console

    def say(self, text: str) -> None:
        self.write(f"[{_now()}] {text}\n".encode())


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%H:%M:%S.%f")[:-3]


@dataclass
class Machine:
    layout: HostLayout
    environment: Mapping[str, str]
    programs: Path
    """The folder of the host's own programs, which replace those of the same name in the system's folders."""
    children: Children
    console: Console = field(default_factory=Console)
    background: set[asyncio.Task[None]] = field(default_factory=set)
    started: float = field(default_factory=time.monotonic)

    def find_program(self, name: str) -> str:
        """The file to execute for the first word of an Exec line."""
        folder, _, base = name.rpartition("/")
        own = self.programs / base
        if (folder in _SYSTEM_FOLDERS or not folder) and own.exists():
            return str(own)
        if folder:
            return name
        return shutil.which(name, path=self.environment.get("PATH", os.defpath)) or name

    def log(self, unit: str, text: str) -> None:
        """Write a line about a unit to its journal and the console."""
        self.console.say(f"{unit}: {text}")
        with contextlib.suppress(OSError), self.journal_of(unit).open("a") as journal:
            journal.write(f"{datetime.now(timezone.utc):%b %d %H:%M:%S} systemd[1]: {text}\n")

    def journal_of(self, unit: str) -> Path:
        self.layout.journal.mkdir(parents=True, exist_ok=True)
        return self.layout.journal / f"{unit}.log"

    def trim_journals(self) -> None:
        """Empty journals above the size limit; their contents are lost."""
        for journal in self.layout.journal.glob("*.log"):
            if journal.stat().st_size > JOURNAL_BYTES:
                os.truncate(journal, 0)
