"""The metrics of a run as a machine may have written them."""

from __future__ import annotations

import copy
import json
import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hostile_objects import METRICS, RUN, document

from runctl_auto.agent.contract import MOST_METRICS_BYTES
from runctl_auto.agent.metrics.document import MOST_SERIES, as_value, from_value, read_document
from runctl_auto.agent.untrusted import UnreadableError

LOSS: dict[str, Any] = METRICS["training"][0]
CPU: dict[str, Any] = METRICS["machine"][0]


def read(**changes: Any) -> dict[str, Any]:
    return dict(read_document(json.dumps({**copy.deepcopy(METRICS), **changes}).encode(), RUN))


def test_all_that_an_agent_writes_is_read() -> None:
    assert read() == METRICS
    assert read(of_a_later_version=1) == METRICS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", 2),
        ("run", "another"),
        ("node", -1),
        ("began_at", None),
        ("updated_at", "today"),
        ("left_out", "many"),
        ("training", {}),
        ("training", [{**LOSS, "name": ""}]),
        ("training", [{**LOSS, "name": 7}]),
        ("training", [LOSS, LOSS]),
        ("training", [{**LOSS, "name": f"m{number}"} for number in range(MOST_SERIES + 1)]),
        ("training", [{**LOSS, "axis": "speed"}]),
        ("training", [{**LOSS, "source": "rumour"}]),
        ("training", [{**LOSS, "unit": "miles"}]),
        ("training", [{**LOSS, "points": -1}]),
        ("training", [{**LOSS, "steps": [1.0]}]),
        ("training", [{**LOSS, "steps": [1.0, 1e300]}]),
        ("training", [{**LOSS, "values": [1.0, "nan"]}]),
        ("training", [{**LOSS, "values": [1.0, None]}]),
        ("training", [{**LOSS, "seconds": [1.0, 1e300]}]),
        ("training", [{**LOSS, **{name: [1.0] * 1001 for name in ("steps", "values", "seconds")}}]),
        ("machine", [{**CPU, "seconds": [1.0]}]),
        ("machine", [{**CPU, "steps": [1.0]}]),
    ],
)
def test_what_no_agent_writes_is_refused(field: str, value: Any) -> None:
    with pytest.raises(UnreadableError):
        read(**{field: value})


def test_more_than_can_be_written_is_refused() -> None:
    with pytest.raises(UnreadableError, match="larger than"):
        read_document(b" " * (MOST_METRICS_BYTES + 1), RUN)


@given(st.integers(0, 2**63))
def test_whatever_the_bytes_are_there_is_a_value_or_one_kind_of_error(seed: int) -> None:
    try:
        found = read_document(document(Random(seed), METRICS), RUN)
    except UnreadableError:
        return
    json.dumps(found, allow_nan=False).encode("ascii")


@given(st.floats())
def test_a_value_comes_back(value: float) -> None:
    back = from_value(json.loads(json.dumps(as_value(value), allow_nan=False)))
    assert back == value or (math.isnan(back) and math.isnan(value))
