"""Settles how data come to a job whose file leaves that to runctl (``strategy: auto``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from runctl_auto.errors import CloudError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.storage import DataSource
from runctl_auto.providers.contract import Provider
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.stack.config import Placement
from runctl_auto.stack.prices import Rates
from runctl_auto.transfer.data_listing import MOST_LISTED, DataListing, list_data
from runctl_auto.transfer.strategies import Prices, Workload, plan_data

GB = 10**9


@dataclass(frozen=True)
class SettledData:
    """Strategies by path of the data, and a line for each in the plan."""

    strategies: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def settle_data(
    provider: Provider, spec: JobSpec, place: Placement, rates: Rates, *, before: Mapping[str, str] | None
) -> SettledData:
    """For each source with ``auto``: the strategy of the same run ``before``, else the recommended one.

    Lists at most ``MOST_LISTED`` objects of a source. One that cannot be looked at is staged.
    """
    open_sources = [each for each in spec.data if each.strategy == "auto"]
    if before is not None:
        return SettledData({each.path: before.get(each.path, "stage") for each in open_sources})
    if not open_sources:
        return SettledData()
    prices = Prices(machine=place.price_hour, rates=rates)
    settled, notes = {}, []
    for source in open_sources:
        settled[source.path], note = _settle(provider, spec, source, place.instance_type, prices)
        notes.append(note)
    return SettledData(settled, tuple(notes))


def _settle(
    provider: Provider, spec: JobSpec, source: DataSource, instance_type: str, prices: Prices
) -> tuple[str, str]:
    try:
        listing = list_data(provider.bucket, source.source, MOST_LISTED)
        machine = provider.machine_speed(instance_type)
    except CloudError as error:
        return "stage", f"data {source.source}: staged, since they could not be looked at: {error.what}"
    if not listing.files:
        return "stage", f"data {source.source}: staged, since there are none yet"
    plan = plan_data(
        workload(source, listing), machine, prices, dict(obstacles(spec, source, listing, machine))
    )
    least = "" if listing.is_complete else "at least "
    what = f"{least}{listing.files} objects of {least}{_gigabytes(listing.size)}"
    return plan.chosen.strategy, f"data {source.source}: {plan.chosen.strategy} ({what}); {plan.reason}"


def workload(source: DataSource, listing: DataListing) -> Workload:
    """What the job file says of the use of its data, and what the bucket holds."""
    return Workload(
        size=listing.size, files=max(1, listing.files), epochs=source.epochs or 1, runs=source.runs or 1
    )


def obstacles(
    spec: JobSpec, source: DataSource, listing: DataListing, machine: MachineSpeed
) -> Iterator[tuple[str, str]]:
    """Why the job cannot use a strategy as its file stands, by strategy."""
    volume = spec.volume_of(source)
    if volume is None:
        yield "volume", "the job has no volume" if not spec.volumes else "the data name no volume"
    elif volume.size is not None and listing.size > volume.size * GB:
        yield "volume", f"volume {volume.name} is too small"
    if volume is None or volume.snapshot is None:
        yield "snapshot", "no volume of the job is made from a snapshot"
    disk = spec.resources.disk
    if disk is not None and listing.size > disk * GB:
        yield "stage", "resources.disk is too small"
        if listing.size > machine.store:
            yield "cache", "resources.disk is too small"


def _gigabytes(size: int) -> str:
    return f"{size / GB:.1f} GB" if size >= GB else f"{size / 1e6:.1f} MB"


def initialization_notes(spec: JobSpec) -> Iterator[str]:
    """What a rate means for new volumes that begin with a snapshot."""
    for volume in spec.volumes:
        if volume.initialization_rate is None or volume.size is None:
            continue
        minutes = volume.size * GB / (volume.initialization_rate * 1024**2) / 60
        yield (
            f"volume {volume.name}: filled from {volume.snapshot} at {volume.initialization_rate} MiB/s, "
            f"within {max(1, round(minutes))} min; AWS bills this by the GB of the snapshot (price unknown)"
        )
