"""Proves that nothing is left: searches until all is gone, or reports what remains."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from runctl_auto.providers.contract import Scanner
from runctl_auto.providers.resource import CloudResource, Key, Relations, Survey
from runctl_auto.providers.resource_kind import AnyKinds

DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Proof:
    """What was found after a teardown. ``survey.found`` are leaks; ``kept`` is in no state, and its
    tag or the settings protect it."""

    survey: Survey
    kept: tuple[CloudResource, ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.survey.found or self.survey.unchecked)


def prove(
    scanner: Scanner,
    related: Relations,
    kept: Collection[Key],
    sleep: Callable[[float], None],
    clock: Callable[[], float],
    *,
    listed: Collection[str] = (),
) -> Proof:
    """What exists of the job besides ``kept``; clean once all of it is gone. Blocks a minute at most.

    ``listed`` are ids that the settings protect. List calls lag, so what was just deleted
    gets time to disappear.
    """
    deadline = clock() + DEADLINE_SECONDS
    while True:
        proof = look_once(scanner, related, kept, listed=listed)
        if proof.is_clean or clock() >= deadline:
            return proof
        sleep(_POLL_SECONDS)


def look_once(
    scanner: Scanner, related: Relations, kept: Collection[Key], *, listed: Collection[str] = ()
) -> Proof:
    """What exists of the job besides ``kept`` at this moment, as lists tell it."""
    survey = _without(scanner.survey(related), kept, scanner.kinds)
    protected = tuple(each for each in survey.found if each.protected or each.id in listed)
    left = tuple(each for each in survey.found if each not in protected)
    return Proof(replace(survey, found=left), protected)


def _without(survey: Survey, kept: Collection[Key], kinds: AnyKinds) -> Survey:
    """Leaves out what is kept, and the parts of a kept machine."""

    def stays(resource: CloudResource) -> bool:
        machines = (key for key in kinds.parent_keys(resource) if kinds[key[0]].is_machine)
        return any(key in kept for key in (*kinds.state_keys(resource), *machines))

    return replace(survey, found=tuple(each for each in survey.found if not stays(each)))
