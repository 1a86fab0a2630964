"""Brings a job whose runctl or engine was killed to a state that tells the truth, before anything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runctl_auto.backend.unfinished import Period
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import CloudError, RunctlError
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.session import Workplace
from runctl_auto.leftovers.receipt import Deleted
from runctl_auto.leftovers.removal import remove_all
from runctl_auto.leftovers.scan import Scanner
from runctl_auto.leftovers.unrecorded import made_unnoticed, policies_unnoticed, unrecorded
from runctl_auto.providers.aws.records.catalogue import KINDS
from runctl_auto.providers.aws.records.roles import ROLE, inline_policies
from runctl_auto.providers.resource import CloudResource
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState


@dataclass(frozen=True)
class Settled:
    """A job on which nothing works: its ``state``, what was ``removed`` to make it true, and when updates
    worked of which something unrecorded may still come to light."""

    state: StackState
    removed: tuple[Deleted, ...] = ()
    unfinished: tuple[Period, ...] = ()


def settle(workplace: Workplace, stack: JobStack, config: StackConfig | None) -> Settled:
    """The job once no engine works on it and no operation is open.

    Blocks while an engine that outlived its runctl is at work. What a killed engine, or one whose provider
    died, made without recording it is removed, since nothing is known of it but that it is the job's and new;
    all that was recorded stays. What was to be protected when it was killed is protected, so that no teardown
    takes it for unprotected. Raises ``StackLockedError`` when somebody else works on the job.
    """
    stack.await_quiet()
    state = _with_whole_protection(stack, stack.state())
    if config is None:
        return Settled(state)
    unfinished = tuple(stack.unfinished(state))
    if not (state.pending or unfinished):
        return Settled(state)
    refuse_another_account(workplace, config)
    removed: tuple[Deleted, ...] = ()
    if state.pending:
        workplace.reporter.say(f"an operation on job '{stack.job}' was killed; settling what it left open")
        removed = _remove(workplace, config, lambda: unrecorded(_scanner(workplace, config), state))
        stack.forget_pending()
        state = stack.state()
    return Settled(state, (*removed, *remove_unnoticed(workplace, config, state, unfinished)), unfinished)


def remove_unnoticed(
    workplace: Workplace, config: StackConfig, state: StackState, unfinished: tuple[Period, ...]
) -> tuple[Deleted, ...]:
    """Removes what updates made in the periods ``unfinished`` and no state holds; what was removed.

    Blocks until machines among it have ended. What is protected, somebody else's, or not surely the job's
    stays.
    """
    listed = {*workplace.settings.policies.protected, *(each.id for each in config.job.volumes if each.id)}
    scanner = _scanner(workplace, config)

    def look() -> tuple[CloudResource, ...]:
        policies = policies_unnoticed(_policies(workplace, config, state), state)
        things = scanner.survey().found
        return policies + made_unnoticed(things, state, unfinished, scanner.is_surely_own, listed=listed)

    return _remove(workplace, config, look) if unfinished else ()


def _remove(
    workplace: Workplace, config: StackConfig, look: Callable[[], tuple[CloudResource, ...]]
) -> tuple[Deleted, ...]:
    with workplace.reporter.working("looking for what was made and not recorded", after=PATIENCE_SECONDS):
        cloud = workplace.cloud(config.placement.region)
        removed = remove_all(cloud, look(), KINDS, owner=config.placement.account)
    for each in removed:
        workplace.reporter.say(f"removed what was made and not recorded: {each.kind} {each.id}")
    return tuple(Deleted(f"unrecorded {each.kind}", each.name or each.id, each.id) for each in removed)


def _policies(workplace: Workplace, config: StackConfig, state: StackState) -> Iterator[tuple[str, str]]:
    """The inline policies that roles of the state have in the cloud, by role and name."""
    cloud = workplace.cloud(config.placement.region)
    for kind, role in KINDS.keys_in(state):
        if kind == ROLE.name:
            try:
                listed = tuple(inline_policies(cloud, role))
            except CloudError:
                continue
            yield from ((role, name) for name in listed)


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
    try:
        state = stack.state()
        broken = stack.broken_creations
        _remove(workplace, config, lambda: unrecorded(_scanner(workplace, config), state, broken))
    except RunctlError as error:
        workplace.reporter.say(f"what a broken creation may have left is still to be looked for: {error}")


def _scanner(workplace: Workplace, config: StackConfig) -> Scanner:
    """Looks for what is this job's: another backend may have one of the same name and owner."""
    place = config.placement
    return Scanner(
        workplace.cloud(place.region),
        config.job.name,
        place.account,
        config.owner,
        backend=workplace.environment.backend,
    )


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
