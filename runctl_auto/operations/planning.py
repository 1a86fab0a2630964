"""Previews: what applying a job file would change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runctl_auto.driver import JobStack
from runctl_auto.errors import JobNotFoundError
from runctl_auto.observe.machines import find_machine
from runctl_auto.operations.follow import await_end
from runctl_auto.operations.intent import Intent, Present, decide, look, read_job
from runctl_auto.operations.reporting import PlanView
from runctl_auto.operations.workplace import Workplace
from runctl_auto.stack_config import StackConfig


def preview(workplace: Workplace, path: Path, *, rerun: bool) -> PlanView:
    """What ``up`` would change. Leaves neither a stack nor a changed configuration behind."""
    spec = read_job(path)
    with _stack_for_preview(workplace, spec.name) as stack:
        present = look(workplace, stack)
        intent = decide(workplace, path, spec, present, rerun=rerun)
        with tentative_config(stack, intent.config):
            view = plan_for(workplace, stack, present, intent)
        workplace.reporter.plan(view)
        return view


def plan_for(workplace: Workplace, stack: JobStack, present: Present, intent: Intent) -> PlanView:
    """The plan with the stack's configuration as it is; waits first while a machine is shutting down."""
    with workplace.reporter.working("planning"):
        _await_dead_machine(workplace, present)
        plan = stack.preview(refresh=present.instance is not None)
    notes = ("the run that is active is stopped gracefully first",) if intent.replaces_active_run else ()
    return PlanView(stack.job, intent.config.run.id, plan, intent.config.placement, notes)


@contextmanager
def tentative_config(stack: JobStack, config: StackConfig) -> Iterator[Callable[[], None]]:
    """``config`` on the stack, taken back at the end unless the yielded function was called."""
    held = stack.config()
    settled = False

    def settle() -> None:
        nonlocal settled
        settled = True

    stack.set_config(config.to_values())
    try:
        yield settle
    finally:
        if not settled and held:
            stack.set_config(held)


@contextmanager
def _stack_for_preview(workplace: Workplace, job: str) -> Iterator[JobStack]:
    try:
        yield workplace.driver.open(job)
        return
    except JobNotFoundError:
        stack = workplace.driver.open_or_create(job)
    try:
        yield stack
    finally:
        stack.remove()


def _await_dead_machine(workplace: Workplace, present: Present) -> None:
    """While a machine is shutting down the provider still sees it: waits until it is terminated."""
    if present.instance is None or present.config is None:
        return
    cloud = workplace.cloud(present.config.placement.region)
    await_end(cloud, find_machine(cloud, present.instance), workplace.time)
