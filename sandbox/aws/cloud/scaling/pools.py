"""Where a group may launch, in the order in which it tries, and how it words what EC2 refused. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REFUSED_SECONDS = 60.0
"""For how long a place that had no capacity comes after those that may have it."""

_NEXT_PLACE = frozenset(
    {
        "InsufficientCapacity",
        "InsufficientCapacityOnHost",
        "InsufficientFreeAddressesInSubnet",
        "InsufficientHostCapacity",
        "InsufficientInstanceCapacity",
        "InsufficientReservedInstanceCapacity",
        "MaxSpotInstanceCountExceeded",
        "SpotMaxPriceTooLow",
        "Unsupported",
        "UnsupportedOperation",
        "VcpuLimitExceeded",
    }
)
_BY_ORDER = frozenset({"prioritized", "capacity-optimized-prioritized"})


@dataclass(frozen=True)
class Pool:
    """One place: a type in a subnet. `rank` is the position of its override."""

    instance_type: str
    subnet: str
    zone: str
    rank: int = 0


@dataclass(frozen=True)
class Distribution:
    """How the machines of a group are bought, from its mixed instances policy; without one, on demand or as
    the launch template says (`is_mixed` false)."""

    is_mixed: bool = False
    base: int = 0
    percentage: int = 100
    spot_strategy: str = "lowest-price"
    on_demand_strategy: str = "prioritized"
    spot_max_price: str | None = None

    @classmethod
    def of(cls, policy: Mapping[str, Any] | None) -> Distribution:
        """The distribution of a mixed instances policy, with the service's defaults."""
        if not policy:
            return cls()
        told = policy.get("InstancesDistribution") or {}
        return cls(
            is_mixed=True,
            base=int(told.get("OnDemandBaseCapacity", 0)),
            percentage=int(told.get("OnDemandPercentageAboveBaseCapacity", 100)),
            spot_strategy=str(told.get("SpotAllocationStrategy") or "lowest-price"),
            on_demand_strategy=str(told.get("OnDemandAllocationStrategy") or "prioritized"),
            spot_max_price=told.get("SpotMaxPrice") or None,
        )

    def is_spot(self, on_demand_running: int, desired: int) -> bool:
        """Whether the next machine of a mixed group is a spot instance; on-demand ones are launched first."""
        above = max(desired - self.base, 0)
        on_demand = min(desired, self.base) + -(-above * self.percentage // 100)
        return self.is_mixed and on_demand_running >= on_demand

    def strategy(self, *, spot: bool) -> str:
        """The allocation strategy of one market."""
        return self.spot_strategy if spot else self.on_demand_strategy


def ordered(
    pools: Iterable[Pool],
    strategy: str,
    price: Callable[[Pool], float],
    *,
    machines: Callable[[str], int],
    refused: Callable[[Pool], bool],
) -> list[Pool]:
    """The pools in the order in which they are tried.

    Zones with fewer machines of the group first, then places that were not refused lately, then by the
    strategy: the order of the overrides, or the price. `price-capacity-optimized` has no more to go by here
    than the price and the refusals.
    """

    def key(pool: Pool) -> tuple[float, ...]:
        by_strategy = (float(pool.rank),) if strategy in _BY_ORDER else (price(pool), float(pool.rank))
        return (float(refused(pool)), float(machines(pool.zone)), *by_strategy)

    return sorted(pools, key=key)


def tries_the_next(code: str) -> bool:
    """Whether another place may have what this one refused with EC2's error code."""
    return code in _NEXT_PLACE


def failure_message(code: str, message: str, *, is_mixed: bool, spot: bool) -> str:
    """The status message of a failed launch, as Auto Scaling words it."""
    if not is_mixed:
        return f"{message} Launching EC2 instance failed."
    if spot and code == "InsufficientInstanceCapacity":
        message = "There is no Spot capacity available that matches your request."
    market = "Spot" if spot else "On-Demand"
    return f"Could not launch {market} Instances. {code} - {message} Launching EC2 instance failed."


def by_zone(refusals: Sequence[tuple[Pool, str, str]]) -> list[tuple[Pool, str, str]]:
    """The refusals that are recorded, (pool, code, message): the first of each zone."""
    first: dict[str, tuple[Pool, str, str]] = {}
    for each in refusals:
        first.setdefault(each[0].zone, each)
    return list(first.values())
