"""Holds what exists against what the stacks know: what nobody manages, and what is managed and gone. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runctl_auto.providers import resource as found
from runctl_auto.providers.resource import CloudResource, Key, keys_in
from runctl_auto.stack.state import INSTANCE, StackState

ENVIRONMENT = "runctl:aws:TrainingEnvironment"
SLACK_SECONDS = 600.0
"""What a machine gets beyond its job's max_duration to end by itself."""
UPLOAD_SECONDS = 86400.0
"""How long an upload of a running machine may take."""

_HELD_FROM_ABOVE = frozenset(
    {found.SPOT_REQUEST, found.VOLUME, found.INTERFACE, found.SNAPSHOT, found.UPLOAD, found.PROFILE}
)
"""What belongs to a stack because that does on which it hangs; a machine never does."""
_ACCOUNT = re.compile(r"^arn:[^:]*:[^:]*:[^:]*:(\d{12}):")


@dataclass(frozen=True)
class KnownStack:
    """A stack as its state tells it. ``busy``: somebody works on it now."""

    job: str
    state: StackState
    busy: bool = False

    @property
    def region(self) -> str | None:
        """Where its things are; None when it has none that tell."""
        return next((str(each["region"]) for each in self._environments() if each.get("region")), None)

    @property
    def account(self) -> str | None:
        """Whose cloud its things are in; None when none tells."""
        names = (str(each.outputs.get("arn", "")) for each in self.state.in_cloud())
        return next((told[1] for name in names if (told := _ACCOUNT.match(name))), None)

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

    @property
    def keys(self) -> frozenset[Key]:
        """Kind and id of all that it manages."""
        return keys_in(self.state)

    def _environments(self) -> Iterable[Mapping[str, Any]]:
        return (each.inputs for each in self.state.resources if each.type == ENVIRONMENT)


@dataclass(frozen=True)
class Orphan:
    """Something of runctl's that no stack manages. ``keep`` says why it is not deleted, if it is not."""

    thing: CloudResource
    why: str
    keep: str | None = None


@dataclass(frozen=True)
class Gone:
    """A stack of whose things none exists any more."""

    job: str
    resources: int


@dataclass(frozen=True)
class Overdue:
    """A machine that is older than its job's limit."""

    thing: CloudResource
    job: str
    limit_seconds: float


@dataclass(frozen=True)
class Comparison:
    """The result. ``foreign`` and ``protected`` exist rightly, as far as can be told from here; what belongs
    to jobs that are being worked on is ``unsettled``."""

    orphans: tuple[Orphan, ...] = ()
    gone: tuple[Gone, ...] = ()
    overdue: tuple[Overdue, ...] = ()
    foreign: tuple[CloudResource, ...] = ()
    protected: tuple[CloudResource, ...] = ()
    unsettled: tuple[CloudResource, ...] = ()

    @property
    def finds_something(self) -> bool:
        return bool(self.orphans or self.gone or self.overdue)


@dataclass(frozen=True)
class Judge:
    """Who asks: ``owners`` whose things may be removed, ``backend`` whose stacks are known; when.

    ``listed`` are ids that the settings protect.
    """

    owners: Collection[str]
    backend: str
    now: datetime
    listed: Collection[str] = ()


def compare(
    things: Sequence[CloudResource],
    stacks: Mapping[str, KnownStack],
    judge: Judge,
    looked_for: Collection[str],
) -> Comparison:
    """``things`` of one account and region held against all stacks of the backend.

    ``stacks`` are those whose things can be in this account and region. ``looked_for`` are the kinds that
    were looked for with success: of others nothing is called gone.
    """
    managed = _managed(things, stacks, judge.now)
    foreign_jobs = _jobs_of_others(things, stacks, judge)
    groups: dict[str, list[CloudResource]] = {"foreign": [], "protected": [], "unsettled": []}
    orphans = []
    for each in things:
        if each in managed:
            continue
        stack = stacks.get(each.job)
        if stack is not None and stack.busy:
            groups["unsettled"].append(each)
        elif _is_foreign(each, stack, judge) or (_tells_nobody(each) and each.job in foreign_jobs):
            groups["foreign"].append(each)
        elif each.protected or each.id in judge.listed:
            groups["protected"].append(each)
        else:
            orphans.append(_orphan(each, stack, judge))
    existing = frozenset[Key]().union(*(each.keys_in_states for each in things))
    return Comparison(
        orphans=tuple(orphans),
        gone=tuple(_gone(stacks.values(), existing, looked_for)),
        overdue=tuple(_overdue(managed, stacks, judge.now)),
        foreign=tuple(groups["foreign"]),
        protected=tuple(groups["protected"]),
        unsettled=tuple(groups["unsettled"]),
    )


def _managed(
    things: Sequence[CloudResource], stacks: Mapping[str, KnownStack], now: datetime
) -> list[CloudResource]:
    """What a stack holds, and what hangs on that; uploads only while something may finish them."""
    managed = frozenset[Key]().union(*(stack.keys for stack in stacks.values()))
    by_key = {each.key: each for each in things}

    def is_held(thing: CloudResource, seen: frozenset[Key] = frozenset()) -> bool:
        if thing.keys_in_states & managed:
            return True
        if thing.key in seen or thing.kind not in _HELD_FROM_ABOVE or _stands_alone(thing):
            return False
        if thing.kind == found.UPLOAD and not _may_be_finished(thing, stacks.get(thing.job), now):
            return False
        above = [key for key in thing.keys_above if key[0] != found.SECURITY_GROUP]
        return any(
            key in managed or (key in by_key and is_held(by_key[key], seen | {thing.key})) for key in above
        )

    return [each for each in things if is_held(each)]


def _stands_alone(thing: CloudResource) -> bool:
    """A profile with the name of its role is the one that stacks make: one holds it, or nobody does."""
    return thing.kind == found.PROFILE and thing.id == thing.parent


def _may_be_finished(upload: CloudResource, stack: KnownStack | None, now: datetime) -> bool:
    runs = stack is not None and stack.state.first(INSTANCE) is not None
    return runs and (upload.age_seconds(now) or 0.0) < UPLOAD_SECONDS


def _is_foreign(thing: CloudResource, stack: KnownStack | None, judge: Judge) -> bool:
    """Whether it may be managed where this backend does not see it."""
    if thing.backend:
        return thing.backend != judge.backend
    return stack is None and thing.owner not in ("", *judge.owners)


def _tells_nobody(thing: CloudResource) -> bool:
    return not (thing.owner or thing.backend)


def _jobs_of_others(
    things: Iterable[CloudResource], stacks: Mapping[str, KnownStack], judge: Judge
) -> frozenset[str]:
    """Jobs with something that is somebody's else: what carries no mark there may be theirs as well."""
    return frozenset(each.job for each in things if _is_foreign(each, stacks.get(each.job), judge))


def _orphan(thing: CloudResource, stack: KnownStack | None, judge: Judge) -> Orphan:
    keep = None
    if stack is not None and stack.state.pending:
        keep = f"an operation on the job was killed: `runctl down {thing.job}` settles it"
    elif not thing.sure:
        keep = "only its name speaks for it, and that is not one that runctl gives"
    elif thing.owner not in ("", *judge.owners):
        keep = f"it is {thing.owner}'s: --owner {thing.owner} includes it"
    why = f"there is no job '{thing.job}'" if stack is None else f"job '{thing.job}' does not hold it"
    return Orphan(thing, why, keep)


def _gone(
    stacks: Iterable[KnownStack], existing: Collection[Key], looked_for: Collection[str]
) -> Iterable[Gone]:
    for stack in stacks:
        compared = [key for key in stack.keys if key[0] in looked_for]
        if compared and not stack.busy and not any(each in existing for each in compared):
            yield Gone(stack.job, len(stack.state.in_cloud()))


def _overdue(
    managed: Iterable[CloudResource], stacks: Mapping[str, KnownStack], now: datetime
) -> Iterable[Overdue]:
    for each in managed:
        stack = stacks.get(each.job)
        limit = stack.max_duration if stack is not None else None
        age = each.age_seconds(now)
        is_old = limit is not None and age is not None and age > limit + SLACK_SECONDS
        if each.kind == found.INSTANCE and limit is not None and is_old:
            yield Overdue(each, each.job, limit)
