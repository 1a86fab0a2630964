"""``data plan``: compares the strategies for the data of a job file. Makes nothing and needs no stack."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from runctl_auto.cost.amount import Amount
from runctl_auto.errors import NotFoundError, UsageError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.storage import DataSource
from runctl_auto.jobs.data_strategies import obstacles, workload
from runctl_auto.jobs.session import Session
from runctl_auto.operations.offers import find_offers
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.stack.prices import Rates
from runctl_auto.transfer.data_listing import DataListing, list_data
from runctl_auto.transfer.service_rates import ALL
from runctl_auto.transfer.strategies import Forecast, Plan, Prices, Timing, Workload, plan_data

MOST_LISTED = 1_000_000
"""Objects that are listed for a plan: a thousand requests."""


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What the person states; None: as the job file, the bucket and the offers have it."""

    size: int | None = None
    files: int | None = None
    epochs: int | None = None
    runs: int | None = None
    training: float | None = None
    keep_days: float | None = None
    instance_type: str | None = None
    price: float | None = None


@dataclass(frozen=True, kw_only=True)
class SourcePlan:
    """The plan for one source. ``is_complete`` is False when the source holds more than was counted;
    ``market`` is None when the price was stated, or is unknown.
    """

    source: DataSource
    plan: Plan
    is_complete: bool
    market: str | None

    def as_json(self) -> dict[str, Any]:
        plan, work, machine = self.plan, self.plan.work, self.plan.machine
        return {
            "source": self.source.source,
            "path": self.source.path,
            "strategy": self.source.strategy,
            "size": work.size,
            "files": work.files,
            "is_complete": self.is_complete,
            "epochs": work.epochs,
            "runs": work.runs,
            "training_seconds": work.training,
            "keep_days": work.keep_days,
            "machine": {
                "instance_type": machine.instance_type,
                "market": self.market,
                "price_hour": plan.prices.machine,
                "network_bytes_second": machine.network,
                "volume_bytes_second": machine.volumes,
                "instance_store_bytes": machine.store,
            },
            "strategies": [_forecast_json(each, plan.chosen) for each in plan.forecasts],
            "recommended": plan.chosen.strategy,
            "reason": plan.reason,
        }


def _forecast_json(forecast: Forecast, chosen: Forecast) -> dict[str, Any]:
    return {
        "strategy": forecast.strategy,
        "recommended": forecast is chosen,
        "obstacle": forecast.obstacle,
        "first_run": _timing_json(forecast.first),
        "later_run": _timing_json(forecast.later),
        "seconds": round(forecast.seconds, 1),
        "cost": _cost_json(forecast.cost),
    }


def _timing_json(timing: Timing) -> dict[str, float]:
    return {
        "first_batch_seconds": round(timing.first_batch, 2),
        "first_epoch_seconds": round(timing.first_epoch, 2),
        "later_epoch_seconds": round(timing.later_epoch, 2),
    }


def _cost_json(cost: Amount) -> dict[str, Any]:
    return {"usd": round(cost.usd, 6), "complete": cost.complete}


@dataclass(frozen=True)
class DataPlans:
    """The plans for all data of a job."""

    job: str
    plans: tuple[SourcePlan, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "data": [each.as_json() for each in self.plans],
            "rates": [
                {"name": each.name, "value": each.value, "unit": each.unit, "source": each.source}
                for each in ALL
            ],
        }


def plan_data_of(session: Session, spec: JobSpec, given: Assumptions, path: str | None = None) -> DataPlans:
    """The plans for the data of ``spec``, or those at ``path`` alone.

    Raises ``UsageError`` when the job has no such data, or several and ``given`` can be meant for one only;
    ``CloudError`` when the bucket cannot be listed and its size is not given.
    """
    sources = _chosen(spec, given, path)
    speed, prices, market = _machine(session, spec, given)
    plans = []
    for source in sources:
        listing = _listing(session, spec, source, given)
        hindered = dict(obstacles(spec, source, listing, speed))
        plan = plan_data(_as_given(workload(source, listing), given), speed, prices, hindered)
        plans.append(SourcePlan(source=source, plan=plan, is_complete=listing.is_complete, market=market))
    return DataPlans(spec.name, tuple(plans))


def _chosen(spec: JobSpec, given: Assumptions, path: str | None) -> tuple[DataSource, ...]:
    where = {"job": spec.name, "field": "data"}
    found = tuple(each for each in spec.data if path is None or each.path.rstrip("/") == path.rstrip("/"))
    if not found:
        paths = ", ".join(each.path for each in spec.data)
        raise UsageError(
            f"Job '{spec.name}' has no data{f' at {path}' if path else ''}.",
            where=where,
            next_step=f"Its data are at {paths}." if paths else "Add an entry to data in the job file.",
        )
    if len(found) > 1 and (given.size is not None or given.files is not None):
        raise UsageError(
            "--size and --files are those of one source, and the job has several.",
            where=where,
            next_step=f"Name it with --path: {', '.join(each.path for each in found)}.",
        )
    return found


def _machine(session: Session, spec: JobSpec, given: Assumptions) -> tuple[MachineSpeed, Prices, str | None]:
    """The machine that ``up`` would take first, or the given type at its price on demand."""
    known = session.prices.region(spec.region)
    rates = Rates() if known is None else known.rates
    provider = session.provider(spec.region)
    if given.instance_type is None:
        fitting = find_offers(session, spec).fitting
        if fitting:
            offer = fitting[0].offer
            price = offer.price_average or offer.price_hour if given.price is None else given.price
            market = offer.market if given.price is None else None
            return provider.machine_speed(offer.instance_type), Prices(machine=price, rates=rates), market
    wanted = given.instance_type or next(iter(spec.resources.instance_types), None)
    if wanted is None:
        raise UsageError(
            "No machine is offered for this job, so nothing tells how fast it reads.",
            where={"job": spec.name, "field": "resources"},
            next_step="`runctl offers` says why; or name a type with --instance-type.",
        )
    listed = None if known is None else known.on_demand.get(wanted)
    price = listed if given.price is None else given.price
    market = "on-demand" if given.price is None and listed is not None else None
    return provider.machine_speed(wanted), Prices(machine=price, rates=rates), market


def _as_given(work: Workload, given: Assumptions) -> Workload:
    return replace(
        work,
        epochs=given.epochs or work.epochs,
        runs=given.runs or work.runs,
        training=given.training or work.training,
        keep_days=given.keep_days or work.keep_days,
    )


def _listing(session: Session, spec: JobSpec, source: DataSource, given: Assumptions) -> DataListing:
    if given.size is not None and given.files is not None:
        return DataListing(given.size, given.files, is_complete=True)
    try:
        with session.reporter.working(f"listing {source.source}", after=1.0):
            found = list_data(session.provider(spec.region).bucket, source.source, MOST_LISTED)
    except NotFoundError as error:
        raise _nothing_at(spec, source, "is in no bucket that exists") from error
    if not found.files and given.size is None:
        raise _nothing_at(spec, source, "holds nothing")
    return replace(
        found,
        size=found.size if given.size is None else given.size,
        files=max(1, found.files) if given.files is None else given.files,
    )


def _nothing_at(spec: JobSpec, source: DataSource, what: str) -> UsageError:
    return UsageError(
        f"The data source {source.source} {what}.",
        where={"job": spec.name, "field": "data"},
        next_step="Correct it, or state --size and --files of what will be there.",
    )
