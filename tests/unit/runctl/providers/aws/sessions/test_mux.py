"""Frames of many connections in one stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.providers.aws.sessions.mux import FIN, PSH, SYN, BrokenStream, Frames, frame

FRAMES = st.lists(
    st.tuples(st.sampled_from([SYN, FIN, PSH]), st.integers(0, 2**32 - 1), st.binary(max_size=300))
)


@given(FRAMES, st.integers(1, 64))
def test_frames_are_found_however_the_stream_is_cut(wanted: list[tuple[int, int, bytes]], size: int) -> None:
    stream = b"".join(frame(command, number, data) for command, number, data in wanted)
    frames = Frames()
    found = [
        each for begin in range(0, len(stream), size) for each in frames.take(stream[begin : begin + size])
    ]
    assert found == wanted


def test_a_frame_is_that_of_smux() -> None:
    assert frame(PSH, 3, b"ab") == b"\x01\x02\x02\x00\x03\x00\x00\x00ab"


@pytest.mark.parametrize("head", [b"\x02\x00\x00\x00\x01\x00\x00\x00", b"\x01\x09\x00\x00\x01\x00\x00\x00"])
def test_another_protocol_is_refused(head: bytes) -> None:
    with pytest.raises(BrokenStream):
        Frames().take(head)
