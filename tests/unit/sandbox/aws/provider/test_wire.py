"""Property values survive the wire."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.aws.provider.wire import (
    UNKNOWN,
    Archive,
    Asset,
    Secret,
    decode,
    encode,
    holds_secret,
    holds_unknown,
    reveal,
)

LEAVES = st.one_of(
    st.text(),
    st.booleans(),
    st.integers(-(2**50), 2**50),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
    st.just(UNKNOWN),
    st.builds(Asset, st.text(), text=st.text()),
    st.builds(Archive, st.text(), path=st.text(min_size=1)),
)
KEYS = st.text().filter(lambda key: key != "4dabf18193072939515e22adb298388d")
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(Secret, inner),
        st.builds(
            Archive, st.text(), assets=st.dictionaries(KEYS, st.builds(Asset, st.text(), text=st.text()))
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_sent_is_what_arrives(properties: dict[str, Any]) -> None:
    assert decode(encode(properties)) == properties


def test_absent_values_are_not_sent() -> None:
    assert decode(encode({"a": None, "b": {"c": None}})) == {"b": {}}


def test_outputs_are_their_values() -> None:
    signature = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
    sent = encode(
        {"a": {**signature, "value": 1}, "b": {**signature, "value": 1, "secret": True}, "c": signature}
    )
    assert decode(sent) == {"a": 1, "b": Secret(1), "c": UNKNOWN}


def test_references_are_ids() -> None:
    signature = {"4dabf18193072939515e22adb298388d": "5cf8f73096256a8f31e491e813e4eb8e"}
    assert decode(encode({"a": {**signature, "urn": "u", "id": "i"}, "b": {**signature, "urn": "u"}})) == {
        "a": "i",
        "b": "u",
    }


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown signature"):
        decode(encode({"a": {"4dabf18193072939515e22adb298388d": "new"}}))
    with pytest.raises(TypeError, match="object is not a property value"):
        encode({"a": object()})


def test_secrets_and_unknowns_are_found_at_any_depth() -> None:
    value = {"a": [Secret({"b": UNKNOWN})]}
    assert holds_secret(value)
    assert holds_unknown(value)
    assert not holds_secret({"a": [1]})
    assert not holds_unknown(reveal({"a": Secret(1)}))
    assert reveal(value) == {"a": [{"b": UNKNOWN}]}
