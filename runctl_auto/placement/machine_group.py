"""The group of a run that the cloud itself gives its next machine: which machines, and where."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.job_file.spec import JobSpec
from runctl_auto.stack.config import GroupChoice, Placement

_USUAL_ROOT_DEVICE = "/dev/xvda"
"""Amazon Linux's; for places of earlier versions, which name none."""
_MOST_TYPES = 40
"""AWS's limit of instance types in a group."""


def choose_group(spec: JobSpec, places: Sequence[Placement], began_at: int) -> GroupChoice:
    """The group for the first of ``places``: with the types and subnets of all places like it.

    One launch template serves them all, so they share market, image and network; with volumes, which are in
    one zone, they share the zone too.
    """
    first = places[0]
    alike = [each for each in places if _like(each) == _like(first)]
    if spec.volumes:
        alike = [each for each in alike if each.zone == first.zone]
    types = list(dict.fromkeys(each.instance_type for each in alike))[:_MOST_TYPES]
    return GroupChoice(
        prices={name: _highest(name, alike) for name in types},
        subnets=tuple(dict.fromkeys(each.subnet for each in alike)),
        root_device=first.root_device or _USUAL_ROOT_DEVICE,
        began_at=began_at,
    )


def _like(place: Placement) -> tuple[object, ...]:
    return place.market, place.image, place.vpc, place.public_address, place.internet, place.resolvers


def _highest(name: str, places: Sequence[Placement]) -> float | None:
    """The price of a type in its dearest zone; None when one is unknown."""
    prices = [each.price_hour for each in places if each.instance_type == name]
    known = [each for each in prices if each is not None]
    return max(known) if len(known) == len(prices) else None
