"""The receipt of a teardown: what was deleted, what was kept and why, what is left that should not be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from runctl_auto.stack.state import ResourceState, StackState


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
    """Something of the job that exists and that no state holds. ``remove`` is a command that removes it."""

    kind: str
    id: str
    remove: str


@dataclass(frozen=True)
class Receipt:
    """The result of a teardown."""

    job: str
    deleted: tuple[Deleted, ...]
    kept: tuple[Kept, ...]
    leaked: tuple[Leak, ...]
    stack_removed: bool

    def as_json(self) -> dict[str, object]:
        return {
            "job": self.job,
            "deleted": [vars(each) for each in self.deleted],
            "kept": [vars(each) for each in self.kept],
            "leaked": [vars(each) for each in self.leaked],
            "stack_removed": self.stack_removed,
            "nothing_left": not self.kept and not self.leaked,
        }


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
