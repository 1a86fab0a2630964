"""JSON to the byte as Pulumi writes it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.engine.json_text import compact, indented


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e-4, "0.0001"),
        (1e-5, "0.00001"),
        (-2.5e-6, "-0.0000025"),
        (1e-7, "1e-7"),
        (-1.25e-9, "-1.25e-9"),
        (1e-10, "1e-10"),
        (1e22, "1e+22"),
        (0.1, "0.1"),
    ],
)
def test_numbers(number: float, text: str) -> None:
    assert compact({"n": number, "s": '1e-05 " 1e-07'}) == f'{{"n":{text},"s":"1e-05 \\" 1e-07"}}'


def test_line_separators_are_always_escaped_and_signs_of_pages_on_demand() -> None:
    assert compact("<é>&\u2028\u2029\x7f\x01") == '"<é>&\\u2028\\u2029\x7f\\u0001"'
    assert compact("<é>&", html=True) == '"\\u003cé\\u003e\\u0026"'
    assert indented({"a": ["<"]}, html=True) == '{\n  "a": [\n    "\\u003c"\n  ]\n}'


_VALUES = st.recursive(
    st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(_VALUES, st.booleans())
@settings(max_examples=60)
def test_what_is_written_is_read_back(value: object, html: bool) -> None:
    assert json.loads(compact(value, html=html)) == value
