"""The receipt of a teardown: what was deleted, what was kept and why, what was leaked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from runctl_auto.providers.resource import Blocker, CloudResource, Unchecked
from runctl_auto.stack.state import ResourceState, StackState

TAGGED = "protected by its tag"
LISTED = "protected by the settings"


@dataclass(frozen=True)
class Deleted:
    """A resource that the state no longer holds."""

    type: str
    name: str
    id: str


@dataclass(frozen=True)
class Kept:
    """A resource that was not deleted, on purpose."""

    type: str
    name: str
    id: str
    why: str


@dataclass(frozen=True)
class Leak:
    """A resource of the job that exists and is in no state. ``remove`` is a command line that removes it.

    ``cost_hour`` is in USD, None if unknown; ``how`` says what shows that it is the job's.
    """

    kind: str
    id: str
    remove: str
    name: str = ""
    age_seconds: float | None = None
    cost_hour: float | None = None
    how: str = "tag"


@dataclass(frozen=True)
class Foreign:
    """A resource with the job's name that belongs to another owner or backend. It is not touched."""

    kind: str
    id: str
    owner: str


@dataclass(frozen=True)
class Blocked:
    """A resource that the cloud does not delete. ``why`` is what prevents it or the cloud's answer, with its
    error ``code`` if it gave one; ``next_step`` is what the user can do.
    """

    urn: str
    type: str
    name: str
    id: str
    why: str
    next_step: str
    code: str | None = None
    held_by: tuple[Blocker, ...] = ()

    def as_json(self) -> dict[str, object]:
        return {
            "type": self.type,
            "name": self.name,
            "id": self.id,
            "why": self.why,
            "code": self.code,
            "held_by": [
                {
                    "what": each.what,
                    "kind": each.kind or None,
                    "id": each.id or None,
                    "release": each.release or None,
                }
                for each in self.held_by
            ],
            "next_step": self.next_step,
        }


@dataclass(frozen=True)
class Receipt:
    """The result of a teardown. ``blocked`` could not be deleted; ``unchecked`` are kinds of resources that
    could not be listed.
    """

    job: str
    deleted: tuple[Deleted, ...]
    kept: tuple[Kept, ...]
    leaked: tuple[Leak, ...]
    stack_removed: bool
    blocked: tuple[Blocked, ...] = ()
    foreign: tuple[Foreign, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    at: str | None = None
    account: str | None = None
    region: str | None = None
    run: str | None = field(default=None)

    @property
    def is_complete(self) -> bool:
        """Whether it is known that nothing is left but what is kept on purpose."""
        return not (self.leaked or self.blocked or self.unchecked)

    def as_json(self) -> dict[str, object]:
        return {
            "job": self.job,
            "run": self.run,
            "account": self.account,
            "region": self.region,
            "at": self.at,
            "deleted": [vars(each) for each in self.deleted],
            "kept": [vars(each) for each in self.kept],
            "blocked": [each.as_json() for each in self.blocked],
            "leaked": [vars(each) for each in self.leaked],
            "foreign": [vars(each) for each in self.foreign],
            "unchecked": [vars(each) for each in self.unchecked],
            "stack_removed": self.stack_removed,
            "nothing_left": self.is_complete and not self.kept,
        }


def leak_of(resource: CloudResource, now: datetime) -> Leak:
    """The receipt's entry for a resource that should not exist."""
    age = resource.age_seconds(now)
    return Leak(
        resource.kind,
        resource.id,
        resource.remove,
        name=resource.name,
        age_seconds=None if age is None else round(age, 1),
        cost_hour=resource.cost_hour,
        how=resource.how,
    )


def kept_by_tag(resource: CloudResource) -> Kept:
    """The receipt's entry for a resource in no state that its tag or the settings protect."""
    return Kept(
        resource.kind, resource.name or resource.id, resource.id, TAGGED if resource.protected else LISTED
    )


def deleted_between(before: StackState, after: StackState) -> tuple[Deleted, ...]:
    """Resources that the state held ``before`` and no longer holds ``after``."""
    left = {(each.urn, each.id) for each in after.in_cloud()}
    return tuple(
        Deleted(each.type, each.name, each.id)
        for each in before.in_cloud()
        if (each.urn, each.id) not in left
    )


def kept_in(state: StackState, blocked: Collection[Blocked] = ()) -> tuple[Kept, ...]:
    """Resources that a teardown left in the state, each with the reason, without those in ``blocked``."""
    refused = {each.urn for each in blocked}
    protected = [each for each in state.resources if each.protect]
    held = [each for each in state.resources if each.urn in refused]
    return tuple(
        Kept(each.type, each.name, each.id, _reason(each, protected, held, state))
        for each in state.in_cloud()
        if each.urn not in refused
    )


def _reason(
    resource: ResourceState,
    protected: Iterable[ResourceState],
    blocked: Iterable[ResourceState],
    state: StackState,
) -> str:
    if resource.protect:
        return "protected"
    needed_by = [each.name for each in protected if resource.urn in (each.parent, *each.dependencies)]
    if needed_by:
        return f"needed by {', '.join(needed_by)}, which is protected"
    holding = [each.name for each in blocked if resource.urn in state.needed_by([each.urn])]
    if holding:
        return f"needed by {', '.join(holding)}, which could not be deleted"
    return "not deleted"
