"""``compare``: runs side by side: how they ended, and their metrics. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runctl_auto.jobs.run_facts import moment_of
from runctl_auto.jobs.run_metrics import MetricsOfRun, RunName
from runctl_auto.jobs.session import Session
from runctl_auto.observe.metrics.series import Series
from runctl_auto.operations.metrics import metrics_of_runs


@dataclass(frozen=True)
class ComparedMetric:
    """A metric of all runs: the series of each, None where a run has it not."""

    name: str
    series: tuple[Series | None, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "runs": [None if each is None else _numbers(each) for each in self.series],
        }


@dataclass(frozen=True)
class Comparison:
    """Runs in the order in which they were named."""

    runs: tuple[MetricsOfRun, ...]
    metrics: tuple[ComparedMetric, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "runs": [_run(each) for each in self.runs],
            "metrics": [each.as_json() for each in self.metrics],
        }


def compare(session: Session, wanted: Sequence[RunName]) -> Comparison:
    """The runs, and every training metric that one of them has. Raises ``JobNotFoundError``."""
    runs = metrics_of_runs(session, wanted)
    names = dict.fromkeys(
        series.name for each in runs if each.metrics is not None for series in each.metrics.training
    )
    return Comparison(runs, tuple(ComparedMetric(name, _of_each(runs, name)) for name in names))


def seconds_of(run: MetricsOfRun) -> float | None:
    """How long the phase ``run`` of a run has taken on all its machines; None if it is not known."""
    return run.status.seconds.get("run") if run.status is not None else None


def _of_each(runs: Sequence[MetricsOfRun], name: str) -> tuple[Series | None, ...]:
    return tuple(
        next((each for each in run.metrics.training if each.name == name), None) if run.metrics else None
        for run in runs
    )


def _run(run: MetricsOfRun) -> dict[str, Any]:
    status = run.status
    began: datetime | None = moment_of(status.started_at) if status else None
    return {
        "job": run.job,
        "run": run.run,
        "phase": status.phase if status else None,
        "started_at": began.isoformat() if began else None,
        "training_seconds": seconds_of(run),
        "problem": run.metrics.problem if run.metrics else None,
    }


def _numbers(series: Series) -> dict[str, Any]:
    return {
        "axis": series.axis,
        "last_step": series.last_step,
        "last": series.last,
        "least": series.least,
        "most": series.most,
        "points": series.points,
    }
