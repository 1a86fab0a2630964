"""Writes TensorBoard's event files, by the formats of TFRecord and protobuf."""

from __future__ import annotations

import struct

_TABLE = []
for _byte in range(256):
    _crc = _byte
    for _ in range(8):
        _crc = (_crc >> 1) ^ 0x82F63B78 if _crc & 1 else _crc >> 1
    _TABLE.append(_crc)


def checksum(data: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + checksum(length) + content + checksum(content)


def variable(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def part(number: int, content: bytes) -> bytes:
    """A field of bytes."""
    return variable(number << 3 | 2) + variable(len(content)) + content


def scalar(tag: str, value: float) -> bytes:
    """As torch's SummaryWriter and Lightning write it."""
    return part(1, part(1, tag.encode()) + variable(2 << 3 | 5) + struct.pack("<f", value))


def tensor(tag: str, value: float) -> bytes:
    """As TensorFlow 2 and Keras write it."""
    content = variable(1 << 3) + variable(1) + part(2, b"") + part(4, struct.pack("<f", value))
    return part(1, part(1, tag.encode()) + part(9, part(1, part(1, b"scalars"))) + part(8, content))


def event(step: int, *values: bytes, at: float = 1_790_000_000.0) -> bytes:
    return (
        variable(1 << 3 | 1)
        + struct.pack("<d", at)
        + variable(2 << 3)
        + variable(step)
        + part(5, b"".join(values))
    )


def version() -> bytes:
    """The event that every file begins with."""
    return variable(1 << 3 | 1) + struct.pack("<d", 1_790_000_000.0) + part(3, b"brain.Event:2")
