"""What AWS offers for a job: instance types in zones and markets, with price, score and subnets.

``find_offers`` queries the cloud and returns everything that is considered, in no order of preference; what
is left out says why. Creates nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.images import Images
from runctl_auto.providers.aws.instance_types import InstanceType, choose_machines, still_satisfies
from runctl_auto.providers.aws.networks import Subnet, choose_subnets
from runctl_auto.providers.aws.placement_scores import ZoneScores, zone_scores
from runctl_auto.providers.aws.quotas import QuotaLimits
from runctl_auto.providers.aws.quotes import Quote, Quotes
from runctl_auto.providers.contract import MARKETS, NOT_OFFERED, Account, Offer, Offers, Quota
from runctl_auto.stack.config import Market, Placement
from runctl_auto.stack.prices import RegionPrices

_Reason = str | Quota


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
    """Every type that the job may use, in every zone and market that it allows, those left out with the
    reason. ``zone`` restricts to one (where the job's volumes are). ``known`` are prices for when the price
    list cannot be read.

    Raises ``JobFileError`` when image, network or instance type do not exist, the network does not reach AWS,
    or no image has a driver for the GPUs.
    """
    images = Images(spec, cloud)
    choice = choose_machines(spec, cloud)
    undriven = _without_driver(spec, images, choice.fitting)
    subnets = choose_subnets(spec, cloud, zone)
    names = [each.name for each in (*choice.fitting, *choice.unfit)]
    usable = [each.name for each in choice.fitting if each.name not in undriven]
    markets = MARKETS[spec.spot_policy]
    priced = ("spot", "on-demand") if spec.on_demand_ranks else markets
    quotes = Quotes(cloud, names, priced, known, datetime.now(timezone.utc))
    scores = zone_scores(cloud, usable, spec.nodes) if "spot" in markets else ZoneScores()
    considered = _Considered(
        spec, account, images, quotes, QuotaLimits(cloud), scores, _offered(cloud, names)
    )
    offers = tuple(considered.offers(choice.fitting, choice.unfit, undriven, subnets.subnets))
    return Offers(
        offers,
        notes=(
            *_driver_notes(undriven, choice.fitting),
            *quotes.notes,
            *([scores.note] if scores.note else []),
            *_quota_notes(offers),
        ),
        unusable=subnets.left_out,
    )


def machine_fits(placement: Placement, spec: JobSpec, previous: JobSpec, cloud: Cloud) -> bool:
    """Whether the machine still meets the job's size requirements; queries the cloud only if they changed."""
    asked, before = spec.resources, previous.resources
    same = (asked.gpu, asked.cpu, asked.memory) == (before.gpu, before.cpu, before.memory)
    if same or not (asked.gpu or asked.cpu or asked.memory):
        return True
    return still_satisfies(placement.instance_type, asked, cloud)


@dataclass(frozen=True)
class _Considered:
    """Makes the offers of a job. ``offered``: the types that each zone has."""

    spec: JobSpec
    account: Account
    images: Images
    quotes: Quotes
    quotas: QuotaLimits
    scores: ZoneScores
    offered: set[tuple[str, str]]

    def offers(
        self,
        fitting: Sequence[InstanceType],
        unfit: Sequence[InstanceType],
        undriven: Mapping[str, str],
        subnets: Sequence[Subnet],
    ) -> Iterator[Offer]:
        named = bool(self.spec.resources.instance_types)
        by_zone: dict[str, list[Subnet]] = {}
        for subnet in subnets:
            by_zone.setdefault(subnet.zone, []).append(subnet)
        for rank, machine in enumerate(fitting):
            reason = f"its GPU needs {undriven[machine.name]}" if machine.name in undriven else None
            for offer in self._of_machine(machine, by_zone, reason):
                yield replace(offer, rank=rank if named else 0)
        for machine in unfit:
            yield from self._of_machine(machine, by_zone, "it does not meet resources")

    def _of_machine(
        self, machine: InstanceType, zones: Mapping[str, Sequence[Subnet]], reason: str | None
    ) -> Iterator[Offer]:
        for market in MARKETS[self.spec.spot_policy]:
            for zone, subnets in zones.items():
                yield self._offer(machine, market, zone, subnets, reason)

    def _offer(
        self,
        machine: InstanceType,
        market: Market,
        zone: str,
        subnets: Sequence[Subnet],
        known_reason: str | None,
    ) -> Offer:
        quote = self.quotes.of(machine.name, zone, market)
        reason: _Reason | None = known_reason
        if reason is None and (machine.name, zone) not in self.offered:
            reason = NOT_OFFERED
        reason = reason or self._refused(machine, market, quote)
        offer = Offer(
            instance_type=machine.name,
            zone=zone,
            market=market,
            cpus=machine.vcpus,
            memory_gb=machine.memory_gb,
            gpu=str(machine.gpus) if machine.gpus.count else None,
            price_hour=quote.usd if quote else None,
            price_average=quote.average if quote else None,
            price_source=quote.source if quote else None,
            score=self.scores.of(subnets[0].zone_id) if market == "spot" else None,
        )
        if isinstance(reason, Quota):
            needs = f"the quota of {reason.name} is {reason.value:g}, and it needs {machine.vcpus}"
            return replace(offer, left_out=needs, quota=reason)
        if reason is not None:
            return replace(offer, left_out=reason)
        return replace(offer, places=tuple(self._place(offer, machine, each) for each in subnets))

    def _refused(self, machine: InstanceType, market: Market, quote: Quote | None) -> _Reason | None:
        """Why price, quota or image rule the machine out; None when they do not."""
        too_dear = _too_dear(self.spec, market, quote)
        if too_dear is not None:
            return too_dear
        quota = self.quotas.too_small_for(machine.name, machine.vcpus, market)
        if quota is not None:
            return quota
        if self.spec.network.placement == "cluster" and not machine.clusters:
            return "its machines cannot be in a cluster placement group"
        image = self.images.of(machine)
        if image.architecture not in (None, machine.architecture):
            return f"it is {machine.architecture} and the image {image.id} is {image.architecture}"
        return None

    def _place(self, offer: Offer, machine: InstanceType, subnet: Subnet) -> Placement:
        image = self.images.of(machine)
        on_demand = self.quotes.of(machine.name, subnet.zone, "on-demand")
        is_mixed = bool(self.spec.on_demand_ranks) and offer.market == "spot"
        return Placement(
            account=self.account.id,
            partition=self.account.partition,
            region=self.spec.region,
            zone=subnet.zone,
            vpc=subnet.vpc,
            subnet=subnet.id,
            image=image.id,
            root_device=image.root_device,
            instance_type=machine.name,
            market=offer.market,
            price_hour=offer.price_hour,
            price_source=offer.price_source,
            price_average=offer.price_average,
            on_demand_hour=on_demand.usd if is_mixed and on_demand is not None else None,
            max_price=self.spec.max_price if offer.market == "spot" else None,
            public_address=subnet.public_address,
            internet=subnet.internet,
            resolvers=subnet.resolvers,
            disk_gb=self.spec.resources.disk or image.default_disk_gb,
            cluster=is_clustered(self.spec, machine),
        )


def is_clustered(spec: JobSpec, machine: InstanceType) -> bool:
    """Whether the machines of a job are in a placement group: as its file says, by default those of types
    that are made for it. Places close to each other are refused more often, so others do without.
    """
    if spec.nodes == 1 or not machine.clusters:
        return False
    wanted = spec.network.placement
    return machine.has_fabric if wanted is None else wanted == "cluster"


def _offered(cloud: Cloud, names: Sequence[str]) -> set[tuple[str, str]]:
    offerings = cloud.pages(
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": list(names)}],
    )
    return {(each["InstanceType"], each["Location"]) for each in offerings}


def _without_driver(spec: JobSpec, images: Images, machines: Sequence[InstanceType]) -> dict[str, str]:
    """The driver that the image lacks, by the machines whose GPUs need it. Raises if all do."""
    missing = {each.name: driver for each in machines if (driver := images.missing_driver(each)) is not None}
    if missing and len(missing) == len(machines):
        raise JobFileError(
            "The image that `image: auto` chooses has no driver for these GPUs: "
            f"{_drivers_text(missing, machines)}.",
            where={"field": "image", "region": spec.region},
            next_step="Name an image that has the driver (image: ami-...) and Python 3.9 or newer, or choose "
            "other GPUs: Turing (T4) and newer, whole.",
        )
    return missing


def _drivers_text(missing: Mapping[str, str], machines: Iterable[InstanceType]) -> str:
    return ", ".join(f"{each} needs {missing[each.name]}" for each in machines if each.name in missing)


def _driver_notes(missing: Mapping[str, str], machines: Iterable[InstanceType]) -> Iterator[str]:
    if missing:
        told = _drivers_text(missing, machines)
        yield f"left out, since the image that `image: auto` chooses lacks their driver: {told}"


def _quota_notes(offers: Iterable[Offer]) -> Iterator[str]:
    for quota in dict.fromkeys(each.quota for each in offers if each.quota is not None):
        yield f"the quota of {quota.value:g} {quota.name} excludes some machines; request more: {quota.link}"


def _too_dear(spec: JobSpec, market: Market, quote: Quote | None) -> str | None:
    if spec.max_price is None:
        return None
    if quote is None:
        # The price of spot is limited in the request itself; that of on-demand has no such limit.
        unknown = f"its price is unknown, so max_price {spec.max_price} cannot be kept"
        return unknown if market == "on-demand" else None
    return (
        f"{quote.usd} USD an hour is over max_price {spec.max_price}" if quote.usd > spec.max_price else None
    )
