"""A job in a list."""

from __future__ import annotations

import pytest
from support.jobs_at_a_glance import few_jobs, listed, machine, run_status

from runctl_auto.pages.looks.job_row import row_of

ROWS = {each.summary.name: row_of(each) for each in few_jobs()}


def test_the_machine_is_the_one_that_the_run_has_now() -> None:
    row = ROWS["vit-base"]
    assert (row.machine, row.zone) == ("g5.xlarge on-demand", "us-east-1c")
    assert ROWS["resnet-sweep-02"].machine == "g5.xlarge spot"


def test_what_is_not_known_is_none() -> None:
    row = ROWS["half-made"]
    assert (row.phase, row.problem, row.usd, row.age_seconds, row.machine) == (
        "unknown",
        "never set up",
        None,
        None,
        None,
    )
    assert not row.spent.complete
    assert ROWS["resnet-sweep-02"].phase == "starting"


@pytest.mark.parametrize(
    ("phase", "machines", "lost"),
    [
        ("running", 1, 0),
        ("running", 3, 2),
        ("succeeded", 2, 1),
        ("interrupted", 1, 1),
        ("interrupted", 3, 3),
        ("running", 0, 0),
    ],
)
def test_interruptions_are_machines_that_the_run_lost(phase: str, machines: int, lost: int) -> None:
    status = run_status("digits", "r1", phase, [machine(number, 2, 1) for number in range(machines)])
    assert row_of(listed("digits", status)).interruptions == lost
