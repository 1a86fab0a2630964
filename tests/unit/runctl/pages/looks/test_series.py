"""Series that are drawn."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.pages.looks.series import MOST_POINTS, thinned


def test_a_peak_stays() -> None:
    points = [(float(x), 0.0) for x in range(10_000)]
    points[4321] = (4321.0, 9.0)
    found = thinned(points)
    assert (4321.0, 9.0) in found
    assert found[0] == points[0]
    assert found[-1] == points[-1]


@given(st.lists(st.floats(), max_size=3000))
def test_not_too_many_in_order_and_finite(values: list[float]) -> None:
    found = thinned(list(enumerate(values)))
    assert len(found) <= MOST_POINTS + 1
    assert [x for x, _ in found] == sorted(x for x, _ in found)
    assert all(math.isfinite(y) for _, y in found)
