"""The messages on a data channel: a header of 116 bytes, the length of the payload, the payload.

Field order, names and numbers are those of aws/session-manager-plugin (src/message): numbers are big-endian,
a message's id is written with its two halves exchanged, the digest is the payload's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
import uuid
from dataclasses import dataclass, field
from typing import Final

INPUT: Final = "input_stream_data"
OUTPUT: Final = "output_stream_data"
ACKNOWLEDGE: Final = "acknowledge"
CHANNEL_CLOSED: Final = "channel_closed"


class Payload:
    """What a message of a stream carries."""

    OUTPUT: Final = 1
    ERROR: Final = 2
    SIZE: Final = 3
    HANDSHAKE_REQUEST: Final = 5
    HANDSHAKE_RESPONSE: Final = 6
    HANDSHAKE_COMPLETE: Final = 7
    ENCRYPTION_CHALLENGE: Final = 8
    FLAG: Final = 10
    STDERR: Final = 11
    EXIT_CODE: Final = 12


class Flag:
    """The content of a payload ``FLAG``."""

    TERMINATE_SESSION: Final = 2
    CONNECT_TO_PORT_ERROR: Final = 3


PAYLOAD_BYTES: Final = 1024
"""Of a message of a stream, in both directions."""
MOST_BYTES: Final = 1 << 20
_HEADER = struct.Struct(">I32sIQqQ16s32sI")
_LENGTH = struct.Struct(">I")
_ALONE = 3
"""The flags of a message that is a stream of its own."""


class NotAMessage(ValueError):
    """Bytes that are no message of a data channel."""


@dataclass(frozen=True)
class Message:
    """``sequence`` counts the messages of a stream from 0."""

    kind: str
    payload: bytes
    payload_type: int = 0
    sequence: int = 0
    flags: int = 0
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    def encoded(self) -> bytes:
        head = _HEADER.pack(
            _HEADER.size,
            self.kind.encode("ascii").ljust(32),
            1,
            int(time.time() * 1000),
            self.sequence,
            self.flags,
            self.id.bytes[8:] + self.id.bytes[:8],
            hashlib.sha256(self.payload).digest(),
            self.payload_type,
        )
        return head + _LENGTH.pack(len(self.payload)) + self.payload


def decoded(data: bytes) -> Message:
    """Raises ``NotAMessage``. A header may be longer than the one known here."""
    if not _HEADER.size + _LENGTH.size <= len(data) <= MOST_BYTES:
        raise NotAMessage(f"{len(data)} bytes are no message")
    size, kind, _, _, sequence, flags, halves, digest, payload_type = _HEADER.unpack_from(data)
    if not _HEADER.size <= size <= len(data) - _LENGTH.size:
        raise NotAMessage(f"a header cannot have {size} bytes")
    payload = data[size + _LENGTH.size :]
    if payload and hashlib.sha256(payload).digest() != digest:
        raise NotAMessage("the payload is not what its digest says")
    name = kind.strip(b"\0 ").decode("ascii", "replace")
    return Message(name, payload, payload_type, sequence, flags, uuid.UUID(bytes=halves[8:] + halves[:8]))


def acknowledgement(of: Message) -> Message:
    """What the receiver of a message of a stream sends back."""
    content = {
        "AcknowledgedMessageType": of.kind,
        "AcknowledgedMessageId": str(of.id),
        "AcknowledgedMessageSequenceNumber": of.sequence,
        "IsSequentialMessage": True,
    }
    return Message(ACKNOWLEDGE, json.dumps(content).encode(), flags=_ALONE)


def acknowledged_sequence(message: Message) -> int:
    """Raises ``NotAMessage``."""
    try:
        return int(json.loads(message.payload)["AcknowledgedMessageSequenceNumber"])
    except (ValueError, KeyError, TypeError) as error:
        raise NotAMessage(f"no acknowledgement: {error!r}") from error


def why_closed(message: Message) -> str:
    """The reason in a message ``CHANNEL_CLOSED``; empty without one."""
    try:
        return str(json.loads(message.payload).get("Output") or "")
    except (ValueError, AttributeError):
        return ""
