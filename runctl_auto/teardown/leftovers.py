"""Settles what a killed operation left open: what it made and no state recorded is found and removed.

An engine notes in the state which creation it is about to ask for. When it is killed before it could note the
answer, the thing may exist: with the job's tag, and in no state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from runctl_auto.leaks.commands import remove_role_policy
from runctl_auto.leaks.found import KIND_OF_TYPE, ROLE_POLICY, keys_in
from runctl_auto.stack.state import StackState
from runctl_auto.teardown.scan import Found, Scanner

_ROLE_POLICY_TYPE = "aws:iam/rolePolicy:RolePolicy"


def unrecorded(
    scanner: Scanner, state: StackState, broken: Collection[str] = frozenset()
) -> tuple[Found, ...]:
    """What the open creations of ``state``, and those of the types ``broken``, may have made: surely the
    job's by tag or name, of the kinds that were being created, in no state and not protected."""
    policies = tuple(_role_policies(state))
    types = {each.resource.type for each in state.pending_creates} | set(broken)
    kinds = {KIND_OF_TYPE[each] for each in types if each in KIND_OF_TYPE}
    if not kinds:
        return policies
    recorded = keys_in(state)
    found = scanner.find()
    return policies + tuple(
        each
        for each in found
        if each.kind in kinds
        and not (each.keys_in_states & recorded)
        and not each.protected
        and _is_surely_its_own(each)
    )


def _is_surely_its_own(thing: Found) -> bool:
    return thing.sure and thing.how != "relation"


def _role_policies(state: StackState) -> Iterator[Found]:
    """Inline policies carry no tags; they are known by their role, which cannot be deleted before them."""
    for pending in state.pending_creates:
        role, name = pending.resource.inputs.get("role"), pending.resource.inputs.get("name")
        if pending.resource.type == _ROLE_POLICY_TYPE and role and name:
            yield Found(ROLE_POLICY, f"{role}:{name}", remove_role_policy(role, name))
