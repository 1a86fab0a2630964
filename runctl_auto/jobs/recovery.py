"""Recovers a job whose runctl or engine was killed, so that its state tells what exists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from runctl_auto.backend.unfinished import Period
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.leftovers.receipt import Deleted
from runctl_auto.leftovers.removal import remove_all
from runctl_auto.leftovers.unrecorded import made_unnoticed, unrecorded
from runctl_auto.providers.resource import CloudResource
from runctl_auto.stack.applied_config import AppliedConfig
from runctl_auto.stack.kinds import titled
from runctl_auto.stack.state import StackState


@dataclass(frozen=True)
class Recovered:
    """A job on which nothing works: its ``state``, what was ``removed`` to make it true, and when updates
    worked of which something unrecorded may still come to light."""

    state: StackState
    removed: tuple[Deleted, ...] = ()
    unfinished: tuple[Period, ...] = ()


def recover(job: StackInHand, config: AppliedConfig | None) -> Recovered:
    """The job once no engine works on it and no operation is pending.

    Blocks while an engine that outlived its runctl is at work. What a killed engine, or one whose provider
    died, made without recording it is removed, since nothing is known of it but that it is the job's and new;
    all that was recorded stays. What was to be protected when it was killed is protected, so that no teardown
    takes it for unprotected. Idempotent. Raises ``StackLockedError`` when somebody else works on the job.
    """
    stack = job.stack
    stack.await_quiet()
    state = job.state()
    if config is None:
        return Recovered(state)
    unfinished = tuple(stack.unfinished(state))
    if not (state.pending or unfinished):
        return Recovered(_with_whole_protection(stack, state))
    refuse_another_account(job, config)
    removed: tuple[Deleted, ...] = ()
    if state.pending:
        job.session.reporter.say(f"recovering what an interrupted operation on {titled(job.name)} left")
        removed = _remove(job, config, lambda: unrecorded(job.scanner(config), state))
        stack.forget_pending()
        state = job.state()
    # Only now: to mark a protection the state is imported, which drops its pending operations.
    state = _with_whole_protection(stack, state)
    return Recovered(state, (*removed, *remove_unnoticed(job, config, state, unfinished)), unfinished)


def unrecorded_now(job: StackInHand, config: AppliedConfig, state: StackState) -> tuple[CloudResource, ...]:
    """What ``recover`` would remove. Reads only."""
    pending = unrecorded(job.scanner(config), state) if state.pending else ()
    unfinished = tuple(job.stack.unfinished(state))
    more = _unnoticed(job, config, state, unfinished) if unfinished else ()
    return tuple({each.key: each for each in (*pending, *more)}.values())


def remove_unnoticed(
    job: StackInHand, config: AppliedConfig, state: StackState, unfinished: tuple[Period, ...]
) -> tuple[Deleted, ...]:
    """Removes what updates made in the periods ``unfinished`` and no state holds; what was removed.

    Blocks until machines among it have ended. What is protected, somebody else's, or not surely the job's
    stays.
    """
    return _remove(job, config, lambda: _unnoticed(job, config, state, unfinished)) if unfinished else ()


def _unnoticed(
    job: StackInHand, config: AppliedConfig, state: StackState, unfinished: tuple[Period, ...]
) -> tuple[CloudResource, ...]:
    protected = job.session.settings.policies.protected
    listed = {*protected, *config.used_volumes}
    scanner = job.scanner(config)
    return scanner.unrecorded_unlisted(state) + made_unnoticed(
        scanner.survey().found,
        state,
        unfinished,
        scanner.is_surely_own,
        kinds=scanner.kinds,
        listed=listed,
    )


def _remove(
    job: StackInHand, config: AppliedConfig, look: Callable[[], tuple[CloudResource, ...]]
) -> tuple[Deleted, ...]:
    reporter, provider = job.session.reporter, job.provider
    with reporter.working("looking for unrecorded resources", after=PATIENCE_SECONDS):
        removed = remove_all(look(), provider.kinds, partial(provider.remove, account=config.account))
    for each in removed:
        reporter.say(f"removed unrecorded {each.kind} {each.id}")
    return tuple(unrecorded_deletion(each) for each in removed)


def unrecorded_deletion(resource: CloudResource) -> Deleted:
    """The receipt's entry for something that no state held."""
    return Deleted(f"unrecorded {resource.kind}", resource.name or resource.id, resource.id)


@contextmanager
def nothing_unrecorded(job: StackInHand) -> Iterator[None]:
    """Within it operations change the stack; when one fails, what its broken creations made is removed.

    A provider that dies during a creation, or a call that is not answered, leaves things that exist and that
    neither the state nor its pending operations know. What cannot be looked for or removed now is told by the
    next ``down``.
    """
    try:
        yield
    except RunctlError:
        if job.stack.broken_creations:
            _remove_what_broke(job)
        raise


def _remove_what_broke(job: StackInHand) -> None:
    try:
        config, state, broken = job.applied_config(), job.state(), job.stack.broken_creations
        _remove(job, config, lambda: unrecorded(job.scanner(config), state, broken))
    except RunctlError as error:
        job.session.reporter.say(f"what a failed creation may have left could not be looked for: {error}")


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
