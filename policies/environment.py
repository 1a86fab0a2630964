"""The environment component as seen by rules: plain inputs, evaluated before anything is created."""

from __future__ import annotations

from dataclasses import dataclass

from policies.rule import UNKNOWN, Judged, number

ENVIRONMENT = "runctl:aws:TrainingEnvironment"
ENVIRONMENTS = frozenset({ENVIRONMENT, "runctl:runpod:TrainingEnvironment"})
"""Of all providers."""
INSTANCE = "aws:ec2/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
GROUP = "aws:autoscaling/group:Group"
VOLUME = "aws:ebs/volume:Volume"

HOURS_OF_A_MONTH = 730
COST_INPUTS = frozenset(
    {
        "market",
        "priceHour",
        "maxPrice",
        "maxDurationSeconds",
        "nodes",
        "diskGb",
        "volumesGb",
        "budget",
        "volumeGbMonth",
        "addressHour",
    }
)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Cost inputs and limits of an environment. USD, seconds, GB; None is unlimited for limits, unknown for
    prices.
    """

    price_hour: float | None
    max_price: float | None
    max_duration_seconds: float | None
    nodes: float
    storage_gb: float
    budget: float | None
    market: str
    volume_gb_month: float | None = None
    address_hour: float = 0.0

    def worst_case(self, storage_price_gb_month: float) -> float | None:
        """The cost of the run up to its limit; None when the price or the limit is unknown.

        ``storage_price_gb_month`` is for an environment that does not state the price of storage.
        """
        if self.price_hour is None or self.max_duration_seconds is None:
            return None
        hours = self.max_duration_seconds / 3600
        return hours * self.cost_hour(storage_price_gb_month)

    def cost_hour(self, storage_price_gb_month: float) -> float:
        """Hourly cost of all machines with their disks and volumes. The price must be known."""
        storage_price = self.volume_gb_month or storage_price_gb_month
        storage = self.storage_gb * storage_price / HOURS_OF_A_MONTH
        return ((self.price_hour or 0.0) + self.address_hour) * self.nodes + storage


def costs_of(resource: Judged) -> Costs | None:
    """The costs that an environment declares; None while it has no machine or they are unknown."""
    inputs = resource.inputs
    if inputs.get("market") is None or any(inputs.get(key) is UNKNOWN for key in COST_INPUTS):
        return None
    nodes = number(inputs, "nodes") or 1
    return Costs(
        price_hour=number(inputs, "priceHour"),
        max_price=number(inputs, "maxPrice"),
        max_duration_seconds=number(inputs, "maxDurationSeconds"),
        nodes=nodes,
        storage_gb=(number(inputs, "diskGb") or 0) * nodes + (number(inputs, "volumesGb") or 0),
        budget=number(inputs, "budget"),
        market=str(inputs["market"]),
        volume_gb_month=number(inputs, "volumeGbMonth"),
        address_hour=number(inputs, "addressHour") or 0.0,
    )
