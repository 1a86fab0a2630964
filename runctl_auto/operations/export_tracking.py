"""``export mlflow`` and ``export wandb``: metrics of runs for experiment trackers. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from runctl_auto.errors import ExtraMissingError, RunctlError, UsageError
from runctl_auto.jobs.run_facts import moment_of
from runctl_auto.jobs.run_metrics import MetricsOfRun, RunName
from runctl_auto.jobs.session import Session
from runctl_auto.local.extras import missing_modules
from runctl_auto.observe.metrics import mlflow_store, wandb_offline
from runctl_auto.observe.metrics.tracked_run import TrackedRun
from runctl_auto.operations.metrics import metrics_of_runs

Tracker = Literal["mlflow", "wandb"]
_WRITERS: dict[Tracker, Callable[[Path, Sequence[TrackedRun]], Sequence[object]]] = {
    "mlflow": mlflow_store.write_to_mlflow,
    "wandb": wandb_offline.write_to_wandb,
}


def export_tracking(
    session: Session, tracker: Tracker, wanted: Sequence[RunName], folder: Path
) -> tuple[str, ...]:
    """Writes the metrics of the runs below ``folder``; what each is called there.

    Raises ``ExtraMissingError`` where the tracker is not installed, ``UsageError`` for a run without metrics.
    """
    missing = missing_modules([tracker])
    if missing:
        raise ExtraMissingError(
            f"Runs for {tracker} are written by {tracker} itself, which is not installed.",
            where=missing,
            next_step=f"Install it in the environment of runctl: `uv tool install runctl --with {tracker}`.",
        )
    runs = [_tracked(each) for each in metrics_of_runs(session, wanted)]
    try:
        return tuple(str(each) for each in _WRITERS[tracker](folder, runs))
    except Exception as error:  # whatever it raises, it is another program's
        raise RunctlError(
            f"{tracker} could not write the runs: {type(error).__name__}: {error}",
            where={"folder": str(folder)},
            next_step=f"Look whether {folder} can be written, and which version of {tracker} is installed.",
        ) from error


def _tracked(found: MetricsOfRun) -> TrackedRun:
    if found.metrics is None or found.metrics.problem is not None:
        raise UsageError(
            f"Run {found.name} has no metrics that can be read.",
            where={"job": found.job, "run": found.run},
            next_step="Leave it out.",
        )
    status = found.status
    machine = status.machines[-1] if status is not None and status.machines else None
    facts = {"instance_type": machine.type, "market": machine.market, "zone": machine.zone} if machine else {}
    ended: datetime | None = moment_of(status.ended_at) if status is not None else None
    return TrackedRun(
        found.job,
        found.run,
        found.metrics,
        status.phase if status is not None else None,
        ended,
        {name: value for name, value in facts.items() if value},
    )
