"""The offers of a provider in the order in which they are tried: by what the job is expected to cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runctl_auto.cost.amount import Amount, amount, total
from runctl_auto.cost.estimate import parts_of
from runctl_auto.job_file.resources import DEFAULT_DISK_GB
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.contract import MARKETS, Offer
from runctl_auto.stack.config import Placement
from runctl_auto.stack.prices import Rates

BEST_SCORE = 10
_SHARE_OF_A_POINT = 0.03
"""How much dearer a spot machine counts for each point that its zone's score lacks: launches that fail and
machines that are taken away cost time. Our own figure: at the worst score, a quarter.
"""


@dataclass(frozen=True, kw_only=True)
class RankedOffer:
    """An offer and what the job costs there: ``hour`` is USD an hour while the run lasts, with storage and
    address, at the average price where the price moves.
    """

    offer: Offer
    hour: Amount

    def as_json(self) -> dict[str, Any]:
        """The offer as JSON data. ``expected_hour`` is None when the machine's price is unknown, and the
        least that it costs when another price is (``price_not_found``).
        """
        offer = self.offer
        source = offer.price_source
        is_known = offer.price_hour is not None
        return {
            "provider": offer.provider,
            "instance_type": offer.instance_type,
            "gpu": offer.gpu,
            "cpus": offer.cpus,
            "memory_gb": offer.memory_gb,
            "zone": offer.zone,
            "market": offer.market,
            "price_hour": offer.price_hour,
            "price_average": None if offer.price_average is None else round(offer.price_average, 6),
            "price_source": None if source is None else {"name": source.name, "date": source.date},
            "expected_hour": round(self.hour.usd, 6) if is_known else None,
            "price_not_found": not self.hour.complete,
            "score": offer.score,
            "subnets": [each.subnet for each in offer.places],
            "left_out": offer.left_out,
        }


def ranked(offers: Iterable[Offer], spec: JobSpec, rates: Rates) -> tuple[RankedOffer, ...]:
    """The offers that are not left out, the preferred first, then the others.

    Of several providers the first listed comes first, or the cheapest, whatever its market and whoever offers
    it. One whose price is unknown comes after all whose price is known. Then the markets come in the order of
    ``spot_policy``, the types in the job's own order if it names them, and the cheaper an hour first, where a
    low score counts as a higher price. Zones without internet are last of all.
    """
    found = [RankedOffer(offer=each, hour=expected_hour(each, spec, rates)) for each in offers]
    return tuple(sorted(found, key=lambda each: _preference(each, spec)))


def expected_hour(offer: Offer, spec: JobSpec, rates: Rates) -> Amount:
    """USD an hour of the job's machines at an offer, with their disks, addresses and volumes; incomplete when
    a price is unknown.
    """
    place = offer.places[0] if offer.places else None
    on_demand = len(set(spec.on_demand_ranks)) if offer.market == "spot" else 0
    machine = amount(_expected_price(offer)).times(spec.nodes - on_demand)
    if place is None:
        return machine
    if on_demand:
        machine = machine + amount(place.on_demand_hour).times(on_demand)
    disk_gb = place.disk_gb or spec.resources.disk or DEFAULT_DISK_GB
    parts = parts_of(spec, place, rates, disk_gb=disk_gb)
    return machine + total(each.hour for each in parts if each.kind != "machine")


def places_of(offers: Iterable[RankedOffer]) -> list[Placement]:
    """The places of the offers in their order: each is followed by the same in the other subnets of its zone,
    for when its own is full. Places that reach the provider's endpoints only are last.
    """
    places = [place for each in offers for place in each.offer.places]
    return sorted(places, key=lambda place: not place.internet)


def _expected_price(offer: Offer) -> float | None:
    return offer.price_hour if offer.price_average is None else offer.price_average


def _preference(ranked: RankedOffer, spec: JobSpec) -> tuple[object, ...]:
    offer = ranked.offer
    markets: Sequence[str] = MARKETS[spec.spot_policy]
    price = _expected_price(offer)
    risk = 0.0 if offer.score is None else (BEST_SCORE - offer.score) * _SHARE_OF_A_POINT
    by_price = spec.provider_order == "price"
    return (
        offer.left_out is not None,
        0 if by_price else _position(offer.provider, spec.clouds),
        bool(offer.places) and not offer.places[0].internet,
        price is None,
        0 if by_price else _position(offer.market, markets),
        0 if by_price else offer.rank,
        ranked.hour.usd + (price or 0.0) * spec.nodes * risk,
        offer.cpus,
        offer.instance_type,
        offer.zone,
    )


def _position(name: str, listed: Sequence[str]) -> int:
    """Where it stands; after all others if it is not listed."""
    return listed.index(name) if name in listed else len(listed)
