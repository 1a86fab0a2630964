"""What a job is charged for: each machine, disk, address and volume with its time and its price.

From the machines that the statuses of its runs list, the volumes in its stack's state, and the prices in its
configuration. Not among them: requests, transfer, and storage in the bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from runctl_auto.agent.contract import Phase
from runctl_auto.cost.amount import Amount, amount
from runctl_auto.cost.storage_price import GP3, NETWORK_VOLUME, POD_DISK, disk_of, volume_of
from runctl_auto.job_file.one_provider import cloud_of_type
from runctl_auto.job_file.spec import CloudName
from runctl_auto.providers.contract import Machine
from runctl_auto.run.machines import RunMachine, moment
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import VOLUME, StackState

SILENT = timedelta(seconds=120)
"""After this long without a heartbeat the status alone does not show whether a machine still runs."""
CLOCKS_DIFFER = timedelta(minutes=5)
"""A time of a machine that is so far ahead of this clock is not believed."""
REMEMBERED = timedelta(hours=1)
"""EC2 describes a machine for about this long after its end."""
LONGEST = timedelta(days=36_500)
"""What a machine counts is not believed beyond this."""
GB_STORED = GP3
PUBLIC_IPV4 = "public IPv4"

Kind = Literal["machine", "disk", "address", "volume", "snapshot"]
KINDS: tuple[Kind, ...] = ("machine", "disk", "address", "volume", "snapshot")


@dataclass(frozen=True, kw_only=True)
class MachineUse:
    """What a machine has, None if unknown, and what its agent sent to object storage in an hour, on average:
    requests, and bytes.
    """

    cpus: int | None = None
    memory_gb: float | None = None
    requests_hour: float | None = None
    bytes_hour: float | None = None


@dataclass(frozen=True, kw_only=True)
class Charge:
    """One thing that cost from ``began`` to ``ended``, both in UTC.

    ``resource`` is the id of the machine or volume, ``what`` its type; ``run`` is None for volumes, which
    outlive runs. ``quantity`` is 1, or GB; ``price_hour`` is USD for one of it, None when unknown.
    ``goes_on``: it still costs. ``is_exact``: False when it cost at least until ``ended``. ``use`` is None
    for what is no machine, and where nothing of it is known.
    """

    kind: Kind
    resource: str
    what: str
    run: str | None
    began: datetime
    ended: datetime
    quantity: float
    price_hour: float | None
    goes_on: bool = False
    is_exact: bool = True
    use: MachineUse | None = None

    @property
    def provider(self) -> CloudName:
        """Who charges: a job may have moved from one to another."""
        if self.kind == "machine":
            return cloud_of_type(self.what.partition(" ")[0])
        return "runpod" if self.what in (POD_DISK, NETWORK_VOLUME) else "aws"

    @property
    def hours(self) -> float:
        return max(0.0, (self.ended - self.began).total_seconds()) / 3600

    @property
    def hour(self) -> Amount:
        """USD an hour."""
        return amount(self.price_hour).times(self.quantity)

    @property
    def usd(self) -> Amount:
        found = self.hour.times(self.hours)
        return Amount(found.usd, found.complete and self.is_exact)


@dataclass(frozen=True, kw_only=True)
class HeldVolume:
    """A volume that the job has made. ``since`` is None when unknown; ``until`` is None while it exists."""

    id: str
    gb: float
    since: datetime | None
    until: datetime | None = None
    provider: CloudName = "aws"


@dataclass(frozen=True, kw_only=True)
class JobRecords:
    """What is known of a job at ``now``: its ``config``; the ``status`` of its run, None before the first;
    those of the runs before; its ``volumes``; and what the cloud tells of ``machines``, by id.

    ``machine`` is the one that the state names, ``other_machines`` those of other nodes.
    ``unread``: something of it could not be read, or was not.
    """

    config: StackConfig
    now: datetime
    status: RunStatus | None
    earlier: Sequence[RunStatus] = ()
    volumes: Sequence[HeldVolume] = ()
    machines: Mapping[str, Machine] = field(default_factory=dict)
    machine: str | None = None
    other_machines: tuple[str, ...] = ()
    unread: bool = False

    @property
    def has_gaps(self) -> bool:
        """Whether something of it is not known."""
        return self.unread or any(each.unreadable is not None for each in self.runs)

    @property
    def runs(self) -> tuple[RunStatus, ...]:
        """The statuses of all runs, in order."""
        return tuple(filter(None, (*self.earlier, self.status)))


def charges(records: JobRecords) -> Iterator[Charge]:
    """All that the job was charged for so far: the machines in order, each with its disk and address, then
    the volumes. Makes no request.
    """
    for each in _machines(records):
        yield each
        yield from _with_machine(each, records.config)
    for volume in records.volumes:
        stored = volume_of(volume.provider, records.config.rates, volume.gb)
        yield Charge(
            kind="volume",
            resource=volume.id,
            what=stored.kind,
            run=None,
            began=volume.since or volume.until or records.now,
            ended=volume.until or records.now,
            quantity=volume.gb,
            price_hour=stored.gb_hour,
            goes_on=volume.until is None,
            is_exact=volume.since is not None,
        )


def held_volumes(state: StackState) -> tuple[HeldVolume, ...]:
    """The volumes that the job's stack has made."""
    return tuple(
        HeldVolume(
            id=each.id,
            gb=float(each.outputs.get("size") or 0),
            since=each.created,
            provider="aws" if each.type == VOLUME else "runpod",
        )
        for each in state.volumes()
        if each.in_cloud
    )


def machines_to_ask_for(status: RunStatus, now: datetime) -> Iterator[str]:
    """Machines of which the cloud may know more than a status: those that are silent, and those that ended
    without a word, as long as EC2 describes them.
    """
    present = _present(status)
    for each in status.machines:
        silence = now - each.seen_at
        goes_on = each.id in present and _goes_on(status)
        if each.ended_at is None and (not _is_heard(each, now) if goes_on else silence < REMEMBERED):
            yield each.id
    if not status.machines and status.instance and _goes_on(status):
        since = _since(status, now)
        if since is None or since > SILENT:
            yield status.instance


def _with_machine(machine: Charge, config: StackConfig) -> Iterator[Charge]:
    """What costs as long as a machine does, with the provider that it was of."""
    disk = disk_of(machine.provider, config.rates)
    yield _beside(machine, "disk", disk.kind, config.disk_gb, disk.gb_hour)
    if config.placement.public_address and machine.provider == "aws":
        yield _beside(machine, "address", PUBLIC_IPV4, 1, config.rates.public_ipv4_hour)


def _beside(machine: Charge, kind: Kind, what: str, quantity: float, price: float | None) -> Charge:
    return Charge(
        kind=kind,
        resource=machine.resource,
        what=what,
        run=machine.run,
        began=machine.began,
        ended=machine.ended,
        quantity=quantity,
        price_hour=price,
        goes_on=machine.goes_on,
        is_exact=machine.is_exact,
    )


def _machines(records: JobRecords) -> Iterator[Charge]:
    known: set[str] = set()
    for status in records.runs:
        if status.unreadable is not None:
            continue
        goes_on = status is records.status and _goes_on(status)
        if not status.machines:
            known.add(status.instance or "")
            yield _of_phases(status, records, goes_on=goes_on)
        present = _present(status)
        for each in status.machines:
            known.add(each.id)
            yield _of_machine(each, status.run, records, goes_on=goes_on and each.id in present)
    named = (records.machine, *records.other_machines)
    for rank, machine in enumerate(named):
        if machine and machine not in known:
            is_known = len(named) == records.config.job.nodes  # else one is missing
            yield _before_the_first_word(machine, records, rank if is_known else None)


def _present(status: RunStatus) -> frozenset[str]:
    """The machines that the run has now, as its status tells: the last one, and those of all its nodes."""
    last = status.machines[-1].id if status.machines else None
    if not status.nodes:
        return frozenset(filter(None, (last,)))
    return status.heard_machines


def _goes_on(status: RunStatus) -> bool:
    return not status.ended and status.phase != Phase.INTERRUPTED


def _of_machine(machine: RunMachine, run: str, records: JobRecords, *, goes_on: bool) -> Charge:
    told = records.machines.get(machine.id)
    until, runs, is_exact = _end(machine, told, records.now, goes_on=goes_on)
    return Charge(
        kind="machine",
        resource=machine.id,
        what=" ".join(filter(None, (machine.type, machine.market))),
        run=run,
        began=machine.launched_at,
        ended=until,
        quantity=1,
        price_hour=_price(machine, records.config),
        goes_on=runs,
        is_exact=is_exact,
        use=_use(machine, (until - machine.launched_at).total_seconds() / 3600),
    )


def _use(machine: RunMachine, hours: float) -> MachineUse | None:
    if machine.requests is None or machine.sent_bytes is None or hours <= 0:
        return None
    return MachineUse(
        cpus=machine.cpus,
        memory_gb=machine.memory_gb,
        requests_hour=machine.requests / hours,
        bytes_hour=machine.sent_bytes / hours,
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
        return min(machine.ended_at, now), False, True
    if told is None and goes_on and _is_heard(machine, now):
        return now, True, True
    return min(machine.seen_at, now), False, False


def _is_heard(machine: RunMachine, now: datetime) -> bool:
    """Whether its agent has reported of late."""
    return -CLOCKS_DIFFER <= now - machine.seen_at <= SILENT


def _price(machine: RunMachine, config: StackConfig) -> float | None:
    """What it recorded; a machine that ended before it knew costs what the place does, if it is of that."""
    place = config.placement
    if machine.price_hour is None and (machine.type, machine.market) == (place.instance_type, place.market):
        return place.price_hour
    return machine.price_hour


def _before_the_first_word(identity: str, records: JobRecords, rank: int | None) -> Charge:
    """A machine that the state names, and of which no status tells; ``rank`` is None where not known."""
    told = records.machines.get(identity)
    runs = told is not None and not told.is_ending
    began = told.launched_at if told is not None else None
    until = records.now if runs or told is None else told.ended_at
    return _placed(
        records,
        resource=identity,
        run=records.config.run.id,
        began=began or records.now,
        ended=until or began or records.now,
        goes_on=runs,
        is_exact=began is not None and until is not None,
        on_demand=rank in records.config.job.on_demand_ranks,
    )


def _of_phases(status: RunStatus, records: JobRecords, *, goes_on: bool) -> Charge:
    """Of a run whose status lists no machines: the seconds that its agents counted."""
    counted = timedelta(seconds=min(float(sum(status.seconds.values())), LONGEST.total_seconds()))
    since = _since(status, records.now)
    told = records.machines.get(status.instance or "")
    runs = goes_on and since is not None and (since <= SILENT if told is None else not told.is_ending)
    heard = records.now if since is None else records.now - since
    return _placed(
        records,
        resource=status.instance or status.run,
        run=status.run,
        began=heard - counted,
        ended=records.now if runs else heard,
        goes_on=runs,
        is_exact=runs or not _goes_on(status),
    )


def _placed(
    records: JobRecords,
    *,
    resource: str,
    run: str,
    began: datetime,
    ended: datetime,
    goes_on: bool,
    is_exact: bool,
    on_demand: bool = False,
) -> Charge:
    """Of a machine as the job's place has it; ``on_demand``: whatever the market of the others is."""
    place = records.config.placement
    is_spot = place.market == "spot" and not on_demand
    return Charge(
        kind="machine",
        resource=resource,
        what=f"{place.instance_type} {'spot' if is_spot else 'on-demand'}",
        run=run,
        began=began,
        ended=ended,
        quantity=1,
        price_hour=place.on_demand_hour if place.market == "spot" and on_demand else place.price_hour,
        goes_on=goes_on,
        is_exact=is_exact,
    )


def _since(status: RunStatus, now: datetime) -> timedelta | None:
    """Since the last report; None when that is not known, or ahead of this clock."""
    try:
        since = now - moment(status.updated_at or "")
    except ValueError:
        return None
    return max(timedelta(0), since) if since >= -CLOCKS_DIFFER else None
