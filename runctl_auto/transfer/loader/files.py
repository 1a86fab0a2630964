"""Reads samples from files."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runctl_auto.transfer.loader.reading import Piece

FILES_AT_ONCE = 8
"""A disk in the network answers many requests at once faster than one after the other."""


class FileReader:
    """Reads the files below a folder."""

    makes_client = False

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._threads: ThreadPoolExecutor | None = None
        self._process = 0

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_threads": None, "_process": 0}

    def names(self) -> list[tuple[str, int]]:
        found = []
        for folder, _, files in os.walk(self.folder, followlinks=True):
            for name in files:
                path = Path(folder, name)
                found.append((path.relative_to(self.folder).as_posix(), path.stat().st_size))
        return sorted(found)

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        if self._threads is None or self._process != os.getpid():
            # Threads do not survive a fork.
            self._threads, self._process = ThreadPoolExecutor(FILES_AT_ONCE), os.getpid()
        return list(self._threads.map(self._read, pieces))

    def _read(self, piece: Piece) -> bytes:
        with (self.folder / piece.name).open("rb", buffering=0) as file:
            if piece.size < 0:
                return file.read()
            file.seek(piece.start)
            content = file.read(piece.size)
        if len(content) != piece.size:
            raise OSError(f"{piece.name} ends within the {piece.size} bytes from {piece.start}")
        return content


class FileWriter:
    """Writes files that another process may write at the same time: readers see whole files only."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def write(self, name: str, content: bytes) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.part")
        part.write_bytes(content)
        part.replace(target)
