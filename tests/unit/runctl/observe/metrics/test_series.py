from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from support.agent_stand_ins import MemoryStore
from support.hostile_objects import METRICS, RUN, document

from runctl_auto.agent.contract import MOST_METRICS_BYTES
from runctl_auto.agent.keys import metrics_key
from runctl_auto.observe.metrics.series import RunMetrics, as_json, metrics_of, parse_metrics


def stored(content: bytes) -> RunMetrics:
    store = MemoryStore()
    store.put(metrics_key(RUN), content)
    found = metrics_of(store, RUN)
    assert found is not None
    return found


def test_the_series_of_a_run() -> None:
    found = stored(json.dumps(METRICS).encode())
    assert (found.problem, found.left_out) == (None, 0)
    loss, cpu = found.find("loss"), found.find("cpu")
    assert loss is not None
    assert cpu is not None
    assert found.find("speed") is None
    assert (loss.steps, loss.last_step, loss.least, loss.most) == ((1.0, 100.0), 100.0, 2.5, 2.5)
    assert loss.last is not None
    assert math.isnan(loss.last)
    assert loss.is_thinned, "4 points were recorded"
    assert not cpu.is_thinned
    assert cpu.steps == cpu.seconds == (30.0, 60.0)
    assert found.at(20.0) == datetime(2026, 11, 22, 11, 0, 20, tzinfo=timezone.utc)
    assert found.at(1e12 + timedelta.max.total_seconds()) is None
    assert as_json(loss)["values"] == [2.5, None]


def test_there_are_none_yet() -> None:
    assert metrics_of(MemoryStore(), RUN) is None


def test_metrics_that_cannot_be_read_are_a_problem() -> None:
    for content in (b"", b"{}", b"[" * 9999, b"\xff", b" " * (MOST_METRICS_BYTES + 1)):
        found = stored(content)
        assert found.problem
        assert (found.training, found.machine) == ((), ())


@given(st.integers(0, 2**63))
def test_whatever_a_machine_wrote(seed: int) -> None:
    found = parse_metrics(document(Random(seed), METRICS), RUN)
    for series in (*found.training, *found.machine):
        assert len(series.steps) == len(series.values) == len(series.seconds) <= 1000
        json.dumps(as_json(series), allow_nan=False).encode("ascii")
        assert found.at(series.seconds[-1] if series.seconds else 0.0) is not None
