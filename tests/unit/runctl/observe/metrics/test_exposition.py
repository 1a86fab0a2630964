from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.observe.metrics.exposition import MOST_LABEL, Family, Histogram, Sample, exposition, number

LINE = re.compile(r'[a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\\\|\\")*"(?:,[a-z]+="(?:[^"\\\n]|\\\\|\\")*")*\})? \S+')


def gauge(*samples: Sample) -> str:
    return exposition([Family("runctl_jobs", "gauge", "Jobs.", samples)])


def test_a_gauge() -> None:
    assert gauge(Sample(2, {"phase": "running"}), Sample(0.5)) == (
        "# HELP runctl_jobs Jobs.\n# TYPE runctl_jobs gauge\n"
        'runctl_jobs{phase="running"} 2\nruncl_jobs 0.5\n'.replace("runcl", "runctl")
    )


def test_a_family_without_samples_is_left_out_and_a_repeated_sample_is_one() -> None:
    assert gauge() == ""
    assert gauge(Sample(1), Sample(2)).count("runctl_jobs 1\n") == 1
    assert "runctl_jobs 2" not in gauge(Sample(1), Sample(2))


def test_a_histogram() -> None:
    found = Histogram("runctl_seconds", "Seconds.", (1, 10))
    for value in (0.5, 1, 5, 50):
        found.add(value, service="s3")
    lines = exposition([found.family()]).splitlines()[2:]
    assert lines == [
        'runctl_seconds_bucket{service="s3",le="1"} 2',
        'runctl_seconds_bucket{service="s3",le="10"} 3',
        'runctl_seconds_bucket{service="s3",le="+Inf"} 4',
        'runctl_seconds_sum{service="s3"} 56.5',
        'runctl_seconds_count{service="s3"} 4',
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (3.0, "3"), (1e300, "1e+300"), (0.1, "0.1")],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@given(st.text(), st.floats())
def test_no_label_breaks_its_line(label: str, value: float) -> None:
    _, _, *lines = gauge(Sample(value, {"metric": label})).split("\n")
    assert len(lines) == 2, "one line, and its end"
    assert LINE.fullmatch(lines[0])
    assert len(lines[0]) <= 2 * MOST_LABEL + 60
    lines[0].encode("utf-8")


def test_a_name_that_prometheus_refuses() -> None:
    with pytest.raises(ValueError, match="not the name"):
        Family("runctl jobs", "gauge", "", ())
