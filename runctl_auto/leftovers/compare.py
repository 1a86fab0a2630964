"""Compares what exists with what the stacks manage: orphans, empty stacks, overdue machines. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS
from runctl_auto.providers.resource import CloudResource, Key
from runctl_auto.providers.resource_kind import AnyKinds
from runctl_auto.stack.kinds import removal, titled
from runctl_auto.stack.state import StackState

ENVIRONMENTS = ("runctl:aws:TrainingEnvironment", "runctl:runpod:TrainingEnvironment")
UPLOAD_SECONDS = 86400.0
"""How long an upload of a running machine may take."""

_ACCOUNT = re.compile(r"^arn:[^:]*:[^:]*:[^:]*:(\d{12}):")


@dataclass(frozen=True)
class KnownStack:
    """A stack and its state. ``busy``: an operation on it is running."""

    job: str
    state: StackState
    busy: bool = False

    @property
    def region(self) -> str | None:
        """The region of its resources; None if none of them tells."""
        told = (*self._environments(), *(each.outputs for each in self.state.in_cloud()))
        return next((str(each["region"]) for each in told if each.get("region")), None)

    @property
    def account(self) -> str | None:
        """The account of its resources; None if none of them tells."""
        names = (str(each.outputs.get("arn", "")) for each in self.state.in_cloud())
        return next((match[1] for name in names if (match := _ACCOUNT.match(name))), None)

    @property
    def max_duration(self) -> float | None:
        """Seconds that its run may take, if there is a limit."""
        limits = (each.get("maxDurationSeconds") for each in self._environments())
        return next((float(each) for each in limits if each), None)

    @property
    def price_hour(self) -> float | None:
        """USD an hour of its machine, if known."""
        prices = (each.get("priceHour") for each in self._environments())
        return next((float(each) for each in prices if each), None)

    def _environments(self) -> Iterable[Mapping[str, Any]]:
        return (each.inputs for each in self.state.resources if each.type in ENVIRONMENTS)


@dataclass(frozen=True)
class Orphan:
    """A resource of runctl's that no stack manages. ``keep``: why it must not be deleted, if so; ``refused``:
    why the cloud did not delete it, if that was tried."""

    resource: CloudResource
    why: str
    keep: str | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Gone:
    """A stack none of whose resources exists any more."""

    job: str
    resources: int


@dataclass(frozen=True)
class OverdueMachine:
    """A machine that is older than its job's limit."""

    resource: CloudResource
    job: str
    limit_seconds: float


@dataclass(frozen=True)
class Comparison:
    """The result. ``foreign`` and ``protected`` are no leaks as far as this backend can tell; ``unsettled``
    belongs to jobs with a running operation."""

    orphans: tuple[Orphan, ...] = ()
    gone: tuple[Gone, ...] = ()
    overdue: tuple[OverdueMachine, ...] = ()
    foreign: tuple[CloudResource, ...] = ()
    protected: tuple[CloudResource, ...] = ()
    unsettled: tuple[CloudResource, ...] = ()

    @property
    def finds_something(self) -> bool:
        return bool(self.orphans or self.gone or self.overdue)


@dataclass(frozen=True)
class Caller:
    """For whom and when the comparison is made: ``owners`` whose resources may be removed, the mark of the
    ``backend`` whose stacks are known, and ``listed``, ids that the settings protect."""

    owners: Collection[str]
    backend: str
    now: datetime
    listed: Collection[str] = ()


def compare(
    resources: Sequence[CloudResource],
    stacks: Mapping[str, KnownStack],
    caller: Caller,
    looked_for: Collection[str],
    *,
    kinds: AnyKinds,
) -> Comparison:
    """``resources`` of one account and region compared with all stacks of the backend.

    ``stacks`` are those whose resources can be in this account and region. ``looked_for`` are the kinds that
    were searched for successfully: a stack is not called gone because of others.
    """
    managed = _managed(resources, stacks, caller.now, kinds)
    foreign_jobs = _jobs_of_others(resources, stacks, caller)
    groups: dict[str, list[CloudResource]] = {"foreign": [], "protected": [], "unsettled": []}
    orphans = []
    for each in resources:
        if each in managed:
            continue
        stack = stacks.get(each.job)
        if stack is not None and stack.busy:
            groups["unsettled"].append(each)
        elif _is_foreign(each, stack, caller) or (_has_no_owner(each) and each.job in foreign_jobs):
            groups["foreign"].append(each)
        elif each.protected or each.id in caller.listed:
            groups["protected"].append(each)
        else:
            orphans.append(_orphan(each, stack, caller))
    existing = frozenset[Key]().union(*(kinds.state_keys(each) for each in resources))
    return Comparison(
        orphans=tuple(orphans),
        gone=tuple(_gone(stacks.values(), existing, looked_for, kinds)),
        overdue=tuple(_overdue(managed, stacks, caller.now, kinds)),
        foreign=tuple(groups["foreign"]),
        protected=tuple(groups["protected"]),
        unsettled=tuple(groups["unsettled"]),
    )


def _managed(
    resources: Sequence[CloudResource], stacks: Mapping[str, KnownStack], now: datetime, kinds: AnyKinds
) -> list[CloudResource]:
    """What a stack holds, and what is managed through its parent."""
    held = frozenset[Key]().union(*(kinds.keys_in(stack.state) for stack in stacks.values()))
    by_key = {each.key: each for each in resources}

    def is_managed(resource: CloudResource, seen: frozenset[Key] = frozenset()) -> bool:
        if kinds.state_keys(resource) & held:
            return True
        kind = kinds[resource.kind]
        if resource.key in seen or (kind.separate_if_named_as_parent and resource.id == resource.parent):
            return False
        if kind.needs_running_machine and not _may_be_completed(
            resource, stacks.get(resource.job), now, kinds
        ):
            return False
        parents = [key for key in kinds.parent_keys(resource) if key[0] in kind.managed_with]
        return any(
            key in held or (key in by_key and is_managed(by_key[key], seen | {resource.key}))
            for key in parents
        )

    return [each for each in resources if is_managed(each)]


def _may_be_completed(
    resource: CloudResource, stack: KnownStack | None, now: datetime, kinds: AnyKinds
) -> bool:
    return (
        stack is not None
        and _has_machine(stack.state, kinds)
        and (resource.age_seconds(now) or 0.0) < UPLOAD_SECONDS
    )


def _has_machine(state: StackState, kinds: AnyKinds) -> bool:
    tokens = (token for kind in kinds if kind.is_machine or kind.launches_machines for token in kind.types)
    return any(state.first(token) is not None for token in tokens)


def _is_foreign(resource: CloudResource, stack: KnownStack | None, caller: Caller) -> bool:
    """Whether another backend may manage it."""
    if resource.backend:
        return resource.backend != caller.backend
    return stack is None and resource.owner not in ("", *caller.owners)


def _has_no_owner(resource: CloudResource) -> bool:
    return not (resource.owner or resource.backend)


def _jobs_of_others(
    resources: Iterable[CloudResource], stacks: Mapping[str, KnownStack], caller: Caller
) -> frozenset[str]:
    """Jobs with a foreign resource: their resources without an owner may be foreign as well."""
    return frozenset(each.job for each in resources if _is_foreign(each, stacks.get(each.job), caller))


def _orphan(resource: CloudResource, stack: KnownStack | None, caller: Caller) -> Orphan:
    keep = None
    if stack is not None and stack.state.pending:
        keep = f"an operation on it was interrupted: `{removal(resource.job)}` recovers it first"
    elif not resource.sure:
        keep = "only its name speaks for it, and that is not one that runctl gives"
    elif resource.owner not in ("", *caller.owners):
        keep = f"it is {resource.owner}'s: --owner {resource.owner} includes it"
    whose = titled(resource.job)
    why = f"there is no {whose}" if stack is None else f"{whose} does not hold it"
    return Orphan(resource, why, keep)


def _gone(
    stacks: Iterable[KnownStack],
    existing: Collection[Key],
    looked_for: Collection[str],
    kinds: AnyKinds,
) -> Iterable[Gone]:
    for stack in stacks:
        compared = [key for key in kinds.keys_in(stack.state) if key[0] in looked_for]
        if compared and not stack.busy and not any(each in existing for each in compared):
            yield Gone(stack.job, len(stack.state.in_cloud()))


def _overdue(
    managed: Iterable[CloudResource], stacks: Mapping[str, KnownStack], now: datetime, kinds: AnyKinds
) -> Iterable[OverdueMachine]:
    for each in managed:
        stack = stacks.get(each.job)
        limit = stack.max_duration if stack is not None else None
        age = each.age_seconds(now)
        is_old = limit is not None and age is not None and age > limit + DEADLINE_SLACK_SECONDS
        if kinds[each.kind].is_machine and limit is not None and is_old:
            yield OverdueMachine(each, each.job, limit)
