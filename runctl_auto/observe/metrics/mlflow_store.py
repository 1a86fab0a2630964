"""Writes runs to a file store of MLflow, by MLflow itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runctl_auto.agent.contract import Phase
from runctl_auto.observe.metrics.tracked_run import TrackedRun, tracked_name, whole_steps

MODULE = "mlflow"
_AT_ONCE = 1000
"""Metrics that MLflow takes in one batch."""
_ENDS = {Phase.SUCCEEDED: "FINISHED", Phase.FAILED: "FAILED", Phase.STOPPED: "KILLED"}
RUN_TAG = "runctl.run"


def write_to_mlflow(folder: Path, runs: Sequence[TrackedRun]) -> list[str]:
    """Writes the runs to the store in ``folder``, an experiment a job; their ids there. A run that was
    written before is replaced. Raises what MLflow raises.
    """
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    client = MlflowClient(tracking_uri=folder.resolve().as_uri())
    return [_write(client, each) for each in runs]


def _write(client: Any, run: TrackedRun) -> str:
    found = client.get_experiment_by_name(run.job)
    experiment = found.experiment_id if found else client.create_experiment(run.job)
    for earlier in client.search_runs([experiment], f"tags.`{RUN_TAG}` = '{run.run}'"):
        client.delete_run(earlier.info.run_id)
    made = client.create_run(
        experiment,
        start_time=_milliseconds(run.began_at.timestamp()),
        tags={RUN_TAG: run.run, "runctl.job": run.job},
        run_name=run.name,
    )
    identity: str = made.info.run_id
    for name, value in run.facts.items():
        client.log_param(identity, name, value)
    points = list(_points(run))
    for start in range(0, len(points), _AT_ONCE):
        client.log_batch(identity, metrics=points[start : start + _AT_ONCE])
    if run.has_ended:
        ended = None if run.ended_at is None else _milliseconds(run.ended_at.timestamp())
        client.set_terminated(identity, _ENDS[run.phase or ""], end_time=ended)
    return identity


def _points(run: TrackedRun) -> Iterator[Any]:
    from mlflow.entities import Metric

    began = run.began_at.timestamp()
    for series in run.series:
        name = tracked_name(series)
        for step, value, seconds in zip(whole_steps(series), series.values, series.seconds, strict=True):
            yield Metric(name, value, _milliseconds(max(0.0, began + seconds)), step)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
