"""Brings a job whose runctl or engine was killed to a state that tells the truth, before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runctl_auto.cloud.access import Cloud
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import RunctlError
from runctl_auto.leaks.removal import remove_all
from runctl_auto.operations.right_account import refuse_another_account
from runctl_auto.operations.workplace import Workplace
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState
from runctl_auto.teardown.leftovers import unrecorded
from runctl_auto.teardown.receipt import Deleted
from runctl_auto.teardown.scan import Scanner


def settle(
    workplace: Workplace, stack: JobStack, config: StackConfig | None
) -> tuple[StackState, tuple[Deleted, ...]]:
    """The state, once no engine works on it and no operation is open; and what was removed for that.

    Blocks while an engine that outlived its runctl is at work. What a killed engine made without recording
    it is removed, since nothing is known of it but that it is the job's and new; all that was recorded stays.
    What was to be protected when it was killed is protected, so that no teardown takes it for unprotected.
    Raises ``StackLockedError`` when somebody else works on the job.
    """
    stack.await_quiet()
    state = _with_whole_protection(stack, stack.state())
    if config is None or not state.pending:
        return state, ()
    refuse_another_account(workplace, config)
    reporter = workplace.reporter
    reporter.say(f"an operation on job '{stack.job}' was killed; settling what it left open")
    cloud = workplace.cloud(config.placement.region)
    with reporter.working("removing what was made and not recorded"):
        removed = remove_all(
            cloud, unrecorded(_scanner(cloud, config), state), owner=config.placement.account
        )
        stack.forget_pending()
    return stack.state(), tuple(Deleted(f"unrecorded {each.kind}", each.id, each.id) for each in removed)


@contextmanager
def nothing_unrecorded(workplace: Workplace, stack: JobStack, config: StackConfig) -> Iterator[None]:
    """Within it operations change the stack; when one fails, what its broken creations made is removed.

    A provider that dies during a creation, or a call that is not answered, leaves things that exist and that
    neither the state nor its pending operations know. What cannot be looked for or removed now is told by the
    next ``down``.
    """
    try:
        yield
    except RunctlError:
        if stack.broken_creations:
            _remove_what_broke(workplace, stack, config)
        raise


def _remove_what_broke(workplace: Workplace, stack: JobStack, config: StackConfig) -> None:
    cloud = workplace.cloud(config.placement.region)
    try:
        found = unrecorded(_scanner(cloud, config), stack.state(), stack.broken_creations)
        for each in remove_all(cloud, found, owner=config.placement.account):
            workplace.reporter.say(f"removed what was made and not recorded: {each.kind} {each.id}")
    except RunctlError as error:
        workplace.reporter.say(f"what a broken creation may have left is still to be looked for: {error}")


def _scanner(cloud: Cloud, config: StackConfig) -> Scanner:
    return Scanner(cloud, config.job.name, config.placement.account, config.owner)


def _with_whole_protection(stack: JobStack, state: StackState) -> StackState:
    """The state in which all children of a protected component are protected, as the program makes them.

    An ``up`` that was killed while it put a protection in force has recorded it of some.
    """
    components = {each.urn for each in state.resources if each.protect and not each.custom}
    behind = [
        each.urn
        for each in state.resources
        if each.parent in components and not each.protect and not each.delete
    ]
    if not behind:
        return state
    stack.mark_protected(behind, protect=True)
    return stack.state()
