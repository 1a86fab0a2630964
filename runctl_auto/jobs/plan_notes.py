"""What a plan tells of a decision beside its changes."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.contract import Provider
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.place_text import TITLES


def plan_notes(
    provider: Provider, config: StackConfig, zone: str | None, *, is_new_run: bool
) -> Iterator[str]:
    """Of where the run may go, who makes its next machine and when it ends. ``zone`` is the one that volumes
    tie the job to.
    """
    yield from _tied_to_zone(config.job, config.placement, zone)
    yield from _no_time_to_end(config)
    yield from _recovery_notes(config)
    yield from _notes_on_several(config)
    if is_new_run:
        yield from _no_internet(config.placement)
        yield from provider.data_notes(config.job, config.placement)


def _recovery_notes(config: StackConfig) -> Iterator[str]:
    """Who makes the next machine, and when the cloud ends the run at the latest."""
    if config.group is None:
        yield _RECOVERY_WORDS[config.job.recovers_by]
        if len(config.job.clouds) > 1 and config.job.recovers_by == "runctl":
            named = " or ".join(TITLES[each] for each in config.job.clouds)
            yield f"the next machine may be at {named}: checkpoints are in the same bucket"
        return
    types = ", ".join(config.group.instance_types)
    yield f"recovery: cloud: when the machine is lost, AWS makes the next one ({types}), without runctl"
    if config.ends_at is None:
        yield "no scheduled action ends the group: that needs a max_duration"


def _notes_on_several(config: StackConfig) -> Iterator[str]:
    """Of several machines those of another market, whether fewer go on, and whether they are in a placement
    group.
    """
    job = config.job
    if job.nodes == 1:
        return
    if job.on_demand_ranks and config.placement.market == "spot":
        yield f"on-demand, unlike the others: machine {', '.join(map(str, sorted(set(job.on_demand_ranks))))}"
    if job.elastic is not None:
        wait = job.elastic.wait
        within = f"{wait} s" if wait % 60 else f"{wait // 60} min"
        few = f"{job.elastic.min} or more, machine 0 among them,"
        yield f"elastic: {few} go on without those that are not back within {within}"
    if config.placement.cluster:
        yield (
            "the machines are close to each other, in a cluster placement group; network: {placement: none} "
            "does without, where there is capacity more often"
        )
    elif config.job.network.placement is None:
        yield (
            f"the machines are in no placement group: {config.placement.instance_type} has no Elastic Fabric "
            "Adapter; network: {placement: cluster} asks for one all the same"
        )


_RECOVERY_WORDS = {
    "runctl": "recovery: runctl: when a machine is lost, `up` or `watch` makes the next one while it follows "
    "the run",
    "none": "recovery: none: when the machine is lost, the run ends",
}


def _no_time_to_end(config: StackConfig) -> Iterator[str]:
    if config.group is None and config.end_schedule and config.job.max_duration is None:
        yield "no schedule ends the machine: aws.end_schedule needs a max_duration to tell the time"


def _tied_to_zone(spec: JobSpec, place: Placement, zone: str | None) -> Iterator[str]:
    """What volumes mean for where the job may go, now and later."""
    if zone is not None:
        yield f"the job's volumes are in {zone}: no other zone is tried"
    elif spec.volumes:
        names = ", ".join(each.name for each in spec.volumes)
        yield (
            f"volume {names}: made in the zone of the first machine (planned: {place.zone}), to which the "
            "job is tied from then on"
        )


def _no_internet(place: Placement) -> Iterator[str]:
    if not place.internet:
        yield (
            f"subnet {place.subnet} reaches AWS's endpoints only: setup and run cannot fetch from package "
            "indexes and model hubs"
        )
