"""What becomes of a command that follows a run which another command ends or replaces meanwhile."""

from __future__ import annotations

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.errors import JobEndedError, JobNotFoundError
from runctl_auto.jobs.job import Job
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig

_ROLE = "aws:iam/role:Role"
"""What a job has from its beginning to its teardown: a role is never kept."""
_BY = {Reason.DOWN: "`runctl down`", Reason.REPLACE: "an `up` of something else"}
"""Which reasons of a stop are another command's, and whose."""


def refuse_stopped_elsewhere(config: StackConfig, status: RunStatus) -> None:
    """Raises ``JobEndedError`` when another command stopped the run: what remains to do is that command's."""
    by = _BY.get(status.reason or "")
    if status.phase == Phase.STOPPED and by is not None:
        raise _ended(config, f"was stopped by {by}")


def refuse_ended_elsewhere(job: Job, config: StackConfig) -> None:
    """Raises ``JobEndedError`` when the job is gone, or has another run: applying it would make it anew.

    The caller has claimed the job, so that it stays what it is.
    """
    try:
        holds_role = job.state().first(_ROLE) is not None
    except JobNotFoundError as error:
        raise _ended(config, "was ended by another command") from error
    present = job.config()
    if not holds_role or present is None:
        raise _ended(config, "was ended by another command")
    if present.run.id != config.run.id:
        raise _ended(config, f"was replaced by run {present.run.id}")


def refuse_stop_requested(job: Job, config: StackConfig) -> None:
    """Raises ``JobEndedError`` when the run was asked to stop: it gets no other machine, even if the command
    that asked did not come to its end. One request."""
    reason = job.results.stop_request(config.run.id)
    if reason is not None:
        raise _ended(config, f"was asked to stop by {_BY.get(reason, reason)}")


def _ended(config: StackConfig, how: str) -> JobEndedError:
    job = config.job.name
    return JobEndedError(
        f"Run {config.run.id} of job '{job}' {how}.",
        where={"job": job, "run": config.run.id},
        next_step=f"`runctl status {job}` tells what there is of it; `runctl up` starts it again.",
    )
