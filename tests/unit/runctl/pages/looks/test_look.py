"""What all jobs come to."""

from __future__ import annotations

import pytest
from support.jobs_at_a_glance import few_jobs, listed, look_at, machine, run_status

from runctl_auto.pages.looks.sorting import ORDERS, Shown

LOOK = look_at(few_jobs())


def test_counts_and_sums() -> None:
    assert LOOK.by_phase == (
        ("failed", 1),
        ("interrupted", 1),
        ("unknown", 1),
        ("running", 1),
        ("setup", 1),
        ("starting", 1),
        ("succeeded", 1),
    )
    assert LOOK.owners == ("ann", "bob", "eve")
    assert LOOK.hour == pytest.approx(1.0115 + 0.4255, abs=0.001)
    assert LOOK.spent.usd == pytest.approx(10.96, abs=0.01)
    assert not LOOK.spent.complete, "the cost of one job is not known"


def test_a_phase_that_is_not_known_here_comes_last() -> None:
    odd = listed("odd", run_status("odd", "r1", "hibernating", [machine(1, 2, None)]))
    look = look_at([*few_jobs(), odd])
    assert look.by_phase[-1] == ("hibernating", 1)
    assert [row.name for row in Shown().of(look.rows)][-1] == "odd"


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        ("phase", "llama-lora", "digits"),
        ("name", "digits", "vit-base"),
        ("cost", "vit-base", "resnet-sweep-02"),
        ("age", "resnet-sweep-01", "resnet-sweep-02"),
        ("checkpoint", "digits", "resnet-sweep-02"),
        ("owner", "resnet-sweep-01", "half-made"),
    ],
)
def test_orders(order: str, first: str, last: str) -> None:
    names = [row.name for row in Shown(order=order).of(LOOK.rows)]
    assert (names[0], names[-1]) == (first, last)
    assert order in ORDERS
    assert sorted(names) == sorted(LOOK.jobs)


@pytest.mark.parametrize(
    ("shown", "count"),
    [
        (Shown(), 7),
        (Shown(text="G5.12X"), 1),
        (Shown(text="us-east-1c"), 1),
        (Shown(text="ann"), 3),
        (Shown(phase="running", owner="ann"), 1),
        (Shown(owner="nobody"), 0),
    ],
)
def test_filters(shown: Shown, count: int) -> None:
    assert len(shown.of(LOOK.rows)) == count
    assert shown.is_filtered == (count != 7)
