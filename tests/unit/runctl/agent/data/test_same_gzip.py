"""Compression that every machine makes alike, and that gzip reads."""

from __future__ import annotations

import gzip
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.agent.data.same_gzip import same_gzip

PARTS = st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 200)), max_size=5)


@given(PARTS)
def test_gzip_reads_it(parts: list[tuple[bytes, int]]) -> None:
    data = b"".join(part * times for part, times in parts)
    assert gzip.decompress(same_gzip(data)) == data


def test_long_repetitions_and_far_ones_are_read_too() -> None:
    far = bytes(range(256)) * 2
    for data in (bytes(70_000), far + bytes(32_700) + far, far + b"x" * 33_000 + far):
        assert gzip.decompress(same_gzip(data)) == data


def test_a_text_becomes_smaller() -> None:
    text = "".join(f"def f{number}(value):\n    return value + {number}\n" for number in range(300)).encode()
    assert len(same_gzip(text)) < len(text) / 3


def test_its_bytes_never_change() -> None:
    """Other bytes are other user data, which replaces the machine."""
    digest = hashlib.sha256(same_gzip(b"the same text, the same bytes, " * 40)).hexdigest()
    assert digest == "ebc7b656ec5ecef02b8e2f2d56d5b5e7ba3a085300c0c920b9fca06dba2736ff"
