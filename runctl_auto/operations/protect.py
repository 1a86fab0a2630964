"""``protect`` and ``unprotect``: a person's word about one volume or the bucket, which later ``up``s keep."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import ConfirmationNeededError
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.planning import held_config, tentative_config, unchanged_when_locked
from runctl_auto.jobs.protected_teardown import refuse_listed
from runctl_auto.jobs.recovery import settle
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.session import Workplace, applied_config
from runctl_auto.protection.changes import protection_notes
from runctl_auto.protection.held import BUCKET_KEY, Held, find_held, volume_key
from runctl_auto.stack.config import Protection, StackConfig


@dataclass(frozen=True)
class ProtectionResult:
    """What is so now. ``changed`` is False when it was so before."""

    job: str
    held: Held
    protect: bool
    changed: bool


def set_protection(
    workplace: Workplace, job: str, resource: str, *, protect: bool, yes: bool
) -> ProtectionResult:
    """Protects ``resource`` of ``job`` from now on, or not any more, whatever the job file says.

    Shows the plan, asks, and touches nothing but that resource. Idempotent. Raises ``UsageError`` when the
    job has no such thing, ``ProtectedError`` when the settings protect it by its id,
    ``ConfirmationNeededError`` when declined.
    """
    with claimed(workplace, job):
        workplace.driver.expect_programs()
        stack = workplace.driver.open(job)
        config = applied_config(stack)
        state = settle(workplace, stack, config).state
        held = find_held(resource, job, state)
        if not protect:
            refuse_listed(workplace, job, held)
        wanted = _with_word(config.protection, held, protect)
        changed = wanted != config.protection or held.protected != protect
        if changed:
            _apply(workplace, stack, replace(config, protection=wanted), held, config, yes=yes)
        return ProtectionResult(job, replace(held, protected=protect), protect, changed)


def _with_word(protection: Protection, held: Held, protect: bool) -> Protection:
    asked = {**protection.asked, held.key: protect}
    if held.key == BUCKET_KEY:
        return replace(protection, bucket=protect, asked=asked)
    volumes = {
        name: protect if volume_key(name) == held.key else value for name, value in protection.volumes.items()
    }
    return replace(protection, volumes=volumes, asked=asked)


def _apply(
    workplace: Workplace, stack: JobStack, config: StackConfig, held: Held, before: StackConfig, *, yes: bool
) -> None:
    settings = held_config(stack)
    with tentative_config(stack, config) as settled:
        with workplace.reporter.working("planning"):
            plan = stack.preview(only=held.urns)
        notes = tuple(protection_notes(before.protection, config.protection))
        workplace.reporter.plan(PlanView(stack.job, None, plan, None, notes))
        if not (yes or workplace.reporter.confirm("Apply this?")):
            raise ConfirmationNeededError(
                "Nothing was changed: the plan was not confirmed.",
                where={"job": stack.job, "resource": held.name},
                next_step="Answer yes, or use --yes.",
            )
        settled()
    with unchanged_when_locked(stack, settings), workplace.reporter.working("applying"):
        stack.up(only=held.urns)
