"""Quantities beside USD: hours of machines, processors, memory and storage, requests, bytes sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any

from runctl_auto.cost.charges import Charge, MachineUse


@dataclass(frozen=True)
class Quantity:
    """A quantity of which a part may be unknown: ``value`` is then the least it is."""

    value: float = 0.0
    complete: bool = True

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.value + other.value, self.complete and other.complete)

    @property
    def known(self) -> float | None:
        """To a millionth; None when nothing is known."""
        return round(self.value, 6) if self.complete or self.value else None


@dataclass(frozen=True, kw_only=True)
class Quantities:
    """Of some charges. ``gb_hours`` are those of disks, volumes and snapshots. ``requests`` and
    ``sent_bytes`` are those of the machines' agents: what the job itself and people ask and send is not
    known, so that they are never complete where a machine ran.
    """

    machine_hours: Quantity = Quantity()
    vcpu_hours: Quantity = Quantity()
    memory_gb_hours: Quantity = Quantity()
    gb_hours: Quantity = Quantity()
    requests: Quantity = Quantity()
    sent_bytes: Quantity = Quantity()

    def as_json(self) -> dict[str, float | None]:
        """Each by its name; null where nothing is known."""
        return {each.name: getattr(self, each.name).known for each in fields(self)}

    @property
    def at_least(self) -> list[str]:
        """The names of those of which a part is unknown."""
        return [each.name for each in fields(self) if not getattr(self, each.name).complete]


NAMES = tuple(each.name for each in fields(Quantities))


def quantities(charges: Iterable[Charge], *, unread: bool = False) -> Quantities:
    """The sums over ``charges``; ``unread``: there are more than these."""
    found = list(charges)
    machines = [each for each in found if each.kind == "machine"]
    stored = [each for each in found if each.kind in ("disk", "volume", "snapshot")]
    start = Quantity(complete=not unread)

    def used(amount: Callable[[MachineUse], float | None], *, complete: bool) -> Quantity:
        return sum((_used(each, amount, complete=complete) for each in machines), start)

    return Quantities(
        machine_hours=sum((_hours(each, 1.0) for each in machines), start),
        vcpu_hours=used(lambda use: use.cpus, complete=True),
        memory_gb_hours=used(lambda use: use.memory_gb, complete=True),
        gb_hours=sum((_hours(each, each.quantity) for each in stored), start),
        requests=used(lambda use: use.requests_hour, complete=False),
        sent_bytes=used(lambda use: use.bytes_hour, complete=False),
    )


def _hours(charge: Charge, amount: float) -> Quantity:
    return Quantity(charge.hours * amount, charge.is_exact)


def _used(charge: Charge, amount: Callable[[MachineUse], Any], *, complete: bool) -> Quantity:
    found = None if charge.use is None else amount(charge.use)
    if found is None:
        return Quantity(complete=charge.hours == 0)
    return Quantity(charge.hours * found, complete and charge.is_exact)
