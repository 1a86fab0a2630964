"""The agent's spec of a run in the cloud, from its stack's configuration."""

from __future__ import annotations

from components.data_access import DataLocation
from components.naming import parameter_name
from runctl_auto.agent.spec_format import (
    ON_A_VOLUME,
    DataJson,
    DataStrategy,
    LimitsJson,
    NotifyJson,
    PartOfRunJson,
    RunJson,
)
from runctl_auto.errors import ProgramError
from runctl_auto.job_file.storage import DataSource
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.run_spec import container_of, run_spec_of


def run_spec(config: StackConfig) -> RunJson:
    """The agent's spec, without the volumes, whose ids only the components know."""
    job = config.job
    return {
        **run_spec_of(
            job,
            config.run,
            limits=_limits(config),
            secrets=[{"name": name, "parameter": parameter_name(job.name, name)} for name in job.secrets],
            data=[_data(config, each) for each in job.data],
        ),
        **_notify(config),
        **_trace(config),
        **_container(config),
        **_elastic(config),
    }


def _notify(config: StackConfig) -> PartOfRunJson:
    """Who is told of the run; nothing where nobody is, so that the spec stays what it was."""
    wanted = config.notify
    if wanted is None:
        return {}
    found: NotifyJson = {"format": wanted.format, "on": list(wanted.on)}
    if wanted.webhook is not None:
        found["webhook"] = parameter_name(config.job.name, wanted.webhook)
    if wanted.command is not None:
        found["command"] = wanted.command
    return {"notify": found}


def _trace(config: StackConfig) -> PartOfRunJson:
    """Where the run is traced; nothing where it is not."""
    return {} if config.trace is None else {"trace": {"parent": config.trace}}


def _container(config: StackConfig) -> PartOfRunJson:
    """What the run's scripts run in; of a pod, which is itself a container, nothing."""
    auth = config.job.registry_auth
    parameter = None if auth is None else parameter_name(config.job.name, auth.password)
    return container_of(config.job, config.container, parameter)


def _elastic(config: StackConfig) -> PartOfRunJson:
    """When several machines go on without one; nothing where they never do."""
    found = config.job.elastic
    return {} if found is None else {"elastic": {"min": found.min, "wait_seconds": found.wait}}


def _limits(config: StackConfig) -> LimitsJson:
    job, group = config.job, config.group
    limits: LimitsJson = {
        "max_duration_seconds": job.max_duration,
        "idle_duration_seconds": job.idle_duration,
        "budget": job.budget,
        "price_hour": config.machine_hour,
    }
    if group is not None:
        market = config.placement.market
        known = {name: price for name, price in group.prices.items() if price is not None}
        limits["prices"] = {f"{name} {market}": price for name, price in known.items()}
    elif config.on_demand_among_spot:
        place = config.placement
        found = {"spot": place.price_hour, "on-demand": place.on_demand_hour}
        limits["prices"] = {
            f"{place.instance_type} {market}": price for market, price in found.items() if price is not None
        }
    return limits


def _data(config: StackConfig, source: DataSource) -> DataJson:
    location = DataLocation.of(source.source)
    plain: DataJson = {"bucket": location.bucket, "prefix": location.prefix, "path": source.path}
    strategy = config.strategy_of(source)
    if strategy == DataStrategy.STAGE:
        return plain
    if strategy not in ON_A_VOLUME:
        return {**plain, "strategy": strategy}
    volume = config.job.volume_of(source)
    if volume is None:
        raise ProgramError(
            f"The data {source.source} are to be on a volume, and the job has none for them.",
            where={"job": config.job.name, "field": "data"},
            next_step="Name one of the job's volumes in the data's field volume.",
        )
    return {**plain, "strategy": strategy, "volume": volume.name}
