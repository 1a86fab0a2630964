"""``stop`` and ``resume`` of a job of this machine: its processes end and its folder stays; the next attempt
goes on from the last checkpoint."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.local.agent_record import AgentRecord
from runctl_auto.agent.local.spawn import spawn
from runctl_auto.errors import UsageError
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.graceful_stop import StopOutcome
from runctl_auto.jobs.local.applicable import Applied
from runctl_auto.jobs.local.decision import current_here, run_here
from runctl_auto.jobs.local.follow import await_last_agent
from runctl_auto.jobs.local.packages import lay_in
from runctl_auto.jobs.local.session import LocalSession
from runctl_auto.jobs.local.stopping import stop_here
from runctl_auto.jobs.secret_values import job_secrets
from runctl_auto.operations.resume import ResumeResult
from runctl_auto.operations.status import status_of
from runctl_auto.operations.stop import StopOptions, StopResult


def stop_job_here(session: LocalSession, name: str, options: StopOptions) -> StopResult:
    """Stops the job and keeps its folder. Idempotent. Blocks. Raises as ``stop``."""
    jobs = session.local_jobs
    config = jobs.applied_config(name)
    run = config.run.id
    status = jobs.results(name).status(run)
    if status is not None and status.ended:
        if status.phase != Phase.STOPPED:
            raise UsageError(
                f"Run {run} of job '{name}' has ended ({status.phase}): there is nothing to stop.",
                where={"job": name, "run": run},
                next_step=f"`runctl down {name}` deletes what it keeps.",
            )
        return StopResult(StopOutcome("ended-before", status), status_of(session.job(name)))
    require_confirmation(
        session.reporter,
        f"Stop the training of job '{name}'? Its data stay.",
        "Nothing was stopped: it was not confirmed.",
        yes=options.yes,
        where={"job": name},
    )
    with jobs.claimed(name, patience_seconds=30.0), session.reporter.working("stopping the training"):
        outcome = stop_here(jobs, name, run, reason=Reason.USER, grace=options.grace_seconds)
    return StopResult(outcome, status_of(session.job(name)))


def resume_here(session: LocalSession, name: str, *, yes: bool) -> ResumeResult:
    """Puts the next attempt of the job into the queue, which goes on by itself. Idempotent.

    Raises ``UsageError`` for a run that succeeded or failed, and where a secret is not set.
    """
    jobs = session.local_jobs
    with jobs.claimed(name, patience_seconds=30.0) as folder:
        config = jobs.applied_config(name)
        current = current_here(jobs, name)
        if current.goes_on:
            session.reporter.say(f"run {config.run.id} of job '{name}' goes on: nothing to resume")
            return ResumeResult(config, resumed=False)
        status = current.status
        if status is not None and status.ended and status.phase != Phase.STOPPED:
            raise UsageError(
                f"Run {config.run.id} of job '{name}' has ended ({status.phase}): it was not stopped.",
                where={"job": name, "run": config.run.id},
                next_step="`runctl up --rerun JOB.yaml` makes a new attempt.",
            )
        secrets = job_secrets(config.job, session.shell, {}).values
        require_confirmation(
            session.reporter,
            f"Resume job '{name}'?",
            "Nothing was changed: it was not confirmed.",
            yes=yes,
            where={"job": name},
        )
        run = run_here(config.job, config.run.code_sha256, current, rerun=current.has_ended)
        resumed = replace(config, run=run)
        before = AgentRecord.of(folder)
        applied = Applied(before.needs, mounts=before.mounts, data=before.data, runtime=before.runtime)
        lay_in(folder, resumed, applied, before.environment)
        jobs.write_config(name, resumed)
        await_last_agent(folder, jobs.queue)
        jobs.queue.enter(name, run.id, partial(spawn, secrets=secrets) if secrets else None)
        return ResumeResult(resumed, resumed=True)
