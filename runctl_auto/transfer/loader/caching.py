"""Reads objects once and keeps them in files of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runctl_auto.transfer.loader.files import FileReader, FileWriter
from runctl_auto.transfer.loader.reading import Piece, Reader


class CachingReader:
    """Reads from ``folder`` what is there, and the rest from ``objects``, which it keeps there.

    Pieces of an object are kept by their place. A full disk ends the keeping, not the reading.
    """

    makes_client = True

    def __init__(self, objects: Reader, folder: str | Path) -> None:
        self._objects = objects
        self._kept = FileReader(folder)
        self._writer = FileWriter(folder)
        self._has_room = True

    def names(self) -> list[tuple[str, int]]:
        return self._objects.names()

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        names = [_name(each) for each in pieces]
        there = [number for number, name in enumerate(names) if (self._kept.folder / name).is_file()]
        missing = sorted(set(range(len(pieces))) - set(there))
        content: dict[int, bytes] = {}
        if there:
            kept = self._kept.read([Piece(names[number]) for number in there])
            content.update(zip(there, kept, strict=True))
        if missing:
            fetched = self._objects.read([pieces[number] for number in missing])
            content.update(zip(missing, fetched, strict=True))
            for number in missing:
                self._keep(names[number], content[number])
        return [content[number] for number in range(len(pieces))]

    def _keep(self, name: str, content: bytes) -> None:
        if not self._has_room:
            return
        try:
            self._writer.write(name, content)
        except OSError as error:
            self._has_room = False
            print(f"the cache is not filled any further: {error}")


def _name(piece: Piece) -> str:
    return piece.name if piece.size < 0 else f"{piece.name}.parts/{piece.start}-{piece.size}"
