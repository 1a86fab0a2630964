"""Which values are labelled."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.pages.drawing.scale import Scale, ticks, value_text


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (0.0, 1.0, (0.0, 0.5, 1.0)),
        (0.18, 2.5, (0.0, 1.0, 2.0, 3.0)),
        (0.0, 100.0, (0.0, 50.0, 100.0)),
        (5.0, 5.0, (4.5, 5.0, 5.5)),
        (0.0, 0.0, (0.0, 0.5, 1.0)),
    ],
)
def test_round_values(low: float, high: float, found: tuple[float, ...]) -> None:
    assert ticks(low, high) == pytest.approx(found)


@given(st.floats(-1e200, 1e200), st.floats(-1e200, 1e200))
def test_they_enclose_what_is_drawn_and_are_few(first: float, second: float) -> None:
    low, high = sorted((first, second))
    found = ticks(low, high)
    assert 2 <= len(found) <= 21
    assert list(found) == sorted(found)
    slack = 1e-6 * max(abs(low), abs(high))
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert all(math.isfinite(each) for each in found)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.floats(0, 1))
def test_what_is_between_lies_between(first: float, second: float, share: float) -> None:
    low, high = sorted((first, second))
    value = low + share * (high - low)
    assert -1e-6 <= Scale(low, high, 100).place(value) <= 100 + 1e-6
    assert -1e-6 <= Scale(low, high, -100).place(value) <= 100 + 1e-6


def test_upside_down() -> None:
    assert (Scale(0, 2, -100).place(2), Scale(0, 2, -100).place(0)) == (0, 100)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.25, "0.25"), (1200.0, "1,200"), (3.2e-05, "3.2e-05"), (-4e9, "-4e+09"), (99.95, "99.95")],
)
def test_texts(value: float, text: str) -> None:
    assert value_text(value) == text
