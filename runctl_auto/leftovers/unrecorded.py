"""Finds what an interrupted operation created and no state recorded.

The engine notes in the state which creation it is about to request. If it is killed before it can note the
result, the resource may exist, with the job's tag and in no state. If its provider dies instead, the engine
takes the creation for failed and notes nothing: the resource is recognised by the time of its creation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import timedelta

from runctl_auto.backend.unfinished import Period
from runctl_auto.providers.contract import Scanner
from runctl_auto.providers.resource import CloudResource, Key
from runctl_auto.providers.resource_kind import AnyKinds
from runctl_auto.stack.state import StackState

CLOCKS_DIFFER = timedelta(seconds=60)
"""How far the cloud's clock may be from the engine's."""


def unrecorded(
    scanner: Scanner,
    state: StackState,
    broken: Collection[str] = frozenset(),
) -> tuple[CloudResource, ...]:
    """What the pending creations of ``state``, and failed creations of the types ``broken``, may have made.

    Only resources whose tag or name shows that they are the job's, of the kinds that were being created, in
    no state, and not protected.
    """
    kinds = scanner.kinds
    unlisted = scanner.pending_unlisted(state)
    types = {each.resource.type for each in state.pending_creates} | set(broken)
    wanted = {kind.name for each in types if (kind := kinds.of_type(each)) is not None}
    if not wanted:
        return unlisted
    recorded = kinds.keys_in(state)
    return unlisted + tuple(
        each
        for each in scanner.find()
        if each.kind in wanted
        and not _is_recorded(each, recorded, kinds)
        and not each.protected
        and _is_surely_its_own(each)
    )


def made_unnoticed(
    resources: Iterable[CloudResource],
    state: StackState,
    periods: Collection[Period],
    is_own: Callable[[CloudResource], bool],
    *,
    kinds: AnyKinds,
    listed: Collection[str] = (),
) -> tuple[CloudResource, ...]:
    """Of the existing ``resources``, those that updates during ``periods`` made and did not record.

    They are in no state, not protected, of a kind that stacks make, and the job's by ``is_own``. ``listed``
    are ids that the settings protect or that the job uses without having made them.
    """
    recorded = kinds.keys_in(state)
    return tuple(
        each
        for each in resources
        if kinds[each.kind].made_by_stacks
        and not _is_recorded(each, recorded, kinds)
        and not each.protected
        and each.id not in listed
        and _was_made_in(each, periods, kinds)
        and is_own(each)
    )


def _is_recorded(resource: CloudResource, recorded: Collection[Key], kinds: AnyKinds) -> bool:
    """Whether the state holds it, or the group that launched it."""
    kind = kinds[resource.kind]
    launchers = {
        key
        for key in kinds.parent_keys(resource)
        if key[0] in kind.managed_with and kinds[key[0]].launches_machines
    }
    return any(key in recorded for key in kinds.state_keys(resource) | launchers)


def _was_made_in(resource: CloudResource, periods: Collection[Period], kinds: AnyKinds) -> bool:
    if not kinds[resource.kind].has_creation_time:
        return True
    moment = resource.created_at
    return moment is not None and any(each.holds(moment, CLOCKS_DIFFER) for each in periods)


def _is_surely_its_own(resource: CloudResource) -> bool:
    return resource.sure and resource.how != "relation"
