"""Tables fit the terminal: the less important columns go first, then the widest cells are cut."""

from __future__ import annotations

import pytest

from runctl_auto.cli.views.table import Column, table_lines
from runctl_auto.reports.figures import short_age, usd

COLUMNS = (Column("JOB"), Column("ZONE", spare=2), Column("COST", spare=1, right=True))
ROWS = [("digits", "us-east-1a", "$1.20"), ("a-long-name", "us-east-1b", "$12.00")]


def test_without_a_width_nothing_is_left_out_or_cut() -> None:
    assert table_lines(COLUMNS, ROWS) == [
        "JOB          ZONE          COST",
        "digits       us-east-1a   $1.20",
        "a-long-name  us-east-1b  $12.00",
    ]


def test_the_most_spare_columns_go_first() -> None:
    assert table_lines(COLUMNS, ROWS, 20)[0] == "JOB            COST"
    assert table_lines(COLUMNS, ROWS, 12)[0] == "JOB"


def test_what_still_does_not_fit_is_cut() -> None:
    assert table_lines(COLUMNS, ROWS, 9)[2] == "a-long-n…"
    assert all(len(line) <= 9 for line in table_lines(COLUMNS, ROWS, 9))


def test_paint_takes_no_room() -> None:
    lines = table_lines(COLUMNS, ROWS, None, lambda cell: f"<{cell}>")
    assert lines[1] == "<digits     >  <us-east-1a>  < $1.20>"


def test_no_rows_leave_the_heading() -> None:
    assert table_lines(COLUMNS, []) == ["JOB  ZONE  COST"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "unknown"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (11520, "3h 12m"),
        (86400, "1d"),
        (360000, "4d 4h"),
    ],
)
def test_ages(seconds: float | None, text: str) -> None:
    assert short_age(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "unknown"), (0, "$0.00"), (0.004, "<$0.01"), (0.01, "$0.01"), (1234.5, "$1234.50")],
)
def test_an_unknown_cost_is_unknown_and_a_small_one_is_not_nothing(amount: float | None, text: str) -> None:
    assert usd(amount) == text
