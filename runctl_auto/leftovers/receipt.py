"""The receipt of a teardown: what was deleted, what was kept and why, what is left that should not be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from runctl_auto.providers.resource import CloudResource, Unchecked
from runctl_auto.stack.state import ResourceState, StackState

TAGGED = "protected by its tag"
LISTED = "protected by the settings"


@dataclass(frozen=True)
class Deleted:
    """A resource that the state held before and does not hold any more."""

    type: str
    name: str
    id: str


@dataclass(frozen=True)
class Kept:
    """A resource that stays on purpose."""

    type: str
    name: str
    id: str
    why: str


@dataclass(frozen=True)
class Leak:
    """Something of the job that exists and that no state holds. ``remove`` is a command that removes it.

    ``cost_hour`` is USD an hour, None when unknown; ``how`` says what shows that it is the job's.
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
    """Something that carries the job's name and somebody else's mark. Nobody touches it."""

    kind: str
    id: str
    owner: str


@dataclass(frozen=True)
class Receipt:
    """The result of a teardown. ``unchecked`` are kinds of things that could not be looked for."""

    job: str
    deleted: tuple[Deleted, ...]
    kept: tuple[Kept, ...]
    leaked: tuple[Leak, ...]
    stack_removed: bool
    foreign: tuple[Foreign, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    at: str | None = None
    account: str | None = None
    region: str | None = None
    run: str | None = field(default=None)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left but what is kept on purpose, and that is known."""
        return not (self.leaked or self.unchecked)

    def as_json(self) -> dict[str, object]:
        return {
            "job": self.job,
            "run": self.run,
            "account": self.account,
            "region": self.region,
            "at": self.at,
            "deleted": [vars(each) for each in self.deleted],
            "kept": [vars(each) for each in self.kept],
            "leaked": [vars(each) for each in self.leaked],
            "foreign": [vars(each) for each in self.foreign],
            "unchecked": [vars(each) for each in self.unchecked],
            "stack_removed": self.stack_removed,
            "nothing_left": self.is_complete and not self.kept,
        }


def leak_of(thing: CloudResource, now: datetime) -> Leak:
    """What the receipt says of something that was found and should not be there."""
    age = thing.age_seconds(now)
    return Leak(
        thing.kind,
        thing.id,
        thing.remove,
        name=thing.name,
        age_seconds=None if age is None else round(age, 1),
        cost_hour=thing.cost_hour,
        how=thing.how,
    )


def kept_by_tag(thing: CloudResource) -> Kept:
    """What a person protected in the cloud itself or in the settings, in no state."""
    return Kept(thing.kind, thing.name or thing.id, thing.id, TAGGED if thing.protected else LISTED)


def deleted_between(before: StackState, after: StackState) -> tuple[Deleted, ...]:
    """What of the cloud the state held ``before`` and no longer holds ``after``."""
    left = {(each.urn, each.id) for each in after.in_cloud()}
    return tuple(
        Deleted(each.type, each.name, each.id)
        for each in before.in_cloud()
        if (each.urn, each.id) not in left
    )


def kept_in(state: StackState) -> tuple[Kept, ...]:
    """What a teardown left in the state, each with its reason."""
    protected = [each for each in state.resources if each.protect]
    return tuple(Kept(each.type, each.name, each.id, _reason(each, protected)) for each in state.in_cloud())


def _reason(resource: ResourceState, protected: Iterable[ResourceState]) -> str:
    if resource.protect:
        return "protected"
    needed_by = [each.name for each in protected if resource.urn in (each.parent, *each.dependencies)]
    if needed_by:
        return f"needed by {', '.join(needed_by)}, which is protected"
    return "not deleted"
