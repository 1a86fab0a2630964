"""Reads scalars from TensorBoard's event files: records with checksums, each an ``Event`` of protobuf.

Fields as in TensorFlow's ``event.proto``, ``summary.proto`` and ``tensor.proto``:
Event {1: wall_time, double; 2: step; 5: Summary}, Summary {1: Value}, Value {1: tag; 2: simple_value, float;
8: Tensor}, Tensor {1: dtype; 4: content; 5: floats; 6: doubles}.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Tuple, Union  # noqa: UP035 (evaluated on Python 3.9)

from runctl_auto.agent.metrics.crc32c import crc32c, masked
from runctl_auto.agent.metrics.growing_file import opened
from runctl_auto.agent.metrics.record import Record, clean_name

EVENTS = "tfevents"
"""In the name of every event file."""
MOST_RECORD = 16 * 1024
"""A larger record is no scalar but a picture or a histogram: it is passed over."""
MOST_READ = 4 * 1024 * 1024
"""Bytes that are read at once."""
_HEADER = struct.Struct("<QI")
_SUM = struct.Struct("<I")
_FLOAT, _DOUBLE = 1, 2
_SETS = frozenset({"train", "training", "val", "valid", "validation", "eval", "test"})

Field = Tuple[int, Union[int, bytes]]  # noqa: UP006, UP007 (evaluated on Python 3.9)


class EventFile:
    """One event file. ``is_broken``: its records cannot be found any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self.is_broken = False
        parent = path.parent.name.lower()
        self._prefix = f"{path.parent.name}/" if parent in _SETS else ""

    def records(self) -> Iterator[Record]:
        """The scalars since the last call, as far as they are written."""
        if self.is_broken:
            return
        try:
            with opened(self._path) as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._position:
                    self._position = 0
                end = min(size, self._position + MOST_READ)
                while self._position < end:
                    content = self._next(file, size)
                    if content is None:
                        return
                    yield from scalars(content, self._prefix)
        except OSError:
            return

    def _next(self, file: BinaryIO, size: int) -> bytes | None:
        """The next record; empty for one that does not count, None when there is none (yet)."""
        file.seek(self._position)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        length, found = _HEADER.unpack(header)
        if masked(crc32c(header[:8])) != found:
            self.is_broken = True
            return None
        after = self._position + _HEADER.size + length + _SUM.size
        if after > size:
            return None
        self._position = after
        if length > MOST_RECORD:
            return b""
        content = file.read(length)
        (wanted,) = _SUM.unpack(file.read(_SUM.size))
        return content if masked(crc32c(content)) == wanted else b""


def scalars(event: bytes, prefix: str = "") -> Iterator[Record]:
    """The scalars of an ``Event``, a record a step; nothing where it is none."""
    step, at = 0, None
    values: dict[str, float] = {}
    try:
        for number, value in _fields(event):
            if number == 1 and isinstance(value, bytes) and len(value) == 8:
                (at,) = struct.unpack("<d", value)
            elif number == 2 and isinstance(value, int):
                step = value
            elif number == 5 and isinstance(value, bytes):
                values.update(_summary(value, prefix))
    except (ValueError, struct.error):
        return
    if values and 0 <= step < 2**53:
        told = at if at is not None and 1e9 < at < 1e10 else None
        yield Record(values, counter=float(step), at=told, absolute=True)


def _summary(summary: bytes, prefix: str) -> Iterator[tuple[str, float]]:
    for number, value in _fields(summary):
        if number == 1 and isinstance(value, bytes):
            name, scalar = "", None
            for inner, content in _fields(value):
                if inner == 1 and isinstance(content, bytes):
                    name = clean_name(prefix + content.decode("utf-8", "replace"))
                elif inner == 2 and isinstance(content, bytes) and len(content) == 4:
                    (scalar,) = struct.unpack("<f", content)
                elif inner == 8 and isinstance(content, bytes):
                    scalar = _tensor(content)
            if name and scalar is not None:
                yield name, scalar


def _tensor(tensor: bytes) -> float | None:
    """The number that a tensor is; None for one of another type, or of more numbers."""
    kind, numbers = 0, b""
    for number, value in _fields(tensor):
        if number == 1 and isinstance(value, int):
            kind = value
        elif number in (4, 5, 6) and isinstance(value, bytes):
            numbers = value
    form = {_FLOAT: "<f", _DOUBLE: "<d"}.get(kind)
    if form is None or len(numbers) != struct.calcsize(form):
        return None
    found: float = struct.unpack(form, numbers)[0]
    return found


def _fields(message: bytes) -> Iterator[Field]:
    """The fields of a message: numbers of variable length as such, all others as bytes. Raises ValueError."""
    at = 0
    while at < len(message):
        key, at = _variable(message, at)
        kind, number = key & 7, key >> 3
        if kind == 0:
            value, at = _variable(message, at)
            yield number, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length, at = _variable(message, at)
        if length is None or at + length > len(message):
            raise ValueError("it is no message")
        yield number, message[at : at + length]
        at += length


def _variable(message: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    found = 0
    for count in range(10):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        found |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return found, at
    raise ValueError("it is no number")
