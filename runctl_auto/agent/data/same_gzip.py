"""Gzip that is byte-identical wherever it is made: compressors differ between machines, this one does not.

The format is RFC 1951 and 1952, with one block of fixed Huffman codes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_SHORTEST, _LONGEST = 3, 258
_WINDOW = 32 * 1024
_TRIED = 8
"""How many earlier places with the same three bytes are compared."""
_END_OF_BLOCK = 256
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"


def same_gzip(data: bytes) -> bytes:
    """``data`` compressed, about half as well as by gzip, for texts of some kilobytes."""
    bits = _Bits()
    bits.add(0b011, 3)  # the last block, with fixed codes
    for length, distance in _steps(data):
        if distance == 0:
            bits.add_code(length)
        else:
            _add_match(bits, length, distance)
    bits.add_code(_END_OF_BLOCK)
    return _HEAD + bits.whole() + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


class _Bits:
    """Bits in the order of the format: from the lowest of each byte."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._held = 0
        self._count = 0

    def add(self, value: int, width: int) -> None:
        self._held |= value << self._count
        self._count += width
        while self._count >= 8:
            self._bytes.append(self._held & 0xFF)
            self._held >>= 8
            self._count -= 8

    def add_code(self, symbol: int) -> None:
        """A literal, the end of the block or the symbol of a length."""
        if symbol < 144:
            self._add_reversed(0x30 + symbol, 8)
        elif symbol < 256:
            self._add_reversed(0x190 + symbol - 144, 9)
        elif symbol < 280:
            self._add_reversed(symbol - 256, 7)
        else:
            self._add_reversed(0xC0 + symbol - 280, 8)

    def add_distance(self, symbol: int) -> None:
        self._add_reversed(symbol, 5)

    def whole(self) -> bytes:
        return bytes(self._bytes) + (bytes([self._held]) if self._count else b"")

    def _add_reversed(self, code: int, width: int) -> None:
        """Codes go from their highest bit, unlike all other numbers."""
        self.add(int(f"{code:0{width}b}"[::-1], 2), width)


def _steps(data: bytes) -> Iterator[tuple[int, int]]:
    """What the data consists of: a byte and 0, or the length of a repetition and its distance."""
    places: dict[bytes, list[int]] = {}
    at = 0
    while at < len(data):
        length, distance = _longest(data, at, places)
        if length < _SHORTEST:
            length, step = 1, (data[at], 0)
        else:
            step = (length, distance)
        yield step
        for place in range(at, at + length):
            places.setdefault(data[place : place + _SHORTEST], []).append(place)
        at += length


def _longest(data: bytes, at: int, places: dict[bytes, list[int]]) -> tuple[int, int]:
    best, distance = 0, 0
    for place in reversed(places.get(data[at : at + _SHORTEST], ())[-_TRIED:]):
        if at - place > _WINDOW:
            break
        length = _common(data, place, at)
        if length > best:
            best, distance = length, at - place
    return best, distance


def _common(data: bytes, earlier: int, later: int) -> int:
    most = min(_LONGEST, len(data) - later)
    length = 0
    while length < most and data[earlier + length] == data[later + length]:
        length += 1
    return length


def _add_match(bits: _Bits, length: int, distance: int) -> None:
    symbol, extra, value = _length_code(length)
    bits.add_code(symbol)
    bits.add(value, extra)
    symbol, extra, value = _distance_code(distance)
    bits.add_distance(symbol)
    bits.add(value, extra)


def _length_code(length: int) -> tuple[int, int, int]:
    """Symbol, number of further bits and their value."""
    if length == _LONGEST:
        return 285, 0, 0
    offset = length - _SHORTEST
    extra = max(0, offset.bit_length() - 3)
    return 257 + (extra << 2) + (offset >> extra), extra, offset & ((1 << extra) - 1)


def _distance_code(distance: int) -> tuple[int, int, int]:
    offset = distance - 1
    extra = max(0, offset.bit_length() - 2)
    return (extra << 1) + (offset >> extra), extra, offset & ((1 << extra) - 1)
