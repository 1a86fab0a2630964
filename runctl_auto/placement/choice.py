"""Where a run may go: the offers of a provider, ordered, and why there is no place if there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runctl_auto.errors import NoCapacityError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.placement.order import RankedOffer, places_of, ranked
from runctl_auto.providers.contract import NOT_OFFERED, Account, Offer, Provider, Quota
from runctl_auto.stack.config import Placement
from runctl_auto.stack.prices import Rates, RegionPrices

MOST_TRIED = 20
"""How many offers of a provider's market are tried when the job leaves the choice of types to runctl."""
_MOST_NAMED = 12


@dataclass(frozen=True)
class Choice:
    """The ``places`` to try, the preferred first; all ``offers`` in this order, those left out at the end.

    ``notes`` on what cannot serve the job or is not known; ``unusable`` subnets, and why.
    """

    places: tuple[Placement, ...]
    offers: tuple[RankedOffer, ...] = ()
    notes: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()


def choose_places(
    spec: JobSpec, provider: Provider, account: Account, *, zone: str | None, known: RegionPrices | None
) -> Choice:
    """The places for ``spec``, in ``zone`` alone if one is given. Rents nothing.

    Raises ``NoCapacityError`` with the reasons when there is none, and what ``Provider.offers`` raises.
    """
    choice = look_for_places(spec, provider, account, zone=zone, known=known)
    if not choice.places:
        raise no_place(spec, choice, zone)
    return choice


def look_for_places(
    spec: JobSpec, provider: Provider, account: Account, *, zone: str | None, known: RegionPrices | None
) -> Choice:
    """As ``choose_places``, without a place where there is none."""
    found = provider.offers(spec, account, zone=zone, known=known)
    offers = ranked(found.offers, spec, Rates() if known is None else known.rates)
    tried = offers if spec.resources.instance_types else tuple(_first_tried(offers))
    return Choice(tuple(places_of(tried)), offers, found.notes, found.unusable)


def _first_tried(offers: Iterable[RankedOffer]) -> Iterator[RankedOffer]:
    tried: Counter[tuple[str, str]] = Counter()
    for each in offers:
        whose = each.offer.provider, each.offer.market
        tried[whose] += 1
        if tried[whose] <= MOST_TRIED:
            yield each


def no_place(spec: JobSpec, choice: Choice, zone: str | None) -> NoCapacityError:
    """The error for a job that has no place, with the reason of each."""
    where = f"zone {zone}, where the job's volumes are" if zone else spec.region
    told = [*_reasons([each.offer for each in choice.offers]), *choice.unusable]
    more = len(told) - _MOST_NAMED
    reasons = "; ".join(told[:_MOST_NAMED])
    quotas = dict.fromkeys(each.offer.quota for each in choice.offers if each.offer.quota is not None)
    return NoCapacityError(
        f"No place for job '{spec.name}' in {where}: {reasons}{f'; and {more} more' if more > 0 else ''}.",
        where={"job": spec.name, "region": spec.region},
        next_step="; ".join(
            [
                "Name more instance types or zones, or raise max_price",
                *(_larger(quota) for quota in quotas),
                "`runctl offers --all` shows what is left out and why.",
            ]
        ),
    )


def _reasons(offers: Sequence[Offer]) -> list[str]:
    """Each reason once for a type, with the markets and zones that it holds for."""
    if all(each.left_out == NOT_OFFERED for each in offers):
        return ["no zone offers these instance types"]
    zones: dict[tuple[str, str, str], list[str]] = {}
    for each in offers:
        # A quota limits a type in every zone alike.
        where = [] if each.quota is not None else [each.zone]
        zones.setdefault((each.instance_type, str(each.left_out), each.market), []).extend(where)
    markets: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (instance_type, reason, market), found in zones.items():
        markets.setdefault((instance_type, reason, tuple(sorted(set(found)))), []).append(market)
    return [
        f"{instance_type} {' and '.join(found)}{' in ' if where else ''}{', '.join(where)}: {reason}"
        for (instance_type, reason, where), found in markets.items()
    ]


def _larger(quota: Quota) -> str:
    return f"request a larger quota of {quota.name}: {quota.link}"
