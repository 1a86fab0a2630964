"""What becomes of a command that follows a run which another command ends or replaces meanwhile."""

from __future__ import annotations

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.errors import JobEndedError, JobNotFoundError
from runctl_auto.jobs.job import Job
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig

_IDENTITIES = ("aws:iam/role:Role", "aws:iam/user:User")
"""What a job has one of from its beginning to its teardown: neither is ever kept."""
_BY = {
    Reason.DOWN: "`runctl down`",
    Reason.REPLACE: "an `up` of something else",
    Reason.USER: "`runctl stop`",
}
"""Which reasons of a stop are another command's, and whose."""


def refuse_stopped_elsewhere(config: StackConfig, status: RunStatus) -> None:
    """Raises ``JobEndedError`` when another command stopped the run: what remains to do is that command's."""
    by = _BY.get(status.reason or "")
    if status.phase == Phase.STOPPED and by is not None:
        raise _ended(config, f"was stopped by {by}", continues=status.reason == Reason.USER)


def refuse_ended_elsewhere(job: Job, config: StackConfig) -> None:
    """Raises ``JobEndedError`` when the job is gone, or has another run: applying it would make it anew.

    The caller has claimed the job, so that it stays what it is.
    """
    try:
        state = job.state()
        has_identity = any(state.first(each) is not None for each in _IDENTITIES)
    except JobNotFoundError as error:
        raise _ended(config, "was ended by another command") from error
    present = job.config()
    if not has_identity or present is None:
        raise _ended(config, "was ended by another command")
    if present.run.id != config.run.id:
        raise _ended(config, f"was replaced by run {present.run.id}")


def refuse_stop_requested(job: Job, config: StackConfig) -> None:
    """Raises ``JobEndedError`` when the run was asked to stop: it gets no other machine, even if the command
    that asked did not come to its end. One request."""
    reason = job.results.stop_request(config.run.id)
    if reason is not None:
        raise _ended(
            config, f"was asked to stop by {_BY.get(reason, reason)}", continues=reason != Reason.REPLACE
        )


def _ended(config: StackConfig, how: str, *, continues: bool = False) -> JobEndedError:
    """``continues``: whether ``resume`` goes on with it."""
    job = config.job.name
    again = f"`runctl resume {job}` continues it" if continues else "`runctl up` starts it again"
    return JobEndedError(
        f"Run {config.run.id} of job '{job}' {how}.",
        where={"job": job, "run": config.run.id},
        next_step=f"`runctl status {job}` tells what there is of it; {again}.",
    )
