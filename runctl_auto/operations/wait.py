"""``wait``: blocks until a job's run has ended. Reads only, and makes no new machine."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.agent.contract import Phase
from runctl_auto.errors import TrainingFailedError, WaitTimedOutError
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.operations.status import WATCH_PACE, JobStatus, status_of


def wait(
    session: Session, name: str, tell: Callable[[JobStatus], None], *, timeout: float | None = None
) -> JobStatus:
    """The job once its run has succeeded; ``tell`` hears how it is meanwhile. Blocks, for ``timeout`` seconds
    at most.

    Raises ``TrainingFailedError`` when the run ends without success, ``WaitTimedOutError`` when it goes on
    after the timeout, ``JobNotFoundError`` without such a job.
    """
    job = session.job(name)
    with session.reporter.working(f"looking at job '{name}'", after=PATIENCE_SECONDS):
        job.open()
    began = session.time.monotonic()
    while True:
        found = status_of(job)
        tell(found)
        if found.ended:
            return _succeeded(found)
        waited = session.time.monotonic() - began
        if timeout is not None and waited >= timeout:
            raise WaitTimedOutError(
                f"The run of job '{name}' has not ended within {timeout:.0f} s; it is {found.phase}.",
                where={"job": name, "run": found.config.run.id, "phase": found.phase},
                next_step=f"It goes on. `runctl logs -f {name}` follows it.",
            )
        pause = WATCH_PACE.seconds(waited)
        session.time.sleep(pause if timeout is None else min(pause, timeout - waited))


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
