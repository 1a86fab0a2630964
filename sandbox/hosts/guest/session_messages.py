"""The messages on a session's data channel: a header of 116 bytes, the payload's length, the payload.

As the Session Manager plugin reads and writes them (aws/session-manager-plugin, src/message): numbers are
big-endian, a message's id is written with its two halves exchanged, the digest is the payload's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
import uuid
from dataclasses import dataclass, field

INPUT = "input_stream_data"
OUTPUT = "output_stream_data"
ACKNOWLEDGE = "acknowledge"
CHANNEL_CLOSED = "channel_closed"
AGENT_STATE = "agent_session_state"

PAYLOAD_OUTPUT, PAYLOAD_ERROR, PAYLOAD_SIZE, PAYLOAD_PARAMETER = 1, 2, 3, 4
HANDSHAKE_REQUEST, HANDSHAKE_RESPONSE, HANDSHAKE_COMPLETE = 5, 6, 7
PAYLOAD_FLAG, PAYLOAD_STDERR, PAYLOAD_EXIT_CODE = 10, 11, 12
DISCONNECT_TO_PORT, TERMINATE_SESSION, CONNECT_TO_PORT_ERROR = 1, 2, 3

PAYLOAD_BYTES = 1024
"""Of a message of a stream."""
_HEADER = struct.Struct(">I32sIQqQ16s32sI")
_LENGTH = struct.Struct(">I")
_SYN_AND_FIN = 3


class NotAMessage(ValueError):
    """The bytes are no message of a data channel."""


@dataclass(frozen=True)
class Message:
    kind: str
    payload: bytes
    payload_type: int = 0
    sequence: int = 0
    flags: int = 0
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    def encoded(self) -> bytes:
        halves = self.id.bytes[8:] + self.id.bytes[:8]
        digest = hashlib.sha256(self.payload).digest()
        head = _HEADER.pack(
            _HEADER.size,
            self.kind.encode().ljust(32),
            1,
            int(time.time() * 1000),
            self.sequence,
            self.flags,
            halves,
            digest,
            self.payload_type,
        )
        return head + _LENGTH.pack(len(self.payload)) + self.payload

    @classmethod
    def decoded(cls, data: bytes) -> Message:
        """Raises NotAMessage."""
        if len(data) < _HEADER.size + _LENGTH.size:
            raise NotAMessage("too short")
        size, kind, _, _, sequence, flags, halves, digest, payload_type = _HEADER.unpack_from(data)
        if size < _HEADER.size or size + _LENGTH.size > len(data):
            raise NotAMessage(f"a header of {size} bytes")
        payload = data[size + _LENGTH.size :]
        if payload and hashlib.sha256(payload).digest() != digest:
            raise NotAMessage("the payload differs from its digest")
        name = kind.strip(b"\0 ").decode("ascii", "replace")
        return cls(name, payload, payload_type, sequence, flags, uuid.UUID(bytes=halves[8:] + halves[:8]))


def acknowledgement(of: Message) -> Message:
    content = {
        "AcknowledgedMessageType": of.kind,
        "AcknowledgedMessageId": str(of.id),
        "AcknowledgedMessageSequenceNumber": of.sequence,
        "IsSequentialMessage": True,
    }
    return Message(ACKNOWLEDGE, json.dumps(content).encode(), flags=_SYN_AND_FIN)


def channel_closed(session: str, target: str, output: str) -> Message:
    """What the service tells both ends at the end of a session."""
    identity = uuid.uuid4()
    content = {
        "MessageId": str(identity),
        "CreatedDate": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "DestinationId": target,
        "SessionId": session,
        "MessageType": CHANNEL_CLOSED,
        "SchemaVersion": 1,
        "Output": output,
    }
    return Message(CHANNEL_CLOSED, json.dumps(content).encode(), flags=_SYN_AND_FIN, id=identity)
