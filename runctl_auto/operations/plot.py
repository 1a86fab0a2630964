"""``plot``: the curves of metrics of runs. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.errors import ExtraMissingError
from runctl_auto.jobs.run_metrics import RunName
from runctl_auto.jobs.session import Session
from runctl_auto.local.extras import installed_with, missing_modules
from runctl_auto.observe.metrics.line_chart import Curve
from runctl_auto.operations.metrics import chosen_series, metrics_of_runs

EXTRA = "plots"


def curves(session: Session, wanted: Sequence[RunName], names: Sequence[str]) -> tuple[Curve, ...]:
    """A curve for each metric of each run. Raises ``UsageError`` when a run has a metric not."""
    runs = metrics_of_runs(session, wanted)
    found = []
    for run in runs:
        for series in chosen_series(run, names):
            title = series.name if len(runs) == 1 else f"{run.job}/{run.run[:6]} {series.name}"
            found.append(Curve(title, series))
    return tuple(found)


def refuse_without_plotext() -> None:
    """Raises ``ExtraMissingError`` where plots in a terminal are not installed."""
    missing = missing_modules(["plotext"])
    if missing:
        raise ExtraMissingError(
            "Plots in the terminal need the extra 'plots', which is not installed.",
            where=missing,
            next_step=f"Install it with {installed_with(EXTRA)} `--svg FILE` writes a picture without it.",
        )
