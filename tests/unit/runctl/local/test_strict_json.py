"""Every parser accepts the JSON: no NaN, no infinity, no half of a surrogate pair, nothing for a terminal."""

from __future__ import annotations

import json
import math
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.local.strict_json import strict_json


def parsed(text: str) -> Any:
    """As strict parsers read it: Python's own accepts three words that are no JSON."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_are_none_are_null() -> None:
    metrics = {"loss": math.nan, "best": [math.inf, -math.inf, 0.5], "nested": {"a": (1, math.nan)}}
    assert parsed(strict_json(metrics)) == {
        "loss": None,
        "best": [None, None, 0.5],
        "nested": {"a": [1, None]},
    }


def test_keys_are_texts_without_escape_sequences() -> None:
    assert parsed(strict_json({math.nan: 1, 2: 3, True: 4, None: 5, "\x1b[31mloss": 6})) == {
        "nan": 1,
        "2": 3,
        "true": 4,
        "null": 5,
        "loss": 6,
    }


def test_texts_are_plain() -> None:
    assert parsed(strict_json({"note": "ü\x1b[31mred", "bar": "1%\r2%", "name": "caf\udce9"})) == {
        "note": "üred",
        "bar": "1%\r2%",
        "name": "caf\ufffd",
    }


def test_other_objects_become_their_text() -> None:
    assert parsed(strict_json({"folder": PurePosixPath("/a/b")}, indent=2)) == {"folder": "/a/b"}


@pytest.mark.parametrize("number", [0, -1, 2**70, 1e308, -0.0, 5e-324, True, False])
def test_numbers_are_as_they_were(number: object) -> None:
    assert parsed(strict_json([number])) == [number]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.floats(), inner),
    max_leaves=20,
)


@given(values)
def test_whatever_the_value_is_the_text_is_json(value: Any) -> None:
    text = strict_json(value)
    assert text.isascii()
    json.dumps(parsed(text), ensure_ascii=False).encode()  # no half of a surrogate pair is left
