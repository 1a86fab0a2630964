"""What a job has cost so far, over all its machines, and what it costs now.

From the machines that the statuses of its runs list, the volumes in its stack's state, and the prices in its
configuration. Not counted: requests, transfer, and storage in the bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runctl_auto.agent.contract import Phase
from runctl_auto.cost.amount import Amount, amount, total
from runctl_auto.providers.contract import Machine
from runctl_auto.run.machines import RunMachine, moment
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.prices import HOURS_OF_A_MONTH
from runctl_auto.stack.state import VOLUME, StackState

SILENT = timedelta(seconds=120)
"""After this long without a heartbeat the status alone does not show whether a machine still runs."""
REMEMBERED = timedelta(hours=1)
"""EC2 describes a machine for about this long after its end."""


@dataclass(frozen=True, kw_only=True)
class HeldVolume:
    """A volume that the job has made. ``since`` is None when unknown."""

    name: str
    gb: float
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class JobRecords:
    """What is known of a job at ``now``: its ``config``; the ``status`` of its run, None before the first;
    those of the runs before; its ``volumes``; and what the cloud tells of ``machines``, by id.

    ``machine`` is the one that the state names. ``unread``: something of it could not be read, or was not.
    """

    config: StackConfig
    now: datetime
    status: RunStatus | None
    earlier: Sequence[RunStatus] = ()
    volumes: Sequence[HeldVolume] = ()
    machines: Mapping[str, Machine] = field(default_factory=dict)
    machine: str | None = None
    unread: bool = False


@dataclass(frozen=True, kw_only=True)
class Spent:
    """USD so far by part; incomplete where the end of a machine or a price is not known: then it is at least
    this. ``hour`` is what the job costs an hour now. ``seconds`` are those of all ``count`` machines.
    """

    machines: Amount
    disks: Amount
    addresses: Amount
    volumes: Amount
    hour: Amount
    price_hour: float | None
    seconds: float
    count: int

    @property
    def total(self) -> Amount:
        return total((self.machines, self.disks, self.addresses, self.volumes))

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it: a least of 0 says nothing."""
        return self.total.complete or self.total.usd > 0

    def as_json(self) -> dict[str, Any]:
        """USD; null where nothing is known. ``at_least``: a part is unknown, so that it is more than this."""
        return {
            "usd": _known(self.total),
            "at_least": not self.total.complete,
            "hour": _known(self.hour),
            "price_hour": self.price_hour,
            "seconds": round(self.seconds, 1),
            "machine_count": self.count,
            "machines": _known(self.machines),
            "disks": _known(self.disks),
            "addresses": _known(self.addresses),
            "volumes": _known(self.volumes),
        }


@dataclass(frozen=True, kw_only=True)
class MachineTime:
    """The time of one machine that costs. ``runs``: it still does. ``is_exact``: its end is known."""

    price_hour: float | None
    seconds: float
    runs: bool
    is_exact: bool

    @property
    def usd(self) -> Amount:
        return self.at(self.price_hour)

    def at(self, price_hour: float | None) -> Amount:
        """What anything of this price costs for as long as the machine runs."""
        found = amount(price_hour).times(self.seconds / 3600)
        return Amount(found.usd, found.complete and self.is_exact)


def spent(records: JobRecords) -> Spent:
    """What the job has cost so far. Makes no request."""
    times = tuple(_machine_times(records))
    config, rates = records.config, records.config.rates
    gb_hour = None if rates.volume_gb_month is None else rates.volume_gb_month / HOURS_OF_A_MONTH
    disk = None if gb_hour is None else gb_hour * config.disk_gb
    address = rates.public_ipv4_hour if config.placement.public_address else 0.0
    running = [each for each in times if each.runs]
    return Spent(
        machines=total((Amount(complete=not records.unread), *(each.usd for each in times))),
        disks=total(each.at(disk) for each in times),
        addresses=total(each.at(address) for each in times),
        volumes=total(_volume(each, gb_hour, records.now) for each in records.volumes),
        hour=total(
            (
                *(amount(each.price_hour) + amount(disk) + amount(address) for each in running),
                *(amount(gb_hour).times(each.gb) for each in records.volumes),
            )
        ),
        price_hour=running[-1].price_hour if running else config.placement.price_hour,
        seconds=sum(each.seconds for each in times),
        count=len(times),
    )


def held_volumes(state: StackState) -> tuple[HeldVolume, ...]:
    """The volumes that the job's stack has made."""
    return tuple(
        HeldVolume(name=each.name, gb=float(each.outputs.get("size") or 0), since=each.created)
        for each in state.of_type(VOLUME)
        if each.in_cloud
    )


def machines_to_ask_for(status: RunStatus, now: datetime) -> Iterator[str]:
    """Machines of which the cloud may know more than a status: those that are silent, and those that ended
    without a word, as long as EC2 describes them.
    """
    for each in status.machines:
        silence = now - each.seen_at
        goes_on = each is status.machines[-1] and _goes_on(status)
        if each.ended_at is None and (silence > SILENT if goes_on else silence < REMEMBERED):
            yield each.id
    if not status.machines and status.instance and _goes_on(status):
        since = _since(status, now)
        if since is None or since > SILENT:
            yield status.instance


def _machine_times(records: JobRecords) -> Iterator[MachineTime]:
    known: set[str] = set()
    for status in filter(None, (*records.earlier, records.status)):
        goes_on = status is records.status and _goes_on(status)
        if not status.machines:
            known.add(status.instance or "")
            yield _time_of_phases(status, records, goes_on=goes_on)
        for each in status.machines:
            known.add(each.id)
            yield _time(each, records, goes_on=goes_on and each is status.machines[-1])
    if records.machine is not None and records.machine not in known:
        yield _time_before_the_first_word(records.machine, records)


def _goes_on(status: RunStatus) -> bool:
    return not status.ended and status.phase != Phase.INTERRUPTED


def _time(machine: RunMachine, records: JobRecords, *, goes_on: bool) -> MachineTime:
    told = records.machines.get(machine.id)
    until, runs, is_exact = _end(machine, told, records.now, goes_on=goes_on)
    return MachineTime(
        price_hour=_price(machine, records.config),
        seconds=max(0.0, (until - machine.launched_at).total_seconds()),
        runs=runs,
        is_exact=is_exact,
    )


def _end(
    machine: RunMachine, told: Machine | None, now: datetime, *, goes_on: bool
) -> tuple[datetime, bool, bool]:
    """Until when the machine costs, whether it runs, and whether that is exact."""
    if told is not None and not told.is_ending:
        return now, True, True
    if told is not None and told.ended_at is not None:
        return told.ended_at, False, True
    if machine.ended_at is not None:
        return machine.ended_at, False, True
    if told is None and goes_on and now - machine.seen_at <= SILENT:
        return now, True, True
    return machine.seen_at, False, False


def _price(machine: RunMachine, config: StackConfig) -> float | None:
    """What it recorded; a machine that ended before it knew costs what the place does, if it is of that."""
    place = config.placement
    if machine.price_hour is None and (machine.type, machine.market) == (place.instance_type, place.market):
        return place.price_hour
    return machine.price_hour


def _time_before_the_first_word(identity: str, records: JobRecords) -> MachineTime:
    told = records.machines.get(identity)
    price = records.config.placement.price_hour
    if told is None or told.launched_at is None:
        return MachineTime(price_hour=price, seconds=0.0, runs=False, is_exact=False)
    until = records.now if not told.is_ending else told.ended_at
    return MachineTime(
        price_hour=price,
        seconds=0.0 if until is None else max(0.0, (until - told.launched_at).total_seconds()),
        runs=not told.is_ending,
        is_exact=until is not None,
    )


def _time_of_phases(status: RunStatus, records: JobRecords, *, goes_on: bool) -> MachineTime:
    """Of a run whose status lists no machines: what its agents counted, at the price of the present place."""
    counted = float(sum(status.seconds.values()))
    price = records.config.placement.price_hour
    if not goes_on:
        return MachineTime(price_hour=price, seconds=counted, runs=False, is_exact=not _goes_on(status))
    since = _since(status, records.now)
    told = records.machines.get(status.instance or "")
    runs = since is not None and (since <= SILENT if told is None else not told.is_ending)
    seconds = counted + (since.total_seconds() if since is not None and runs else 0.0)
    return MachineTime(price_hour=price, seconds=seconds, runs=runs, is_exact=runs)


def _since(status: RunStatus, now: datetime) -> timedelta | None:
    try:
        return max(timedelta(0), now - moment(status.updated_at or ""))
    except ValueError:
        return None


def _volume(volume: HeldVolume, gb_hour: float | None, now: datetime) -> Amount:
    if volume.since is None:
        return Amount(0.0, complete=False)
    return amount(gb_hour).times(volume.gb * max(0.0, (now - volume.since).total_seconds()) / 3600)


def _known(found: Amount) -> float | None:
    """To a millionth of a dollar; None when nothing is known."""
    return round(found.usd, 6) if found.complete or found.usd else None
