"""Removes resources, dependents first. What cannot be removed is left to the next search."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from runctl_auto.errors import CloudError
from runctl_auto.providers.resource import CloudResource
from runctl_auto.providers.resource_kind import AnyKinds

_PAUSE_SECONDS = 2.0


def remove_all(
    resources: Iterable[CloudResource],
    kinds: AnyKinds,
    remove: Callable[[CloudResource], None],
    *,
    rounds: int = 1,
    sleep: Callable[[float], None] | None = None,
    refused: Callable[[CloudResource, CloudError], None] = lambda resource, error: None,  # noqa: ARG005
) -> tuple[CloudResource, ...]:
    """Removes ``resources`` and blocks until instances have terminated. Returns what was removed, in order.

    ``remove`` removes one. A resource that another one still holds is tried again, ``rounds`` times in all.
    ``refused`` receives every attempt that failed.
    """
    order = {name: place for place, name in enumerate(kinds.removal_order)}
    left = sorted((each for each in resources if each.kind in kinds), key=lambda each: order[each.kind])
    removed: list[CloudResource] = []
    for number in range(rounds):
        if number and left and sleep is not None:
            sleep(_PAUSE_SECONDS)
        done = [each for each in left if _succeeds(partial(remove, each), partial(refused, each))]
        removed += done
        left = [each for each in left if each not in done]
    return tuple(removed)


def _succeeds(remove: Callable[[], None], refused: Callable[[CloudError], None]) -> bool:
    try:
        remove()
    except CloudError as error:
        refused(error)
        return False
    return True
