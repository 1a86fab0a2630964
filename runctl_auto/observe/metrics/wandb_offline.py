"""Writes runs as Weights & Biases' offline runs, by wandb itself; `wandb sync` uploads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runctl_auto.agent.contract import Phase
from runctl_auto.observe.metrics.tracked_run import TrackedRun, tracked_name

MODULE = "wandb"


def write_to_wandb(folder: Path, runs: Sequence[TrackedRun]) -> list[Path]:
    """Writes the runs below ``folder``, a project a job; their folders. Asks nobody and reaches no network.
    Raises what wandb raises.
    """
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    return [_write(wandb, folder, each) for each in runs]


def _write(wandb: Any, folder: Path, run: TrackedRun) -> Path:
    settings = wandb.Settings(
        mode="offline",
        console="off",
        silent=True,
        disable_git=True,
        x_disable_stats=True,
        x_disable_meta=True,
    )
    made = wandb.init(
        project=run.job,
        name=run.name,
        id=run.run,
        dir=str(folder),
        config=dict(run.facts),
        settings=settings,
    )
    for axis in ("step", "epoch", "record", "seconds"):
        made.define_metric(axis, hidden=True)
    for series in run.series:
        made.define_metric(tracked_name(series), step_metric=_axis(series.axis))
    for values in _rows(run):
        made.log(values)
    made.finish(exit_code=0 if run.phase != Phase.FAILED else 1)
    return Path(made.dir).parent


def _rows(run: TrackedRun) -> list[dict[str, float]]:
    """The points in the order of their times; those of one step are one row."""
    rows: dict[tuple[float, str, float], dict[str, float]] = {}
    for series in run.series:
        axis, name = _axis(series.axis), tracked_name(series)
        for step, value, seconds in zip(series.steps, series.values, series.seconds, strict=True):
            rows.setdefault((seconds, axis, step), {axis: step})[name] = value
    return [rows[key] for key in sorted(rows)]


def _axis(axis: str) -> str:
    return "seconds" if axis == "time" else axis
