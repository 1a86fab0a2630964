"""``metrics``: what a run told of its training, and how its machine was used. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.errors import UsageError
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.run_metrics import MetricsOfRun, RunName, read_run_metrics
from runctl_auto.jobs.session import Session
from runctl_auto.local.printable import printable, shortened
from runctl_auto.observe.metrics.series import Series

MOST_NAMED = 8
"""Metrics that an error names."""


def metrics(session: Session, wanted: RunName) -> MetricsOfRun:
    """The metrics of a run. Blocks. Raises ``JobNotFoundError``."""
    with session.reporter.working(f"reading the metrics of job '{wanted.job}'", after=PATIENCE_SECONDS):
        return read_run_metrics(session, wanted)


def metrics_of_runs(session: Session, wanted: Sequence[RunName]) -> tuple[MetricsOfRun, ...]:
    """The metrics of several runs, in their order."""
    return tuple(metrics(session, each) for each in wanted)


def chosen_series(found: MetricsOfRun, names: Sequence[str]) -> tuple[Series, ...]:
    """The series of these names, of training or machine. Raises ``UsageError`` when the run has one not."""
    return tuple(_series(found, name) for name in names)


def _series(found: MetricsOfRun, name: str) -> Series:
    series = found.metrics.find(name) if found.metrics is not None else None
    if series is None:
        raise UsageError(
            f"Run {found.name} has no metric '{name}'.",
            where={"job": found.job, "run": found.run},
            next_step=_known(found),
        )
    return series


def _known(found: MetricsOfRun) -> str:
    if found.metrics is None:
        return "It has stored no metrics yet: the first ones come seconds after its start."
    if found.metrics.problem is not None:
        return found.metrics.problem
    names = [each.name for each in (*found.metrics.training, *found.metrics.machine)]
    more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"It has {', '.join(shortened(printable(each), 40) for each in names[:MOST_NAMED])}{more}."
