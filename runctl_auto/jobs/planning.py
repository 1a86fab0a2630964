"""Previews: what applying a job file would change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import JobNotFoundError, StackLockedError
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.follow import await_end
from runctl_auto.jobs.held_volumes import refuse_what_the_state_forbids
from runctl_auto.jobs.intent import NEW_JOB, Intent, Present, decide, gather, look, look_only
from runctl_auto.jobs.job_file_lines import with_job_file_lines
from runctl_auto.jobs.reporting import PATIENCE_SECONDS, PlanView
from runctl_auto.jobs.secret_values import SecretValues, choose_secrets
from runctl_auto.jobs.session import Workplace
from runctl_auto.protection.changes import protection_notes
from runctl_auto.providers.aws.machines import find_machine
from runctl_auto.stack.config import StackConfig

Look = Callable[[Workplace, JobStack], Present]
"""Finds out how a job is."""


def preview(workplace: Workplace, job: CheckedJob, *, rerun: bool) -> PlanView:
    """What ``up`` would change. Leaves no stack and no changed configuration behind, and settles nothing."""
    with claimed(workplace, job.spec.name):
        workplace.driver.expect_programs()
        stack, present, intent = prepare(workplace, job, rerun=rerun, look=look_only)
        try:
            with tentative_config(stack, intent.config, intent.secrets), with_job_file_lines(job.file):
                view = plan_for(workplace, stack, present, intent)
            workplace.reporter.plan(view)
            return view
        finally:
            _remove_unused(stack, present)


def prepare(
    workplace: Workplace, job: CheckedJob, *, rerun: bool, look: Look = look
) -> tuple[JobStack, Present, Intent]:
    """The job's stack, the job as it is, and what applying ``job`` means.

    The engine opens or makes the stack while the work folder is packaged. A stack that was made for what is
    then refused is removed again.
    """
    with workplace.reporter.working("preparing", after=PATIENCE_SECONDS):
        return _prepared(workplace, job, rerun=rerun, look=look)


def _prepared(
    workplace: Workplace, job: CheckedJob, *, rerun: bool, look: Look
) -> tuple[JobStack, Present, Intent]:
    spec = job.spec
    with ThreadPoolExecutor(max_workers=1) as beside:
        opening = beside.submit(_open_or_create, workplace, spec.name)
        try:
            material = gather(workplace, job)
        except BaseException:
            _remove_new(*opening.result())
            raise
        stack, is_new = opening.result()
    try:
        present = NEW_JOB if is_new else look(workplace, stack)
        refuse_what_the_state_forbids(job.file, present.state)
        secrets = choose_secrets(spec.name, spec.secrets, workplace.shell, stack.secrets())
        with with_job_file_lines(job.file):
            intent = decide(workplace, spec, present, material, rerun=rerun)
        intent = replace(intent, secrets=secrets)
    except BaseException:
        _remove_new(stack, is_new)
        raise
    return stack, present, intent


def _open_or_create(workplace: Workplace, job: str) -> tuple[JobStack, bool]:
    """The stack, and whether it was made just now."""
    try:
        return workplace.driver.open(job), False
    except JobNotFoundError:
        return workplace.driver.create(job), True


def _remove_new(stack: JobStack, is_new: bool) -> None:
    if is_new:
        stack.remove()


def plan_for(workplace: Workplace, stack: JobStack, present: Present, intent: Intent) -> PlanView:
    """The plan with the stack's configuration as it is; waits first while a machine is shutting down."""
    with workplace.reporter.working("planning"):
        _await_dead_machine(workplace, present)
        plan = stack.preview(refresh=present.instance is not None)
    notes = ["the run that is active is stopped gracefully first"] if intent.replaces_active_run else []
    notes += intent.notes
    notes += [
        f"secret {name}: not set here; the value that the stack keeps is used" for name in intent.secrets.kept
    ]
    notes += plan.advice
    notes += protection_notes(present.config.protection if present.config else None, intent.wanted)
    return PlanView(stack.job, intent.config.run.id, plan, intent.config.placement, tuple(notes))


@contextmanager
def no_trace_of_what_is_refused(stack: JobStack, present: Present) -> Iterator[None]:
    """The stack of a new job is removed again when nothing came of it."""
    try:
        yield
    except BaseException:
        _remove_unused(stack, present)
        raise


def _remove_unused(stack: JobStack, present: Present) -> None:
    if present is NEW_JOB and not stack.state().resources:
        stack.remove()


@dataclass(frozen=True)
class HeldConfig:
    """What a stack's settings file held at a moment; ``sealed`` are its secrets as they are kept."""

    values: Mapping[str, str]
    sealed: str | None

    def put_back(self, stack: JobStack) -> None:
        """Makes it so again; a file that held nothing stays, with its stack, as it is."""
        if self.values:
            stack.set_config(self.values)
            stack.restore_secrets(self.sealed)


def held_config(stack: JobStack) -> HeldConfig:
    return HeldConfig(stack.config(), stack.sealed_secrets())


@contextmanager
def tentative_config(
    stack: JobStack, config: StackConfig, secrets: SecretValues | None = None
) -> Iterator[Callable[[], None]]:
    """``config`` on the stack, taken back at the end unless the yielded function was called. Without
    ``secrets`` those of the stack stay.
    """
    held = held_config(stack)
    settled = False

    def settle() -> None:
        nonlocal settled
        settled = True

    stack.set_config(config.to_values())
    try:
        if secrets is not None:
            stack.set_secrets(secrets.values)
        yield settle
    finally:
        if not settled:
            held.put_back(stack)


@contextmanager
def unchanged_when_locked(stack: JobStack, held: HeldConfig) -> Iterator[None]:
    """The stack's settings are again what they were, when somebody else turns out to hold the stack."""
    try:
        yield
    except StackLockedError:
        held.put_back(stack)
        raise


def _await_dead_machine(workplace: Workplace, present: Present) -> None:
    """While a machine is shutting down the provider still sees it: waits until it is terminated."""
    if present.instance is None or present.config is None:
        return
    cloud = workplace.cloud(present.config.placement.region)
    await_end(cloud, find_machine(cloud, present.instance), workplace.time)
