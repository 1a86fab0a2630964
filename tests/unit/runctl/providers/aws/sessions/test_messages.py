"""Messages of a data channel: what is written is read, here and by the sandbox, and nothing else is."""

from __future__ import annotations

import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.providers.aws.sessions import messages
from runctl_auto.providers.aws.sessions.messages import INPUT, Message, NotAMessage, decoded
from sandbox.hosts.guest import session_messages as of_sandbox

MESSAGES = st.builds(
    Message,
    st.sampled_from([messages.INPUT, messages.OUTPUT, messages.ACKNOWLEDGE, messages.CHANNEL_CLOSED]),
    st.binary(max_size=1500),
    st.integers(0, 12),
    st.integers(0, 2**62),
    st.integers(0, 3),
    st.uuids(),
)


@given(MESSAGES)
def test_what_is_written_is_read(message: Message) -> None:
    assert decoded(message.encoded()) == message


@given(MESSAGES)
def test_the_sandbox_reads_and_writes_the_same(message: Message) -> None:
    read = of_sandbox.Message.decoded(message.encoded())
    assert (read.kind, read.payload, read.payload_type, read.sequence, read.id) == (
        message.kind,
        message.payload,
        message.payload_type,
        message.sequence,
        message.id,
    )
    assert decoded(read.encoded()) == message


def test_the_header_is_that_of_the_plugin() -> None:
    identity = uuid.UUID("00010203-0405-0607-0809-0a0b0c0d0e0f")
    data = Message(INPUT, b"ls\r", 1, 7, 0, identity).encoded()
    assert struct.unpack(">I", data[:4]) == (116,)
    assert data[4:36] == b"input_stream_data".ljust(32)
    assert struct.unpack(">I", data[36:40]) == (1,)
    assert struct.unpack(">q", data[48:56]) == (7,)
    assert data[64:80] == bytes(range(8, 16)) + bytes(range(8)), "the halves of the id are exchanged"
    assert struct.unpack(">II", data[112:120]) == (1, 3)
    assert data[120:] == b"ls\r"


@given(st.binary(max_size=300))
def test_other_bytes_are_no_message(data: bytes) -> None:
    with pytest.raises(NotAMessage):
        decoded(data)


def test_a_payload_that_is_not_what_its_digest_says_is_refused() -> None:
    data = bytearray(Message(INPUT, b"rm x").encoded())
    data[-1] ^= 1
    with pytest.raises(NotAMessage, match="digest"):
        decoded(bytes(data))


def test_an_acknowledgement_names_what_it_acknowledges() -> None:
    message = Message(messages.OUTPUT, b"x", 1, 41)
    answer = decoded(messages.acknowledgement(message).encoded())
    assert (answer.kind, messages.acknowledged_sequence(answer)) == ("acknowledge", 41)
    with pytest.raises(NotAMessage):
        messages.acknowledged_sequence(Message(messages.ACKNOWLEDGE, b"[]"))


def test_the_reason_of_an_end_is_read() -> None:
    told = of_sandbox.channel_closed("s", "i-1", "idle for too long").encoded()
    assert messages.why_closed(decoded(told)) == "idle for too long"
    assert messages.why_closed(Message(messages.CHANNEL_CLOSED, b"no json")) == ""
