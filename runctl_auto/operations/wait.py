"""``wait``: blocks until a job's run has ended. Reads only, and makes no new machine."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.agent.contract import Phase
from runctl_auto.errors import TrainingFailedError
from runctl_auto.jobs.session import Session
from runctl_auto.operations.status import JobStatus, watch


def wait(
    session: Session, name: str, tell: Callable[[JobStatus], None], *, timeout: float | None = None
) -> JobStatus:
    """The job once its run has succeeded; ``tell`` hears how it is meanwhile. Blocks, for ``timeout`` seconds
    at most.

    Raises ``TrainingFailedError`` when the run ends without success, ``WaitTimedOutError`` when it goes on
    after the timeout, ``JobNotFoundError`` without such a job.
    """
    return _succeeded(watch(session, name, tell, timeout=timeout))


def _succeeded(found: JobStatus) -> JobStatus:
    status, name = found.status, found.config.job.name
    if status is None or status.succeeded:
        return found
    how = "was stopped" if status.phase == Phase.STOPPED else "failed"
    code = f" with exit code {status.exit_code}" if status.exit_code is not None else f" ({status.reason})"
    raise TrainingFailedError(
        f"The training of job '{name}' {how}{code}{f': {status.message}' if status.message else ''}.",
        training_exit_code=status.exit_code,
        where={
            "job": name,
            "run": found.config.run.id,
            **({"reason": status.reason} if status.reason else {}),
        },
        next_step=f"`runctl logs {name}` shows its output.",
    )
