"""Decides the placement of a run: account, network, zone, instance type, market and image.

``find_offers`` queries the cloud and returns all places that the job allows, the preferred first; the caller
tries them in this order and pins the successful one in the stack's configuration. Creates nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from runctl_auto.errors import JobFileError, NoCapacityError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.images import Image, Images
from runctl_auto.providers.aws.instance_types import InstanceType, choose_machines, still_satisfies
from runctl_auto.providers.aws.networks import Subnet, choose_subnets
from runctl_auto.providers.aws.prices import average_spot_price
from runctl_auto.providers.aws.quotas import QuotaLimits
from runctl_auto.providers.aws.quotes import Quote, Quotes
from runctl_auto.providers.contract import MARKETS, Account, Offers, Quota
from runctl_auto.stack.config import Market, Placement
from runctl_auto.stack.prices import RegionPrices

_UNKNOWN = float("inf")
_AVERAGED_DAYS = 7
_MOST_NAMED = 12
_NOT_OFFERED = "no zone offers these instance types"
_MOST_TRIED = 20
"""How many places of a market are tried when the job leaves the choice of types to runctl."""


@dataclass(frozen=True)
class _Place:
    machine: InstanceType
    rank: int
    subnet: Subnet
    zone: str
    prices: Mapping[Market, Quote]

    def price(self, market: Market) -> float | None:
        """USD an hour; None when unknown."""
        return self.prices[market].usd if market in self.prices else None


class _LeftOut:
    """The places that were left out, and why; the quotas that are too small."""

    def __init__(self, reasons: Iterable[str] = ()) -> None:
        self.reasons = list(reasons)
        self.quotas: dict[str, Quota] = {}

    def add(self, market: Market, place: _Place, reason: str | Quota) -> None:
        if isinstance(reason, str):
            self.reasons.append(f"{place.machine.name} {market} in {place.zone}: {reason}")
            return
        self.quotas[reason.name] = reason
        needs = f"the quota of {reason.name} is {reason.value:g}, and it needs {place.machine.vcpus}"
        in_every_zone = f"{place.machine.name} {market}: {needs}"
        if in_every_zone not in self.reasons:
            self.reasons.append(in_every_zone)

    def quota_notes(self) -> tuple[str, ...]:
        return tuple(
            f"the quota of {each.value:g} {each.name} excludes some machines; request more: {each.link}"
            for each in self.quotas.values()
        )


def find_account(cloud: Cloud) -> Account:
    """The account of the credentials. Raises ``CredentialsError`` when there are none."""
    identity = cloud.call("sts", "get_caller_identity")
    return Account(id=str(identity["Account"]), partition=str(identity["Arn"]).split(":")[1])


def find_offers(
    spec: JobSpec,
    cloud: Cloud,
    account: Account,
    *,
    zone: str | None = None,
    known: RegionPrices | None = None,
) -> Offers:
    """All places that the job allows, the preferred first: spot before on-demand; then the job's order of
    instance types if it names them, and the cheaper zone; else the cheapest of all. A place is followed by
    the same in the other subnets of its zone, for when its own subnet is full; places that reach AWS's
    endpoints only are last. ``zone`` restricts to one (where the job's volumes are). ``known`` are prices
    for when the price list cannot be read.

    When no place remains, raises ``NoCapacityError`` with the reason for each; ``JobFileError`` when image,
    network or instance type do not exist, the network does not reach AWS, or no image has a driver for the
    GPUs.
    """
    images = Images(spec, cloud)
    machines, notes = _with_drivers(spec, images, choose_machines(spec, cloud))
    choice = choose_subnets(spec, cloud, zone)
    now = datetime.now(timezone.utc)
    quotes = Quotes(cloud, [each.name for each in machines], MARKETS[spec.spot_policy], known, now)
    places = _places(cloud, machines, choice.subnets, quotes, ranked=bool(spec.resources.instance_types))
    left_out = _LeftOut(notes)
    chosen = list(_allowed(spec, places, QuotaLimits(cloud), left_out))
    found = [(market, place, images.of(place.machine)) for market, place in chosen]
    fitting = sorted(_of_one_architecture(found, left_out), key=lambda each: not each[1].subnet.internet)
    if not fitting:
        raise _nowhere(spec, zone, left_out, choice.left_out)
    first, *others = (
        Placement(
            account=account.id,
            partition=account.partition,
            region=spec.region,
            zone=place.zone,
            vpc=place.subnet.vpc,
            subnet=place.subnet.id,
            image=image.id,
            root_device=image.root_device,
            instance_type=place.machine.name,
            market=market,
            price_hour=place.price(market),
            price_source=place.prices[market].source if market in place.prices else None,
            max_price=spec.max_price if market == "spot" else None,
            public_address=place.subnet.public_address,
            internet=place.subnet.internet,
            resolvers=place.subnet.resolvers,
            disk_gb=spec.resources.disk or image.default_disk_gb,
        )
        for market, place, image in fitting
    )
    return Offers((_with_average(first, cloud, now), *others), (*notes, *left_out.quota_notes()))


def _with_average(place: Placement, cloud: Cloud, now: datetime) -> Placement:
    """The place with the average spot price of the last days before ``now``; one request, none for
    on-demand."""
    if place.market != "spot":
        return place
    average = average_spot_price(cloud, place.instance_type, place.zone, now=now, days=_AVERAGED_DAYS)
    return replace(place, price_average=average)


def machine_fits(placement: Placement, spec: JobSpec, previous: JobSpec, cloud: Cloud) -> bool:
    """Whether the machine still meets the job's size requirements; queries the cloud only if they changed."""
    asked, before = spec.resources, previous.resources
    same = (asked.gpu, asked.cpu, asked.memory) == (before.gpu, before.cpu, before.memory)
    if same or not (asked.gpu or asked.cpu or asked.memory):
        return True
    return still_satisfies(placement.instance_type, asked, cloud)


def _places(
    cloud: Cloud,
    machines: Sequence[InstanceType],
    subnets: Sequence[Subnet],
    quotes: Quotes,
    *,
    ranked: bool,
) -> tuple[_Place, ...]:
    offered = _offered(cloud, [machine.name for machine in machines])
    return tuple(
        _Place(
            machine=machine,
            rank=rank if ranked else 0,
            subnet=subnet,
            zone=subnet.zone,
            prices=quotes.of(machine.name, subnet.zone),
        )
        for rank, machine in enumerate(machines)
        for subnet in subnets
        if (machine.name, subnet.zone) in offered
    )


def _offered(cloud: Cloud, names: Sequence[str]) -> set[tuple[str, str]]:
    offerings = cloud.pages(
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": list(names)}],
    )
    return {(each["InstanceType"], each["Location"]) for each in offerings}


def _with_drivers(
    spec: JobSpec, images: Images, machines: Sequence[InstanceType]
) -> tuple[tuple[InstanceType, ...], tuple[str, ...]]:
    """The machines whose GPUs the image has a driver for, and a note on the others."""
    missing = {each.name: driver for each in machines if (driver := images.missing_driver(each)) is not None}
    if not missing:
        return tuple(machines), ()
    told = ", ".join(f"{each} needs {missing[each.name]}" for each in machines if each.name in missing)
    if len(missing) == len(machines):
        raise JobFileError(
            f"The image that `image: auto` chooses has no driver for these GPUs: {told}.",
            where={"field": "image", "region": spec.region},
            next_step="Name an image that has the driver (image: ami-...) and Python 3.9 or newer, or choose "
            "other GPUs: Turing (T4) and newer, whole.",
        )
    note = f"left out, since the image that `image: auto` chooses lacks their driver: {told}"
    return tuple(each for each in machines if each.name not in missing), (note,)


def _allowed(
    spec: JobSpec, places: Sequence[_Place], quotas: QuotaLimits, left_out: _LeftOut
) -> Iterator[tuple[Market, _Place]]:
    """The places that price and quotas allow, in the order of preference."""
    for market in MARKETS[spec.spot_policy]:

        def preference(place: _Place, market: Market = market) -> tuple[bool, int, float, int, str, str, int]:
            price = place.price(market) or _UNKNOWN
            machine, subnet = place.machine, place.subnet
            return (
                not subnet.internet,
                place.rank,
                price,
                machine.vcpus,
                machine.name,
                place.zone,
                subnet.rank,
            )

        allowed = []
        for place in sorted(places, key=preference):
            machine = place.machine
            reason = _too_dear(spec, market, place) or quotas.too_small_for(
                machine.name, machine.vcpus, market
            )
            if reason is None:
                allowed.append((market, place))
            elif place.subnet.rank == 0:
                left_out.add(market, place, reason)
        yield from allowed if spec.resources.instance_types else _first_tried(allowed)


def _first_tried(allowed: Iterable[tuple[Market, _Place]]) -> Iterator[tuple[Market, _Place]]:
    """The first places, other subnets of a zone not counted."""
    tried = 0
    for market, place in allowed:
        tried += place.subnet.rank == 0
        if tried > _MOST_TRIED:
            return
        yield market, place


def _too_dear(spec: JobSpec, market: Market, place: _Place) -> str | None:
    if spec.max_price is None:
        return None
    price = place.price(market)
    if price is None:
        # The price of spot is limited in the request itself; that of on-demand has no such limit.
        unknown = f"its price is unknown, so max_price {spec.max_price} cannot be kept"
        return unknown if market == "on-demand" else None
    return f"{price} USD an hour is over max_price {spec.max_price}" if price > spec.max_price else None


def _of_one_architecture(
    found: Iterable[tuple[Market, _Place, Image]], left_out: _LeftOut
) -> Iterator[tuple[Market, _Place, Image]]:
    for market, place, image in found:
        if image.architecture in (None, place.machine.architecture):
            yield market, place, image
        elif place.subnet.rank == 0:
            reason = f"it is {place.machine.architecture} and the image {image.id} is {image.architecture}"
            left_out.add(market, place, reason)


def _nowhere(spec: JobSpec, zone: str | None, left_out: _LeftOut, subnets: Sequence[str]) -> NoCapacityError:
    where = f"zone {zone}, where the job's volumes are" if zone else spec.region
    told = (*(left_out.reasons or [_NOT_OFFERED]), *subnets)
    more = len(told) - _MOST_NAMED
    reasons = "; ".join(told[:_MOST_NAMED])
    return NoCapacityError(
        f"No place for job '{spec.name}' in {where}: {reasons}{f'; and {more} more' if more > 0 else ''}.",
        where={"job": spec.name, "region": spec.region},
        next_step="; ".join(
            [
                "Name more instance types or zones, or raise max_price",
                *(f"request a larger quota of {name}: {each.link}" for name, each in left_out.quotas.items()),
            ]
        ),
    )
