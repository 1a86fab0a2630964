from __future__ import annotations

import json

import pytest
from support.output_schemas import problems
from support.sessions import fake_session
from support.stored_metrics import stored_metrics

from runctl_auto.cli.views.metrics import comparison_rows
from runctl_auto.errors import UsageError
from runctl_auto.jobs.run_metrics import MetricsOfRun, RunName
from runctl_auto.local.strict_json import strict_json
from runctl_auto.observe.metrics.series import RunMetrics, parse_metrics
from runctl_auto.operations import compare as module
from runctl_auto.operations import metrics as reading
from runctl_auto.operations.compare import compare
from runctl_auto.operations.metrics import chosen_series
from runctl_auto.run.status import RunStatus

A, B = "aaaaaaaaaa", "bbbbbbbbbb"
RUNS = {
    A: {"loss": [3.0, 2.0, 1.0], "acc": [0.5]},
    B: {"loss": [4.0, float("nan")], "f1": [0.25]},
}


def of_run(name: RunName) -> MetricsOfRun:
    run = name.run or "0" * 10
    found = parse_metrics(stored_metrics(run, RUNS[run]), run) if run in RUNS else None
    return MetricsOfRun(name.job, run, found, RunStatus(run, "running", seconds={"run": 90.0}))


@pytest.fixture(autouse=True)
def stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "read_run_metrics", lambda session, name: of_run(name))


def test_runs_side_by_side() -> None:
    found = compare(fake_session(), [RunName("digits", A), RunName("digits", B), RunName("new")])
    assert [each.name for each in found.metrics] == ["loss", "acc", "f1"]
    result = found.as_json()
    assert problems("compare", json.loads(strict_json(result))) == []
    loss = result["metrics"][0]["runs"]
    assert (loss[0]["last"], loss[0]["least"], loss[0]["most"]) == (1.0, 1.0, 3.0)
    assert loss[2] is None
    columns, rows = comparison_rows(found)
    assert [each.title for each in columns][:2] == ["", f"digits/{A}"]
    cells = {row[0]: row[1:] for row in rows}
    assert cells["loss"] == ("1 at step 3", "NaN at step 2", "-")
    assert cells["f1"] == ("-", "0.25 at step 1", "-")
    assert cells["training"] == ("1m", "1m", "1m")


def test_a_metric_that_a_run_has_not() -> None:
    found = of_run(RunName("digits", A))
    assert [each.name for each in chosen_series(found, ["acc", "cpu"])] == ["acc", "cpu"]
    with pytest.raises(UsageError, match="no metric 'f1'") as refused:
        chosen_series(found, ["f1"])
    assert "loss, acc, cpu" in str(refused.value.next_step)
    with pytest.raises(UsageError) as refused:
        chosen_series(MetricsOfRun("digits", A, None), ["loss"])
    assert "no metrics yet" in str(refused.value.next_step)
    with pytest.raises(UsageError) as refused:
        chosen_series(MetricsOfRun("digits", A, RunMetrics(A, problem="it is no JSON")), ["loss"])
    assert refused.value.next_step == "it is no JSON"
    assert module.seconds_of(found) == 90.0
