"""What a job has cost so far, over all its machines, and what it costs now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.cost.amount import Amount, total
from runctl_auto.cost.charges import Charge, JobRecords, Kind, charges


@dataclass(frozen=True, kw_only=True)
class Spent:
    """The sum of all charges. ``price_hour`` is the price of a machine; ``unread``: not all could be read."""

    charges: tuple[Charge, ...]
    price_hour: float | None
    unread: bool = False

    @property
    def total(self) -> Amount:
        """USD so far; incomplete where a price or the end of a machine is not known: then it is at least
        this.
        """
        return total((Amount(complete=not self.unread), *(each.usd for each in self.charges)))

    @property
    def hour(self) -> Amount:
        """USD an hour now."""
        return total(each.hour for each in self.charges if each.goes_on)

    def of(self, kind: Kind) -> Amount:
        """USD so far for one kind."""
        return total(each.usd for each in self.charges if each.kind == kind)

    @property
    def machines(self) -> tuple[Charge, ...]:
        return tuple(each for each in self.charges if each.kind == "machine")

    @property
    def seconds(self) -> float:
        """Of all machines together."""
        return sum(each.hours for each in self.machines) * 3600

    def as_json(self) -> dict[str, Any]:
        """USD; null where nothing is known. ``at_least``: a part is unknown, so that it is more than this."""
        return {
            "usd": known(self.total),
            "at_least": not self.total.complete,
            "hour": known(self.hour),
            "price_hour": self.price_hour,
            "seconds": round(self.seconds, 1),
            "machine_count": len(self.machines),
            "machines": known(self.of("machine")),
            "disks": known(self.of("disk")),
            "addresses": known(self.of("address")),
            "volumes": known(self.of("volume")),
        }


def spent(records: JobRecords) -> Spent:
    """What the job has cost so far. Makes no request."""
    found = tuple(charges(records))
    running = [each for each in found if each.kind == "machine" and each.goes_on]
    price = running[-1].price_hour if running else records.config.placement.price_hour
    return Spent(charges=found, price_hour=price, unread=records.has_gaps)


def known(found: Amount) -> float | None:
    """To a millionth of a dollar; None when nothing is known."""
    return round(found.usd, 6) if found.complete or found.usd else None
