"""Proves that nothing is left: looks until all is gone, or tells what stays."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from runctl_auto.leftovers.scan import Scanner
from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.records.instances import Relations
from runctl_auto.providers.resource import CloudResource, Key, Survey

DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Proof:
    """What was found after a teardown. ``survey.found`` are leaks; ``kept`` is protected by its tag or by the
    settings and in no state, which is a person's own affair."""

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
    """What exists of the job beside ``kept``; clean once all is gone. Blocks a minute at most.

    ``listed`` are ids that the settings protect.

    Lists of the cloud are late: what was just deleted is given the time to disappear.
    """
    deadline = clock() + DEADLINE_SECONDS
    while True:
        survey = _without(scanner.survey(related), kept)
        protected = tuple(each for each in survey.found if each.protected or each.id in listed)
        left = tuple(each for each in survey.found if each not in protected)
        is_settled = not (left or survey.unchecked)
        if is_settled or clock() >= deadline:
            return Proof(replace(survey, found=left), protected)
        sleep(_POLL_SECONDS)


def _without(survey: Survey, kept: Collection[Key]) -> Survey:
    """Leaves out what is kept, and what a kept machine cannot be without."""

    def stays(thing: CloudResource) -> bool:
        machines = (key for key in thing.keys_above if key[0] == found.INSTANCE)
        return any(key in kept for key in (*thing.keys_in_states, *machines))

    return replace(survey, found=tuple(each for each in survey.found if not stays(each)))
