"""Bytes and values that a machine may have written: what is possible is read, all else is refused."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.agent.untrusted import (
    Elements,
    Fields,
    UnreadableError,
    matching,
    moment,
    number,
    plain_path,
    read_members,
    read_object,
    text,
    whole,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100)
@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_bytes_are_an_object_or_unreadable_for_both_readers(content: bytes) -> None:
    try:
        whole_object = read_object(content, 10_000).members
    except UnreadableError:
        return
    members = {}
    for name, value in read_members(content, 10_000):
        listed = list(value) if isinstance(value, Elements) else value
        members[name] = dict(listed) if isinstance(whole_object[name], dict) else listed
    assert members == whole_object


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"a"',
        b"{",
        b"{}x",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 12 + b"]" * 12 + b"}",
        b"[" * 100_000,
        '{"a": "ä"}'.encode(),
        b'{"a": "' + b"x" * 1000 + b'"}',
    ],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_no_object_of_allowed_size_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_object(content, 1000)
    with pytest.raises(UnreadableError):
        [list(value) for _, value in read_members(content, 1000) if isinstance(value, Elements)]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00.25Z", "2026-01-31T12:00:00.250Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123Z"),
        ("2026-01-31T00:30:00+01:00", "2026-01-30T23:30:00Z"),
        ("2026-01-31T23:30:00-01:00", "2026-02-01T00:30:00Z"),
    ],
)
def test_times_are_told_in_utc(written: str, read: str) -> None:
    assert moment(written) == read
    assert datetime.fromisoformat(read.replace("Z", "+00:00")).tzinfo == timezone.utc


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:00+24:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "1970-01-01T00:00:00+23:59",
        "2999-12-31T23:59:00-23:59",
        "٢٠٢٦-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z\n",
        "",
        0,
        None,
    ],
)
def test_a_time_without_a_zone_or_that_is_none_is_unreadable(wrong: object) -> None:
    with pytest.raises(UnreadableError, match="RFC 3339"):
        moment(wrong)


@pytest.mark.parametrize("wrong", [True, -1, 11, 1.0, "1", None, [], 10**400])
def test_a_number_of_another_type_or_range_is_unreadable(wrong: object) -> None:
    with pytest.raises(UnreadableError):
        whole(0, 10)(wrong)
    if wrong != 1.0 or wrong is True:
        with pytest.raises(UnreadableError):
            number(0, 10)(wrong)


def test_texts_are_cut_and_can_be_encoded() -> None:
    assert text(10)("x" * 11) == "xxxxxxx..."
    assert text(10)("a\ud800") == "a\\ud800"
    with pytest.raises(UnreadableError):
        text(10)(7)
    with pytest.raises(UnreadableError):
        matching(r"[0-9]{2}")("12\n")


@pytest.mark.parametrize(
    "wrong", ["", ".", "..", "/a", "a/", "a//b", "a/../b", "a\0", "\ud800", "x" * 256, 7]
)
def test_a_path_that_leads_elsewhere_or_no_file_system_holds_is_unreadable(wrong: object) -> None:
    with pytest.raises(UnreadableError):
        plain_path(wrong)


def test_an_error_names_the_member_and_is_short() -> None:
    fields = Fields({"a": {"b": "x" * 9999}, "c": ["y"] * 9999})
    with pytest.raises(UnreadableError, match=r"^a: an object is not a whole number") as raised:
        fields.needed("a", whole())
    assert len(str(raised.value)) < 200
    with pytest.raises(UnreadableError, match="c has 9999 entries, and at most 5"):
        fields.each("c", text(5), 5)
    with pytest.raises(UnreadableError, match=r"^c: a list is not an object"):
        fields.pairs("c", text(5), text(5), 5)
    with pytest.raises(UnreadableError, match="d is missing"):
        fields.needed("d", text(5))
