"""Brings a job whose runctl or engine was killed to a state that tells the truth, before anything else."""

from __future__ import annotations

from runctl_auto.driver import JobStack
from runctl_auto.operations.workplace import Workplace
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState
from runctl_auto.teardown.leftovers import remove_all, unrecorded
from runctl_auto.teardown.receipt import Deleted
from runctl_auto.teardown.scan import Scanner


def settle(
    workplace: Workplace, stack: JobStack, config: StackConfig | None
) -> tuple[StackState, tuple[Deleted, ...]]:
    """The state, once no engine works on it and no operation is open; and what was removed for that.

    Blocks while an engine that outlived its runctl is at work. What a killed engine made without recording
    it is removed, since nothing is known of it but that it is the job's and new; all that was recorded stays.
    Raises ``StackLockedError`` when somebody else works on the job.
    """
    stack.await_quiet()
    state = stack.state()
    if config is None or not state.pending:
        return state, ()
    reporter = workplace.reporter
    reporter.say(f"an operation on job '{stack.job}' was killed; settling what it left open")
    cloud = workplace.cloud(config.placement.region)
    scanner = Scanner(cloud, config.job.name, config.placement.account, config.owner)
    with reporter.working("removing what was made and not recorded"):
        removed = remove_all(cloud, unrecorded(scanner, state), owner=config.placement.account)
        stack.forget_pending()
    return stack.state(), tuple(Deleted(f"unrecorded {each.kind}", each.id, each.id) for each in removed)
