"""What a job will cost, from the prices that its stack's configuration keeps.

Not counted, since nobody knows it before: requests and transfer, and storage in the bucket.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from runctl_auto.cost.amount import Amount, amount, total
from runctl_auto.cost.storage_price import disk_of, volume_of
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.prices import HOURS_OF_A_MONTH, PriceSource, Rates

Lasts = Literal["run", "kept"]
"""Until the run has ended, or after it until ``runctl down`` or for ever."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that costs by the hour. ``price`` is USD for a ``unit`` and an hour, None when unknown;
    ``monthly`` tells whether the provider states it by the month.
    """

    name: str
    kind: str
    quantity: float
    unit: str
    price: float | None
    lasts: Lasts

    @property
    def hour(self) -> Amount:
        """USD an hour."""
        return amount(self.price).times(self.quantity)

    @property
    def month(self) -> Amount:
        """USD a month of 730 hours."""
        return self.hour.times(HOURS_OF_A_MONTH)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a job costs while its run lasts, and after it.

    ``hours`` is the run's ``max_duration``, None without one. ``average_price`` is the average price of a
    machine in USD an hour, None when unknown or when the price is fixed.
    """

    parts: tuple[Part, ...]
    hours: float | None
    nodes: int
    sources: tuple[PriceSource, ...] = ()
    average_price: float | None = None
    max_price: float | None = None
    budget: float | None = None

    @property
    def hour(self) -> Amount:
        """USD an hour while the run lasts."""
        return total(each.hour for each in self.parts)

    @property
    def expected_hour(self) -> Amount:
        """As ``hour``, at the average price of the market."""
        if self.average_price is None:
            return self.hour
        moving = next((each for each in self.parts if each.kind == "machine"), None)
        others = total(each.hour for each in self.parts if each is not moving)
        return others + amount(self.average_price).times(moving.quantity if moving else 0)

    @property
    def worst_case(self) -> Amount | None:
        """USD until ``max_duration`` at the price in force; None without that limit."""
        return None if self.hours is None else self.hour.times(self.hours)

    @property
    def expected(self) -> Amount | None:
        """USD until ``max_duration`` at the average price of the market; None without that limit."""
        return None if self.hours is None else self.expected_hour.times(self.hours)

    @property
    def kept_month(self) -> Amount:
        """USD a month for what stays after the run has ended."""
        return total(each.month for each in self.parts if each.lasts == "kept")


def estimate(config: StackConfig, *, ended: bool = False) -> Estimate:
    """The estimate of a job; once its run has ``ended``, only of what it keeps. Makes no request.

    A group whose machines differ counts as its dearest.
    """
    job, place = config.job, config.placement
    return Estimate(
        parts=tuple(
            each
            for each in parts_of(
                job, place, config.rates, disk_gb=config.disk_gb, machine=config.dearest_machine
            )
            if not ended or each.lasts == "kept"
        ),
        hours=None if job.max_duration is None or ended else job.max_duration / 3600,
        nodes=job.nodes,
        sources=tuple(dict.fromkeys(each for each in (place.price_source, config.rates.source) if each)),
        average_price=place.price_average,
        max_price=job.max_price,
        budget=job.budget,
    )


def parts_of(
    job: JobSpec,
    place: Placement,
    rates: Rates,
    *,
    disk_gb: int,
    machine: tuple[str, float | None] | None = None,
) -> Iterator[Part]:
    """What costs by the hour of a job at a place whose machines have disks of ``disk_gb``. ``machine`` is the
    type and USD an hour of its dearest machine, by default those of the place."""
    name, price = machine or (place.instance_type, place.price_hour)
    on_demand = len(set(job.on_demand_ranks)) if place.market == "spot" else 0
    markets = ((place.market, job.nodes - on_demand, price), ("on-demand", on_demand, place.on_demand_hour))
    for market, quantity, hour in markets:
        if quantity:
            yield Part(
                name=f"{name} {market}",
                kind="machine",
                quantity=quantity,
                unit="machines",
                price=hour,
                lasts="run",
            )
    disk = disk_of(place.provider, rates)
    yield Part(
        name=f"disk, {disk.kind}",
        kind="disk",
        quantity=disk_gb * job.nodes,
        unit="GB",
        price=disk.gb_hour,
        lasts="run",
    )
    if place.public_address:
        yield Part(
            name="public IPv4 address",
            kind="address",
            quantity=job.nodes,
            unit="addresses",
            price=rates.public_ipv4_hour,
            lasts="run",
        )
    for volume in job.volumes:
        if volume.size is not None:
            kept = volume_of(place.provider, rates, volume.size)
            yield Part(
                name=f"volume {volume.name}, {kept.kind}",
                kind="volume",
                quantity=volume.size,
                unit="GB",
                price=kept.gb_hour,
                lasts="kept",
            )
