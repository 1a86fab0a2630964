"""Limits of bandwidth, and how far a transfer is."""

from __future__ import annotations

import pytest

from runctl_auto.errors import UsageError
from runctl_auto.transfer.meter import Meter
from runctl_auto.transfer.pace import Pace, rate_of


@pytest.mark.parametrize(
    ("text", "rate"),
    [("50MB", 50_000_000), ("800k", 800_000), ("1GiB/s", 1 << 30), ("1.5 mb", 1_500_000), ("7", 7)],
)
def test_rates(text: str, rate: int) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "0", "-5MB", "5XB", "nan", "inf"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UsageError):
        rate_of(text)


def test_bytes_pass_at_the_rate() -> None:
    now = [0.0]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    pace = Pace(100, clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        pace.take(50)
    assert now[0] == pytest.approx(2.0)
    now[0] += 100
    pace.take(50)
    assert len(waits) == 4, "what was not used is not saved up, and not owed"
    Pace(None).take(10**12)


def test_progress_counts_what_was_there_but_not_in_the_rate() -> None:
    now = [0.0]
    meter = Meter(lambda: now[0])
    meter.expect(2, 1000)
    meter.at_hand(400)
    first = meter.progress()
    assert (first.bytes, first.rate, first.seconds_left) == (400, None, None)
    now[0] = 2.0
    meter.moved(200, files=1)
    progress = meter.progress()
    assert (progress.files, progress.files_total, progress.bytes, progress.bytes_total) == (1, 2, 600, 1000)
    assert (progress.rate, progress.seconds_left) == (100.0, 4.0)
    for second in range(3, 20):
        now[0] = float(second)
        last = meter.progress()
    assert last.rate is None, "only the last seconds count"
    assert last.as_json()["bytes"] == 600
