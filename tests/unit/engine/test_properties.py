"""Property values in checkpoints and on the wire."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.engine.deploy.wire import Receive, Send, from_struct, to_struct
from sandbox.engine.properties import (
    COMPUTED,
    SECRET_SIGNATURE,
    SIGNATURE,
    Archive,
    Asset,
    Output,
    PropertyError,
    ResourceReference,
    Secret,
    contains_secrets,
    contains_unknowns,
    from_json,
    plain,
    same,
    to_json,
    without_outputs,
)

texts = st.text(max_size=12).filter(lambda text: text != SIGNATURE)
numbers = st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False, width=32)
hashes = st.text("0123456789abcdef", min_size=4, max_size=8)
paths = st.text(min_size=1, max_size=8)
assets = st.builds(Asset, text=st.text(min_size=1, max_size=8), hash=hashes) | st.builds(
    Asset, path=paths, hash=hashes
)
leaves = (
    st.none()
    | st.booleans()
    | numbers
    | texts
    | assets
    | st.builds(Archive, path=paths, hash=hashes)
    | st.builds(Archive, assets=st.dictionaries(paths, assets, max_size=2), hash=hashes)
    | st.builds(ResourceReference, st.just("urn:pulumi:s::p::t::n"), st.none() | paths, st.just("1.0"))
    | st.just(COMPUTED)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(texts, values | st.builds(Secret, values), max_size=4)


def seal(plaintext: str) -> str:
    return f"sealed:{plaintext}"


def unseal(ciphertext: str) -> str:
    assert ciphertext.startswith("sealed:")
    return ciphertext.removeprefix("sealed:")


@settings(max_examples=200, deadline=None)
@given(maps)
def test_values_survive_a_checkpoint(value: dict[str, object]) -> None:
    assert same(from_json(json.loads(json.dumps(to_json(value, seal))), unseal), value)


@settings(max_examples=200, deadline=None)
@given(maps)
def test_values_survive_the_wire(value: dict[str, object]) -> None:
    assert same(from_struct(to_struct(value, Send())), value)


@settings(max_examples=100, deadline=None)
@given(maps)
def test_plain_values_reach_providers_that_know_no_marks(value: dict[str, object]) -> None:
    received = from_struct(to_struct(value, Send(secrets=False)))
    assert not contains_secrets(received)
    assert same(received, plain(value))


@settings(max_examples=100, deadline=None)
@given(maps)
def test_secrets_are_never_in_the_clear_in_what_is_shown(value: dict[str, object]) -> None:
    shown = to_json({"hidden": Secret("precious"), "rest": value}, seal, redact=True)
    assert shown["hidden"] == {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "[secret]"}


def test_whole_numbers_are_written_without_a_fraction() -> None:
    assert json.dumps(to_json([1.0, 2.5, 3], seal)) == "[1, 2.5, 3]"
    assert from_struct(to_struct({"n": 3}, Send())) == {"n": 3}
    assert isinstance(from_struct(to_struct({"n": 3}, Send()))["n"], int)


@pytest.mark.parametrize("number", [math.inf, -math.inf])
def test_infinite_numbers_survive_a_checkpoint(number: float) -> None:
    assert from_json(to_json(number, seal), unseal) == number


def test_a_number_that_is_none_survives_a_checkpoint() -> None:
    assert math.isnan(from_json(to_json(math.nan, seal), unseal))


def test_bytes_that_are_no_text_survive_checkpoint_and_wire() -> None:
    text = b"\xff\xfe".decode(errors="surrogateescape")
    assert from_json(to_json(text, seal), unseal) == text
    assert from_struct(to_struct({"t": text}, Send(byte_strings=True))) == {"t": text}
    with pytest.raises(PropertyError, match="not UTF-8"):
        to_struct({"t": text}, Send())


def test_an_unchanged_secret_keeps_its_ciphertext_and_needs_no_key() -> None:
    read = from_json({SIGNATURE: SECRET_SIGNATURE, "ciphertext": 'sealed:"x"'}, unseal)

    def no_key(plaintext: str) -> str:
        raise AssertionError("encrypted again")

    assert to_json(read, no_key) == {SIGNATURE: SECRET_SIGNATURE, "ciphertext": 'sealed:"x"'}


def test_secrets_are_shown_only_when_asked() -> None:
    shown = to_json(Secret({"a": 1}), seal, show_secrets=True)
    assert shown == {SIGNATURE: SECRET_SIGNATURE, "plaintext": '{"a":1}'}


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (True, 1, False),
        (0, False, False),
        (1, 1.0, True),
        ({"a": [1, True]}, {"a": [1, 1]}, False),
        (Secret(1), 1, False),
        (Secret(True), Secret(1), False),
        (Asset(path="a", hash="h"), Asset(path="b", hash="h"), True),
        (Asset(path="a", hash="h"), Asset(path="a", hash="i"), False),
        (Asset(hash="h"), Archive(hash="h"), False),
    ],
)
def test_equality(left: object, right: object, equal: bool) -> None:
    assert same(left, right) is equal


@pytest.mark.parametrize(
    "data",
    [
        {SIGNATURE: SECRET_SIGNATURE},
        {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "a", "plaintext": "b"},
        {SIGNATURE: "nobody knows"},
        {SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e"},
    ],
)
def test_malformed_values_are_refused(data: dict[str, str]) -> None:
    with pytest.raises(PropertyError):
        from_json(data, unseal)


def test_output_values_become_secrets_and_unknowns() -> None:
    assert without_outputs({"a": Output(1, known=True, secret=True), "b": [Output()]}) == {
        "a": Secret(1),
        "b": [COMPUTED],
    }


def test_programs_output_values_carry_dependencies() -> None:
    sent = to_struct({"a": Output(1, True, False, ("urn:x",))}, Send(outputs=True))
    assert from_struct(sent, Receive(outputs=True)) == {"a": Output(1, True, False, ("urn:x",))}
    assert from_struct(sent) == {"a": 1}


def test_unknowns_are_found_refused_or_left_out() -> None:
    value = {"a": [COMPUTED], "b": 1}
    assert contains_unknowns(value)
    with pytest.raises(PropertyError, match="unknown"):
        from_struct(to_struct(value, Send()), Receive(reject_unknowns=True))
    assert from_struct(to_struct(value, Send(unknowns=False))) == {"a": [], "b": 1}


def test_contents_of_assets_are_left_out_where_the_hash_does() -> None:
    sent = to_struct({"a": Asset(text="long", hash="h")}, Send(asset_contents=False))
    assert from_struct(sent) == {"a": Asset(hash="h")}
