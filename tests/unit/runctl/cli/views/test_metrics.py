from __future__ import annotations

import csv
import io
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hostile_objects import STATUS

from runctl_auto.cli.views import metrics as view
from runctl_auto.cli.views.sparkline import number_text, sparkline
from runctl_auto.jobs.run_metrics import MetricsOfRun
from runctl_auto.observe.metrics.series import RunMetrics, Series


def series(*values: float, name: str = "loss", unit: str = "", points: int | None = None) -> Series:
    steps = tuple(float(each) for each in range(1, len(values) + 1))
    return Series(name, "step", "output", unit, points or len(values), steps, values, steps)


def test_a_curve() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5]) == "▄▄"
    assert sparkline([1, math.nan, 2]) == "▁?█"
    assert sparkline([math.inf]) == "?"
    assert sparkline([]) == ""
    assert len(sparkline(list(range(1000)), 16)) == 16


@given(st.lists(st.floats(), max_size=50), st.integers(1, 30))
def test_every_value_has_a_sign(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(len(values), width)
    for each in values:
        assert number_text(each).isprintable()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.934, "share", "93 %"),
        (1.5e9, "bytes", "1.4 GB"),
        (2048.0, "bytes/s", "2.0 kB/s"),
        (71.0, "celsius", "71 °C"),
        (301.1, "watt", "301.1 W"),
        (None, "share", "-"),
        (math.nan, "bytes", "NaN"),
        (1e300, "bytes", "1e+300"),
    ],
)
def test_measures(value: float | None, unit: str, text: str) -> None:
    assert view.measure_text(value, unit) == text


def test_rows() -> None:
    assert view.training_row(series(2, 1, points=9)) == ("loss", "1", "step 2", "1", "2", "9", "█▁")
    assert view.machine_row(series(0.5, name="cpu", unit="share")) == ("cpu", "50 %", "50 %", "50 %", "▄")
    assert view.training_row(series())[1:3] == ("-", "step -")


def test_a_name_moves_no_cursor_and_is_no_formula() -> None:
    hostile = series(1, name="=cmd|\x1b[2J\n\u202e" + "x" * 90)
    name = view.training_row(hostile)[0]
    assert name.isprintable()
    assert len(name) <= 40
    rows = list(csv.reader(io.StringIO(view.csv_text([hostile]))))
    assert len(rows) == 2
    assert rows[1][0].startswith("'=cmd")
    assert rows[1][1:] == ["step", "1.0", "1.0", "1"]


def test_what_is_not_in_the_tables_is_told() -> None:
    assert list(view.notes(MetricsOfRun("digits", "r", None))) == ["run digits/r has stored no metrics"]
    problem = RunMetrics("r", problem="it is no JSON")
    assert list(view.notes(MetricsOfRun("digits", "r", problem))) == ["it is no JSON"]
    thinned = RunMetrics("r", training=(series(1, points=2000), series(1, name="a")), left_out=3)
    told = list(view.notes(MetricsOfRun("digits", "r", thinned, is_kept=True)))
    assert told == [
        "job 'digits' is gone: these are the metrics that `runctl down` kept",
        "1 of 2 metrics have more points than are kept",
        "3 more metrics are not kept: the first 2 are",
    ]


def test_what_a_status_tells() -> None:
    summary: dict[str, Any] = STATUS["metrics"]
    assert list(view.summary_lines(summary)) == [
        ("metric", "loss NaN █▁?"),
        ("in use", "CPU 93 %, memory 954 MB of 3.7 GB, disk 954 MB of 19 GB, GPU 50 %"),
    ]
    assert view.summary_text(summary) == "loss NaN █▁?"
    assert view.summary_text(None) is None
    assert list(view.summary_lines(None)) == []
    assert list(view.summary_lines({"training": [], "machine": None})) == []
