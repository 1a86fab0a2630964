"""Settles what a killed operation left open: what it made and no state recorded is found and removed.

An engine notes in the state which creation it is about to ask for. When it is killed before it could note the
answer, the thing may exist: with the job's tag, and in no state. When its provider dies instead, the engine
takes the creation for failed and notes nothing: the thing is known by the time at which it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta

from runctl_auto.backend.unfinished import Period
from runctl_auto.leftovers.scan import Scanner
from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.records.commands import remove_role_policy
from runctl_auto.providers.resource import KIND_OF_TYPE, ROLE_POLICY, CloudResource, keys_in
from runctl_auto.stack.state import StackState

CLOCKS_DIFFER = timedelta(seconds=60)
"""By how much the clock of the cloud may differ from that of the engine."""

_MADE_BY_STACKS = frozenset(
    {
        found.INSTANCE,
        found.VOLUME,
        found.SECURITY_GROUP,
        found.ROLE,
        found.PROFILE,
        found.BUCKET,
        found.PARAMETER,
        found.SCHEDULE_GROUP,
    }
)
_TIMELESS = frozenset({found.SECURITY_GROUP})
"""Of what the services do not tell when it was made; it holds nothing of anybody's."""
_ROLE_POLICY_TYPE = "aws:iam/rolePolicy:RolePolicy"


def unrecorded(
    scanner: Scanner, state: StackState, broken: Collection[str] = frozenset()
) -> tuple[CloudResource, ...]:
    """What the open creations of ``state``, and those of the types ``broken``, may have made: surely the
    job's by tag or name, of the kinds that were being created, in no state and not protected."""
    policies = tuple(_role_policies(state))
    types = {each.resource.type for each in state.pending_creates} | set(broken)
    kinds = {KIND_OF_TYPE[each] for each in types if each in KIND_OF_TYPE}
    if not kinds:
        return policies
    recorded = keys_in(state)
    return policies + tuple(
        each
        for each in scanner.find()
        if each.kind in kinds
        and not (each.keys_in_states & recorded)
        and not each.protected
        and _is_surely_its_own(each)
    )


def made_unnoticed(
    things: Iterable[CloudResource],
    state: StackState,
    periods: Collection[Period],
    is_own: Callable[[CloudResource], bool],
    *,
    listed: Collection[str] = (),
) -> tuple[CloudResource, ...]:
    """Of the ``things`` that exist, those that updates which worked in ``periods`` made and did not record.

    They are in no state, not protected, of a kind that stacks make, and surely the job's, as ``is_own`` says.
    ``listed`` are ids that the settings protect or that the job uses without having made them.
    """
    recorded = keys_in(state)
    return tuple(
        each
        for each in things
        if each.kind in _MADE_BY_STACKS
        and not (each.keys_in_states & recorded)
        and not each.protected
        and each.id not in listed
        and _was_made_in(each, periods)
        and is_own(each)
    )


def policies_unnoticed(policies: Iterable[tuple[str, str]], state: StackState) -> tuple[CloudResource, ...]:
    """Of the inline ``policies``, as role and name, those that an update gave a role of the state and did not
    record: the role cannot be deleted before them. A stack names them as it names the role."""
    recorded = {each.id for each in state.in_cloud() if each.type == _ROLE_POLICY_TYPE}
    roles = {identity for kind, identity in keys_in(state) if kind == found.ROLE}
    return tuple(
        CloudResource(ROLE_POLICY, f"{role}:{name}", remove_role_policy(role, name))
        for role, name in policies
        if role in roles and name == role and f"{role}:{name}" not in recorded
    )


def _was_made_in(thing: CloudResource, periods: Collection[Period]) -> bool:
    if thing.kind in _TIMELESS:
        return True
    moment = thing.created_at
    return moment is not None and any(each.holds(moment, CLOCKS_DIFFER) for each in periods)


def _is_surely_its_own(thing: CloudResource) -> bool:
    return thing.sure and thing.how != "relation"


def _role_policies(state: StackState) -> Iterator[CloudResource]:
    """Inline policies carry no tags; they are known by their role, which cannot be deleted before them."""
    for pending in state.pending_creates:
        role, name = pending.resource.inputs.get("role"), pending.resource.inputs.get("name")
        if pending.resource.type == _ROLE_POLICY_TYPE and role and name:
            yield CloudResource(ROLE_POLICY, f"{role}:{name}", remove_role_policy(role, name))
