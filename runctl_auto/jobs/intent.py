"""Decides what applying a job file means for the job as it is: which run, which place, which protection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from runctl_auto.backend.state_bucket import sources_of_state
from runctl_auto.errors import JobFileError, RunctlError, UsageError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.container_choice import choose_container
from runctl_auto.jobs.data_strategies import initialization_notes, settle_data
from runctl_auto.jobs.fingerprint import fingerprint
from runctl_auto.jobs.job import Job, parse_config
from runctl_auto.jobs.notices.choice import choose_notify
from runctl_auto.jobs.right_account import another_account
from runctl_auto.jobs.secret_values import SecretValues
from runctl_auto.jobs.session import Session, Surroundings
from runctl_auto.jobs.storage.volumes_of_job import refuse_names_of_volumes
from runctl_auto.jobs.traces.choice import choose_trace
from runctl_auto.packaging.fetched_results import RESULTS_FOLDER
from runctl_auto.packaging.package import package_agent, package_code
from runctl_auto.packaging.work_folder import WorkFolder
from runctl_auto.placement.choice import Choice, choose_places
from runctl_auto.placement.fit import fits
from runctl_auto.placement.machine_group import choose_group
from runctl_auto.placement.order import RankedOffer
from runctl_auto.protection.held import held_in, zone_of
from runctl_auto.protection.wanted import wanted_protection
from runctl_auto.providers.compute import compute_in
from runctl_auto.providers.contract import Account, OwnVolumes, Provider
from runctl_auto.run.identity import RunIdentity, choose_run
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import GroupChoice, Placement, Protection, StackConfig
from runctl_auto.stack.place_text import TITLES
from runctl_auto.stack.prices import Rates, RegionPrices
from runctl_auto.stack.source import Source
from runctl_auto.stack.state import GROUP, StackState
from runctl_auto.stack.trail import RefusedPlace


@dataclass(frozen=True)
class CurrentJob:
    """The job as it is before anything changes."""

    config: StackConfig | None
    state: StackState
    status: RunStatus | None

    @property
    def instance(self) -> str | None:
        """The single instance that the state names."""
        found = self.state.machine()
        return found.id if found else None

    @property
    def instances(self) -> tuple[str, ...]:
        """The instances that the state names, in the order of the nodes."""
        return compute_in(self.state).instances

    @property
    def group(self) -> str | None:
        """The name of the machine's group that the state names."""
        found = self.state.first(GROUP)
        return found.id if found else None

    @property
    def has_compute(self) -> bool:
        """Whether the state names an instance or a group."""
        return self.instance is not None or self.group is not None

    @property
    def run_is_active(self) -> bool:
        """Whether a run has a machine, or a group that makes one, and has not ended."""
        return self.has_compute and not (self.status is not None and self.status.ended)

    @property
    def was_placed(self) -> bool:
        """Whether a machine was ever made for it: from then on, its volumes stay where they are."""
        return self.has_compute or self.status is not None

    @property
    def pinned_zone(self) -> str | None:
        """The zone that the job's volumes tie it to."""
        volume = next(iter(self.state.volumes()), None)
        if volume is None or not (self.was_placed or volume.protect):
            return None
        return zone_of(volume)


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


NEW_JOB = CurrentJob(None, StackState((), ()), None)


def current_job(job: Job, config: StackConfig | None, state: StackState) -> CurrentJob:
    """The job as ``config`` and ``state`` tell it, with the status of its run; asks for that alone."""
    return NEW_JOB if config is None else CurrentJob(config, state, job.status(config.run.id))


def job_without_engine(session: Session, name: str) -> CurrentJob:
    """The job as its files tell it, ``NEW_JOB`` when the backend has none; asks the engine only where the
    backend cannot be read without it. Recovers nothing."""
    if name not in {each.name for each in session.driver.jobs()}:
        return NEW_JOB
    state = session.driver.states([name])[name]
    if isinstance(state, RunctlError):
        raise state
    config = parse_config(session.driver.config_of(name))
    if config is None:
        return NEW_JOB
    place = config.placement
    results = session.provider(place.region).results(name, place.account)
    return CurrentJob(config, state, results.status(config.run.id))


def observed_state(job: Job) -> StackState:
    """The state once no engine works on the job; recovers nothing, and says what a command would recover.

    Raises ``StackLockedError`` when somebody else works on the job.
    """
    job.stack.await_quiet()
    state = job.state()
    if state.pending:
        job.session.reporter.say(
            f"an operation on job '{job.name}' was interrupted; `runctl up` and `runctl down` recover what "
            "it left, which the plan leaves out"
        )
    return state


@dataclass(frozen=True)
class Material:
    """What deciding needs and the job as it is does not change."""

    account: Account
    code_sha256: str
    agent_sha256: str


def gather(session: Surroundings, job: CheckedJob) -> Material:
    """Packages the work folder and the agent, and asks the cloud for the account."""
    packages = session.folders.make_private("packages")
    code = package_code(travelling(session, job.work_folder), packages)
    agent = package_agent(packages)
    account = session.provider(job.spec.region).account()
    return Material(account, code.sha256, agent.sha256)


def travelling(session: Surroundings, work: WorkFolder) -> WorkFolder:
    """What of a work folder travels: results that were fetched to a folder that the settings name are no
    code.
    """
    results = (session.folders.root / session.settings.checkpoint.directory).resolve()
    if results.name == RESULTS_FOLDER or not results.is_relative_to(work.path):
        return work  # of the usual folder, the walk has left out the results alone
    return work.without(results.relative_to(work.path))


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
            *_tied_to_zone(spec, choice.places[0], zone),
            *_no_time_to_end(config),
            *_recovery_notes(config),
            *_closeness_notes(config),
            *(() if is_same_run else _notes_on_place(provider, spec, config.placement)),
        ),
        offers=choice.offers,
    )


def _notes_on_place(provider: Provider, spec: JobSpec, place: Placement) -> tuple[str, ...]:
    return (*_no_internet(place), *provider.data_notes(spec, place))


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


def _closeness_notes(config: StackConfig) -> Iterator[str]:
    """Whether several machines are in a placement group."""
    if config.job.nodes == 1:
        return
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
    "runctl": "recovery: runctl: when the machine is lost, `up` makes the next one while it follows the run",
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
