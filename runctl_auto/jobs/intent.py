"""Decides what applying a job file means for the job as it is: which run, which place, which protection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from runctl_auto.backend.state_bucket import sources_of_state
from runctl_auto.errors import JobFileError, UsageError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.container_choice import choose_container
from runctl_auto.jobs.current_job import CurrentJob
from runctl_auto.jobs.data_strategies import initialization_notes, settle_data
from runctl_auto.jobs.fingerprint import fingerprint
from runctl_auto.jobs.material import Material
from runctl_auto.jobs.notices.choice import choose_notify
from runctl_auto.jobs.plan_notes import plan_notes
from runctl_auto.jobs.right_account import another_account
from runctl_auto.jobs.secret_values import SecretValues
from runctl_auto.jobs.session import Session, Surroundings
from runctl_auto.jobs.storage.volumes_of_job import refuse_names_of_volumes
from runctl_auto.jobs.traces.choice import choose_trace
from runctl_auto.placement.choice import Choice, choose_places
from runctl_auto.placement.fit import fits
from runctl_auto.placement.machine_group import choose_group
from runctl_auto.placement.order import RankedOffer
from runctl_auto.protection.held import held_in
from runctl_auto.protection.wanted import wanted_protection
from runctl_auto.providers.compute import compute_in
from runctl_auto.providers.contract import Account, OwnVolumes, Provider
from runctl_auto.run.identity import RunIdentity, choose_run
from runctl_auto.stack.config import GroupChoice, Placement, Protection, StackConfig
from runctl_auto.stack.place_text import TITLES
from runctl_auto.stack.prices import Rates, RegionPrices
from runctl_auto.stack.source import Source
from runctl_auto.stack.trail import RefusedPlace


@dataclass(frozen=True)
class Intent:
    """What is to be: ``config`` with the first of ``places``; ``wanted`` protection once it is placed; the
    values of the job's ``secrets``, which are not part of what is plain; ``notes`` for the plan; ``offers``
    that were compared, the preferred first, none when the place was settled before."""

    config: StackConfig
    places: tuple[Placement, ...]
    wanted: Protection
    replaces_active_run: bool
    secrets: SecretValues = field(default_factory=SecretValues)
    notes: tuple[str, ...] = ()
    offers: tuple[RankedOffer, ...] = ()


def decide(
    session: Surroundings,
    spec: JobSpec,
    current: CurrentJob,
    material: Material,
    *,
    rerun: bool,
    afresh: bool | None = None,
    source: Source | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Intent:
    """What applying ``spec`` means. Asks the cloud for places when a new one is needed, and the registry of
    its container for a new run; ``variables`` may hold the registry's password.

    ``afresh``: whether a new run leaves the checkpoints of the previous one; None: as that ended. ``source``
    is the file of the folder that is applied; None: as before.

    A run that has a machine where the job file no longer allows it moves: that is a new attempt, which goes
    on from the last checkpoint. So is one whose group was ended before the run.
    """
    refuse_names_of_volumes(spec)
    provider, account = session.provider(spec.region), material.account
    _refuse_state_as_data(session, spec)
    _refuse_another_cloud(spec, current, account)
    zone = zone_of_volumes(provider, spec, current, account)
    moves = current.run_is_active and (
        not _still_fits(spec, current, provider, zone)
        or not _recovers_alike(spec, current)
        or _was_given_up(current, provider, session.time.now().timestamp())
    )
    run = choose_run(
        spec,
        code_sha256=material.code_sha256,
        agent_sha256=material.agent_sha256,
        previous=current.config.run if current.config else None,
        previous_status=current.status,
        rerun=rerun or moves,
        afresh=afresh,
    )
    container, about_container = choose_container(
        spec, current.config, run, provider.container_image, variables
    )
    with session.reporter.working("looking for places"):
        known = session.prices.region(spec.region)
        choice = _choice(spec, provider, account, current, run, zone=zone, known=known)
    wanted = wanted_protection(
        spec,
        asked=current.config.protection.asked if current.config else None,
        listed=session.settings.policies.protected,
        held=held_in(spec.name, current.state),
    )
    before = current.config
    source = source or (before.source if before is not None else None)
    is_same_run = current.config is not None and current.config.run.id == run.id
    rates = _rates_in_force(current.config, choice.places[0], known)
    data = settle_data(
        provider,
        spec,
        choice.places[0],
        rates,
        before=current.config.data if current.config is not None and is_same_run else None,
    )
    config = StackConfig(
        job=spec,
        run=run,
        placement=_with_disk(choice.places[0], spec),
        owner=session.settings.owner if current.config is None else current.config.owner,
        permissions_boundary=session.settings.aws.permissions_boundary,
        end_schedule=session.settings.aws.end_schedule,
        protection=_in_force(spec.name, wanted, current),
        rates=rates,
        data=data.strategies,
        trail=_trail_of(current.config, run),
        group=_group(session, spec, current, run, choice),
        notify=choose_notify(spec, current.config, run.id, session.settings.notify),
        trace=choose_trace(current.config, run.id),
        container=container,
        source=source,
        fingerprint=fingerprint(session, spec, material.code_sha256, source),
    )
    return Intent(
        config,
        choice.places,
        wanted,
        replaces_active_run=not is_same_run and current.run_is_active,
        notes=(
            *about_container,
            *choice.notes,
            *data.notes,
            *(() if is_same_run else initialization_notes(spec)),
            *plan_notes(provider, config, zone, is_new_run=not is_same_run),
        ),
        offers=choice.offers,
    )


def _with_disk(place: Placement, spec: JobSpec) -> Placement:
    """A size in the job file counts at once; without one, the size that was settled at placement stays."""
    return place if spec.resources.disk is None else replace(place, disk_gb=spec.resources.disk)


def _recovers_alike(spec: JobSpec, current: CurrentJob) -> bool:
    """Whether the machine of the job as it is has the form that the job file asks for."""
    has_group = current.config is not None and current.config.group is not None
    return has_group == (spec.recovers_by == "cloud")


def _was_given_up(current: CurrentJob, provider: Provider, now: float) -> bool:
    """Whether a group was ended and its run has not: by its latest end, or for want of machines that boot."""
    if current.config is None or current.group is None:
        return False
    ends_at = current.config.ends_at
    if ends_at is not None and now >= ends_at:
        return True
    found = compute_in(current.state).now(provider)
    return found.group is not None and not found.runs


def _group(
    session: Surroundings, spec: JobSpec, current: CurrentJob, run: RunIdentity, choice: Choice
) -> GroupChoice | None:
    """The group of the run; that of the same run stays, and with it the run's latest end."""
    if spec.recovers_by != "cloud":
        return None
    config = current.config
    if config is not None and config.run.id == run.id and config.group is not None:
        return config.group
    return choose_group(spec, choice.places, int(session.time.now().timestamp()))


def other_places(session: Session, config: StackConfig, current: CurrentJob) -> tuple[Placement, ...]:
    """Where else the run may go when its place has no capacity; the pinned one left out."""
    found = present_places(session, config, current)
    return tuple(each for each in found if _same_place(each) != _same_place(config.placement))


def present_places(session: Session, config: StackConfig, current: CurrentJob) -> tuple[Placement, ...]:
    """Where the run may go as things are now, the preferred first."""
    provider = session.provider(config.job.region)
    account = provider.account()
    zone = zone_of_volumes(provider, config.job, current, account)
    known = session.prices.region(config.job.region)
    return choose_places(config.job, provider, account, zone=zone, known=known).places


def _choice(
    spec: JobSpec,
    provider: Provider,
    account: Account,
    current: CurrentJob,
    run: RunIdentity,
    *,
    zone: str | None,
    known: RegionPrices | None,
) -> Choice:
    config = current.config
    if config is not None and config.run.id == run.id:
        has_ended = current.status is not None and current.status.ended
        if has_ended or _still_fits(spec, current, provider, zone):
            return Choice((config.placement,))
    return choose_places(spec, provider, account, zone=zone, known=known)


def _trail_of(config: StackConfig | None, run: RunIdentity) -> tuple[RefusedPlace, ...]:
    """The places that refused the run before."""
    return config.trail if config is not None and config.run.id == run.id else ()


def _rates_in_force(config: StackConfig | None, place: Placement, known: RegionPrices | None) -> Rates:
    """The prices when the place was chosen, as long as the job stays there."""
    if config is not None and config.placement == place and config.rates.source is not None:
        return config.rates
    return Rates() if known is None else known.rates


def _still_fits(spec: JobSpec, current: CurrentJob, provider: Provider, zone: str | None) -> bool:
    """Whether the place of the job as it is is still one that the job file and its volumes allow."""
    if current.config is None:
        return False
    place, previous = current.config.placement, current.config.job
    return (
        zone in (None, place.zone)
        and fits(place, spec, previous=previous)
        and provider.machine_fits(place, spec, previous)
    )


def zone_of_volumes(provider: Provider, spec: JobSpec, current: CurrentJob, account: Account) -> str | None:
    """The zone that volumes tie the job to: those that it made, and those that it uses by their id."""
    own = {
        each.name.removeprefix(f"{spec.name}-").removesuffix("-volume"): each.id
        for each in current.state.volumes()
    }
    if not spec.volumes:
        return current.pinned_zone
    machine = compute_in(current.state).now(provider).machine if current.group else None
    held = OwnVolumes(own, machine.id if machine else current.instance, current.pinned_zone)
    return provider.zone_of_volumes(spec, account, held)


def _in_force(job: str, wanted: Protection, current: CurrentJob) -> Protection:
    """Protection begins once the job was placed; until then failover may make a volume in another zone."""
    before = current.config.protection if current.config else Protection()
    existing = {each.name for each in current.state.volumes()} if current.was_placed else set()
    return Protection(
        volumes={
            name: protect
            and (before.of_volume(name) or bool({f"{job}-{name}-volume", f"{job}-{name}"} & existing))
            for name, protect in wanted.volumes.items()
        },
        bucket=wanted.bucket and (before.bucket or current.was_placed),
        asked=wanted.asked,
    )


def _same_place(place: Placement) -> tuple[str, str, str, str]:
    return place.market, place.instance_type, place.zone, place.subnet


def _refuse_state_as_data(session: Surroundings, spec: JobSpec) -> None:
    """Whatever the policies allow; the program refuses it too, for plain ``pulumi``."""
    for index, source in sources_of_state((each.source for each in spec.data), session.backend):
        raise JobFileError(
            f"The data source {source} is in the bucket with the state of all stacks, which no job may read.",
            where={"job": spec.name, "field": f"data[{index}].source"},
            next_step="Keep data and state in different buckets.",
        )


def _refuse_another_cloud(spec: JobSpec, current: CurrentJob, account: Account) -> None:
    if current.config is None:
        return
    held = current.config.placement
    if held.account != account.id:
        raise another_account(spec.name, held.account, account.id)
    if held.region != spec.region and current.state.in_cloud():
        raise UsageError(
            f"Job '{spec.name}' lives in {held.region} and cannot move to {spec.region}.",
            where={"job": spec.name, "field": "region"},
            next_step=f"`runctl down {spec.name}` first, or give the job in {spec.region} another name.",
        )
    left = current.state.clouds() - set(spec.clouds)
    if left:
        there = " and ".join(sorted(TITLES[each] for each in left))
        listed = ", ".join((*spec.clouds, *sorted(left)))
        raise UsageError(
            f"Job '{spec.name}' is at {there}, which its file no longer names.",
            where={"job": spec.name, "field": "providers" if spec.providers else "provider"},
            next_step=f"Write providers: [{listed}], which lets it move, or `runctl down {spec.name}` first.",
        )
