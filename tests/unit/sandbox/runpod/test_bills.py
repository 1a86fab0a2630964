"""The stand-in's bills: a record a day for each pod and network volume, as the digest has them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sandbox.runpod.bills import Use, pod_bill, volume_bill, window
from sandbox.runpod.problem import Problem
from sandbox.runpod.shapes import digest
from sandbox.runpod.uses import Uses

DAY = datetime(2026, 11, 1, tzinfo=timezone.utc)
NOW = DAY + timedelta(days=3, hours=5)


def use(began: float, ended: float, **more: object) -> Use:
    hours = (DAY + timedelta(hours=began), DAY + timedelta(hours=ended))
    return Use("pod1", *hours, gb=20, price_hour=0.5, is_gpu=True, **more)  # type: ignore[arg-type]


def test_a_pod_over_midnight_is_on_two_days() -> None:
    bill = pod_bill([use(23, 26)], DAY, NOW)
    assert [each["startTime"] for each in bill["records"]] == ["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"]
    assert [each["gpuAmount"] for each in bill["records"]] == [0.5, 1.0]
    assert bill["metadata"]["uniquePodCount"] == 1
    assert list(digest().violations("@PodBills", bill)) == []
    assert list(digest().violations("@VolumeBills", volume_bill([use(0, 30)], DAY, NOW))) == []


@given(some.floats(0, 100), some.floats(0, 100), some.integers(0, 4), some.integers(0, 4))
def test_all_hours_within_the_window_are_billed_once(a: float, b: float, first: int, days: int) -> None:
    began, ended = sorted((a, b))
    start, end = DAY + timedelta(days=first), DAY + timedelta(days=first + days)
    billed = pod_bill([use(began, ended)], start, end)["metadata"]["totals"]["gpuAmount"]
    inside = max(0.0, min(ended, 24.0 * (first + days)) - max(began, 24.0 * first))
    assert billed == pytest.approx(0.5 * inside, abs=1e-6)


def test_the_window_has_whole_days() -> None:
    asked = {"startTime": "2026-11-01T10:00:00Z", "endTime": "2026-11-02T01:00:00Z", "bucketSize": "day"}
    assert window(asked, NOW) == (DAY, DAY + timedelta(days=2))
    assert window({}, NOW) == (DAY - timedelta(days=27), DAY + timedelta(days=4))
    for wrong in ({"bucketSize": "hour"}, {"lastN": "3"}, {"startTime": "yesterday"}):
        with pytest.raises(Problem):
            window(wrong, NOW)


def test_a_change_ends_what_was_billed_before() -> None:
    now = [0.0]
    uses = Uses(lambda: now[0])
    uses.begin("pods", "p", 20, 0.5, gpu=True)
    now[0] = 3600.0
    uses.begin("pods", "p", 20)
    now[0] = 7200.0
    uses.end("p")
    now[0] = 9000.0
    seconds = [(each.ended - each.began).total_seconds() for each in uses.of("pods")]
    assert seconds == [3600.0, 3600.0]
    assert [each.price_hour for each in uses.of("pods")] == [0.5, 0.0]
    assert Uses(lambda: 0.0, uses.as_json()).of("pods") == uses.of("pods")
