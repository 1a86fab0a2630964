"""What ``up`` came to, whoever the provider is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.errors import TrainingFailedError
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.trail import RefusedPlace

if TYPE_CHECKING:
    from runctl_auto.jobs.artifacts.fetch import Download


@dataclass(frozen=True)
class UpResult:
    """What ``up`` came to. ``status`` is None when nobody waited for the end; ``seconds`` per phase.
    ``program`` is the folder of the program that was applied, None for runctl's own. ``trail`` are the places
    that had no capacity for the run."""

    job: str
    run: str
    attempt: int
    placement: Placement
    changed: bool
    status: RunStatus | None = None
    download: Download | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    replacements: int = 0
    program: Path | None = None
    trail: tuple[RefusedPlace, ...] = ()

    @classmethod
    def of(
        cls,
        config: StackConfig,
        *,
        changed: bool,
        seconds: dict[str, float],
        status: RunStatus | None = None,
        download: Download | None = None,
        replacements: int = 0,
        program: Path | None = None,
    ) -> UpResult:
        """That of the run in ``config``, with the metrics in what was downloaded."""
        metrics: dict[str, Any] = {}
        if download is not None:
            from runctl_auto.jobs.artifacts.metrics import read_metrics

            metrics = read_metrics(download)
        return cls(
            job=config.job.name,
            run=config.run.id,
            attempt=config.run.attempt,
            placement=config.placement,
            changed=changed,
            status=status,
            download=download,
            metrics=metrics,
            seconds=seconds,
            replacements=replacements,
            program=program,
            trail=config.trail,
        )


def training_failed(config: StackConfig, status: RunStatus, result: UpResult) -> TrainingFailedError:
    """Why ``up`` fails when the run has ended without success."""
    how = f"with exit code {status.exit_code}" if status.exit_code is not None else f"({status.reason})"
    verb = "was stopped" if status.phase == Phase.STOPPED else "failed"
    where = {"job": config.job.name, "run": config.run.id}
    if status.reason:
        where["reason"] = status.reason
    if result.download is not None:
        where["artifacts"] = str(result.download.folder)
    message = f": {status.message}" if status.message else ""
    again = "`runctl up --rerun` tries again"
    if status.reason == Reason.LEFT_PROCESSES:  # it would end the same way
        again = "let `run` end with `wait`, or set background: wait or stop, then `runctl up --rerun`"
    if status.phase == Phase.STOPPED:
        again = f"`runctl resume {config.job.name}` continues it"
    return TrainingFailedError(
        f"The training of job '{config.job.name}' {verb} {how}{message}.",
        training_exit_code=status.exit_code,
        where=where,
        next_step=f"`runctl logs {config.job.name}` shows its output; {again}; "
        f"`runctl down {config.job.name}` removes everything.",
    )
