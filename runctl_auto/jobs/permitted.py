"""What settings permit: which providers jobs may use, and how many jobs may have a machine at once."""

from __future__ import annotations

from collections.abc import Collection

from runctl_auto.engine.driver import JobSummary
from runctl_auto.engine.events import Plan
from runctl_auto.errors import TooManyJobsError, UsageError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.listing import list_jobs
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.providers.compute import compute_in
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import GROUP, MACHINES, StackState


def refuse_disabled_provider(spec: JobSpec, settings: Settings) -> None:
    """Raises UsageError when settings switch a provider of the job off."""
    for provider in spec.clouds or (spec.provider,):
        if not getattr(settings, provider).enabled:
            raise UsageError(
                f"Job '{spec.name}' asks for provider {provider}, which the settings switch off.",
                where={"job": spec.name, "setting": f"{provider}.enabled"},
                next_step=f"`runctl config set {provider}.enabled true`, or name another provider.",
            )


def makes_machine(plan: Plan) -> bool:
    """Whether ``plan`` gives a job a machine that it has not."""
    return any(plan.touches(each, "create") for each in MACHINES) or plan.touches(GROUP, "create")


def refuse_too_many_jobs(session: Session, job: str, plan: Plan, *, starting: Collection[str] = ()) -> None:
    """Raises TooManyJobsError when ``plan`` gives ``job`` a machine and as many others as may have one do.

    ``starting`` are others that are getting one. Asks no more than it must: the stacks' states, and of those
    with a machine whether the run goes on.
    """
    limit = session.settings.max_parallel_jobs
    if not makes_machine(plan):
        return
    others = [each.name for each in session.driver.jobs() if each.name != job and _may_have_machine(each)]
    if len({*others, *starting}) < limit:
        return
    with session.reporter.working("counting the jobs that run", after=PATIENCE_SECONDS):
        states = session.driver.states(others)
    machines = {name for name, state in states.items() if _has_machine(state)}
    if len({*machines, *starting}) < limit:
        return
    running = {
        each.summary.name
        for each in (list_jobs(session) if machines else ())
        if each.summary.name in machines
        and not (each.facts and each.facts.status and each.facts.status.ended)
    } | set(starting)
    if len(running) >= limit:
        raise TooManyJobsError(
            f"{len(running)} jobs run, and at most {limit} may: {', '.join(sorted(running))}.",
            where={"job": job, "setting": "max_parallel_jobs"},
            next_step="Wait for one, end one with `runctl down`, or `runctl config set max_parallel_jobs N`.",
        )


def _may_have_machine(summary: JobSummary) -> bool:
    return summary.resources != 0


def _has_machine(state: object) -> bool:
    """What cannot be read counts: it may have one."""
    if not isinstance(state, StackState) or compute_in(state).exists:
        return True
    return any(each.resource.type in (*MACHINES, GROUP) for each in state.pending_creates)
