"""Times as Pulumi writes them."""

import pytest

from sandbox.engine.times import time_text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_795_363_789_000_000_001, "2026-11-22T16:09:49.000000001Z"),
        (1_795_363_789_120_000_000, "2026-11-22T16:09:49.12Z"),
        (1_795_363_790_000_000_000, "2026-11-22T16:09:50Z"),
    ],
)
def test_fractions_have_no_zeros_at_their_end(nanoseconds: int, text: str) -> None:
    assert time_text(nanoseconds) == text
