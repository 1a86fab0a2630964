"""What a teardown of a job is to do: decided from its state, and planned by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from runctl_auto.engine.events import Plan
from runctl_auto.errors import JobEndedError
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.teardown.protected import TeardownProtection, teardown_protection
from runctl_auto.leftovers.receipt import Deleted
from runctl_auto.providers.compute import compute_in
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.source import Source
from runctl_auto.stack.state import StackState


@dataclass(frozen=True)
class Teardown:
    """The decision. ``config`` is None for a job that was never set up, of which there is only a stack."""

    config: StackConfig | None
    before: StackState
    protection: TeardownProtection = field(default_factory=TeardownProtection)
    trains: bool = False


def decide_teardown(
    job: Job, config: StackConfig | None, before: StackState, include_protected: Sequence[str]
) -> Teardown:
    """The teardown of ``job``, whose state is ``before``. A few requests."""
    if config is None:
        return Teardown(None, before)
    protection = teardown_protection(job.session, job.name, before, include_protected)
    return Teardown(config, before, protection, _is_training(job, config, before))


def plan_teardown(job: Job, decision: Teardown, grace_seconds: int) -> PlanView | None:
    """What the teardown would delete, and why the rest stays; None for a job that was never set up.

    What the settings list stays, whether the state protects it already or not.
    """
    if decision.config is None:
        return None
    before, protection = decision.before, decision.protection
    plan = Plan((), 0)
    if before.resources:
        with job.session.reporter.working("planning"):
            plan = job.stack.preview_destroy()
    stays = before.needed_by({urn for each in protection.listed for urn in each.urns})
    goes = (each for each in plan.changes if each.urn not in stays)
    plan = replace(plan, changes=(*goes, *protection.deletions(before)))
    first = f"the training is running: it gets {grace_seconds} s to save its checkpoint and is stopped"
    notes = (*((first,) if decision.trains else ()), *protection.kept(before), *protection.notes)
    return PlanView(job.name, decision.config.run.id, plan, None, notes)


def planned_deletions(before: StackState, view: PlanView | None) -> tuple[Deleted, ...]:
    """What of the cloud the plan deletes; all without a plan."""
    goes = None if view is None else {each.urn for each in view.plan.changes if each.operation == "delete"}
    return tuple(
        Deleted(each.type, each.name, each.id)
        for each in before.in_cloud()
        if goes is None or each.urn in goes
    )


def refuse_another_source(config: StackConfig, source: Source | None) -> None:
    """Raises ``JobEndedError`` when the job was applied from another file since it was to be ended."""
    if source is not None and config.source != source:
        raise JobEndedError(
            f"Job '{config.job.name}' is not ended: it was applied from another file meanwhile.",
            where={"job": config.job.name},
            next_step="Plan again.",
        )


def _is_training(job: Job, config: StackConfig, state: StackState) -> bool:
    if not compute_in(state).exists:
        return False
    status = job.status(config.run.id)
    return (status is None or not status.ended) and job.compute_now(state).runs
