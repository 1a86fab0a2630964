"""Sizes, durations, prices, ranges: what people write and what it means."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.job_file.quantities import (
    parse_count,
    parse_duration_seconds,
    parse_price,
    parse_size_gb,
    split_range,
)


@pytest.mark.parametrize(
    ("written", "gigabytes"),
    [("100GB", 100), ("2TB", 2048), ("1 GiB", 1), ("5g", 5), ("3t", 3072), (7, 7), (" 8 gib ", 8)],
)
def test_sizes(written: object, gigabytes: int) -> None:
    assert parse_size_gb(written) == gigabytes


@pytest.mark.parametrize(
    "written",
    [
        "",
        "GB",
        "100",
        "1.5GB",
        "100MB",
        "-1GB",
        "99999GB",
        "999999TB",
        "0GB",
        0,
        -1,
        True,
        None,
        1.5,
        ["1GB"],
        "1GB2GB",
    ],
)
def test_no_sizes(written: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_size_gb(written)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90s", 90), ("12h", 43_200), ("1h30m", 5_400), ("2d", 172_800), ("1d 2h", 93_600), (60, 60)],
)
def test_durations(written: object, seconds: int) -> None:
    assert parse_duration_seconds(written) == seconds


@pytest.mark.parametrize(
    "written",
    ["", " ", "12", "h", "-1h", "0s", 0, True, None, 1.5, "1m1h", "12:30", "1w", "367d", 10**9, "9" * 5000],
)
def test_no_durations(written: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration_seconds(written)


@settings(max_examples=60)
@given(st.integers(min_value=1, max_value=65_536))
def test_canonical_values_read_back_as_themselves(number: int) -> None:
    assert parse_size_gb(number) == parse_size_gb(f"{number}GB") == number
    assert parse_duration_seconds(number) == parse_duration_seconds(f"{number}s") == number


@pytest.mark.parametrize(("written", "price"), [(0.6, 0.6), (1, 1.0)])
def test_prices(written: object, price: float) -> None:
    assert parse_price(written) == price


@pytest.mark.parametrize("written", [0, -1, math.inf, math.nan, "0.6", True, None])
def test_no_prices(written: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_price(written)


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        ("4..8", ("4", "8")),
        ("4..", ("4", None)),
        ("4+", (4, None)),
        ("..8", (None, "8")),
        ("16GB..64GB", ("16GB", "64GB")),
        (4, (4, 4)),
        ("4", ("4", "4")),
    ],
)
def test_ranges(written: object, ends: tuple[object, object]) -> None:
    assert split_range(written) == ends


@pytest.mark.parametrize("written", ["..", "4..8..9", "4...8", " .. "])
def test_no_ranges(written: object) -> None:
    with pytest.raises(ValueError, match="not a range"):
        split_range(written)


@pytest.mark.parametrize("written", ["", "x", "٣", "1.5", 0, -3, True, None, 1.0, "9999999999"])
def test_no_counts(written: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_count(written)
