"""Decides what applying a job file means for the job as it is: which run, which place, which protection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from components.naming import Names
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import UsageError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.recovery import settle
from runctl_auto.jobs.right_account import another_account
from runctl_auto.jobs.secret_values import SecretValues
from runctl_auto.jobs.session import Workplace, known_config
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.packaging.package import package_agent, package_code
from runctl_auto.packaging.work_files import WorkFolder
from runctl_auto.placement.fit import fits
from runctl_auto.protection.held import held_in
from runctl_auto.protection.wanted import wanted_protection
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.data_sources import look_at_data
from runctl_auto.providers.aws.offers import candidates, find_account, machine_fits
from runctl_auto.providers.aws.volumes import Held, zone_of_volumes
from runctl_auto.providers.contract import Account
from runctl_auto.run.identity import RunIdentity, choose_run
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.state import INSTANCE, VOLUME, StackState


@dataclass(frozen=True)
class Present:
    """The job as it is before anything changes."""

    config: StackConfig | None
    state: StackState
    status: RunStatus | None

    @property
    def instance(self) -> str | None:
        """The machine that the state names."""
        found = self.state.first(INSTANCE)
        return found.id if found else None

    @property
    def run_is_active(self) -> bool:
        """Whether a run has a machine and has not ended."""
        return self.instance is not None and not (self.status is not None and self.status.ended)

    @property
    def was_placed(self) -> bool:
        """Whether a machine was ever made for it: from then on, its volumes stay where they are."""
        return self.instance is not None or self.status is not None

    @property
    def pinned_zone(self) -> str | None:
        """The zone that the job's volumes tie it to."""
        volume = self.state.first(VOLUME)
        if volume is None or not (self.was_placed or volume.protect):
            return None
        zone = volume.outputs.get("availabilityZone") or volume.inputs.get("availabilityZone")
        return str(zone) if zone else None


@dataclass(frozen=True)
class Intent:
    """What is to be: ``config`` with the first of ``places``; ``wanted`` protection once it is placed; the
    values of the job's ``secrets``, which are not part of what is plain; ``notes`` for the plan."""

    config: StackConfig
    places: tuple[Placement, ...]
    wanted: Protection
    replaces_active_run: bool
    secrets: SecretValues = field(default_factory=SecretValues)
    notes: tuple[str, ...] = ()


NEW_JOB = Present(None, StackState((), ()), None)


def look(workplace: Workplace, stack: JobStack) -> Present:
    """The job as it is now, once it is settled: configuration, state, and the status of its run."""
    config = known_config(stack)
    return _present(workplace, config, settle(workplace, stack, config).state)


def look_only(workplace: Workplace, stack: JobStack) -> Present:
    """The job as it is now, with what a killed operation left open, if one did: that is only told."""
    config = known_config(stack)
    stack.await_quiet()
    state = stack.state()
    if state.pending:
        workplace.reporter.say(
            f"an operation on job '{stack.job}' was killed; `runctl up` and `runctl down` settle what it "
            "left open, which the plan leaves out"
        )
    return _present(workplace, config, state)


def _present(workplace: Workplace, config: StackConfig | None, state: StackState) -> Present:
    if config is None:
        return NEW_JOB
    bucket = workplace.bucket(config, workplace.cloud(config.placement.region))
    return Present(config, state, bucket.status(config.run.id))


@dataclass(frozen=True)
class Material:
    """What deciding needs and the job as it is does not change."""

    account: Account
    code_sha256: str
    agent_sha256: str


def gather(workplace: Workplace, job: CheckedJob) -> Material:
    """Packages the work folder and the agent, and asks the cloud for the account."""
    packages = workplace.folders.make_private() / "packages"
    code = package_code(_without_results(workplace, job.work_folder), packages)
    agent = package_agent(packages)
    account = find_account(workplace.cloud(job.spec.region))
    return Material(account, code.sha256, agent.sha256)


def _without_results(workplace: Workplace, work: WorkFolder) -> WorkFolder:
    """Results that were fetched into the work folder are not code."""
    results = (workplace.folders.root / workplace.settings.checkpoint.directory).resolve()
    return work.without(results.relative_to(work.path)) if results.is_relative_to(work.path) else work


def decide(
    workplace: Workplace, spec: JobSpec, present: Present, material: Material, *, rerun: bool
) -> Intent:
    """What applying ``spec`` means. Asks the cloud for places when a new one is needed.

    A run that has a machine where the job file no longer allows it moves: that is a new attempt, which goes
    on from the last checkpoint.
    """
    cloud, account = workplace.cloud(spec.region), material.account
    _refuse_another_cloud(spec, present, account)
    zone = _zone_of_volumes(workplace, spec, present, account)
    moves = present.run_is_active and not _still_fits(spec, present, cloud, zone)
    run = choose_run(
        spec,
        code_sha256=material.code_sha256,
        agent_sha256=material.agent_sha256,
        previous=present.config.run if present.config else None,
        previous_status=present.status,
        rerun=rerun or moves,
    )
    with workplace.reporter.working("looking for places"):
        places = _places(spec, cloud, account, present, run, zone=zone)
    wanted = wanted_protection(
        spec,
        asked=present.config.protection.asked if present.config else None,
        listed=workplace.settings.policies.protected,
        held=held_in(spec.name, present.state),
    )
    config = StackConfig(
        job=spec,
        run=run,
        placement=places[0],
        owner=workplace.settings.owner if present.config is None else present.config.owner,
        permissions_boundary=workplace.settings.aws.permissions_boundary,
        end_schedule=workplace.settings.aws.end_schedule,
        protection=_in_force(spec.name, wanted, present),
    )
    is_same_run = present.config is not None and present.config.run.id == run.id
    return Intent(
        config,
        places,
        wanted,
        replaces_active_run=not is_same_run and present.run_is_active,
        notes=(*_no_time_to_end(config), *(() if is_same_run else look_at_data(spec, cloud))),
    )


def _no_time_to_end(config: StackConfig) -> Iterator[str]:
    if config.end_schedule and config.job.max_duration is None:
        yield "no schedule ends the machine: aws.end_schedule needs a max_duration to tell the time"


def other_places(workplace: Workplace, config: StackConfig, present: Present) -> tuple[Placement, ...]:
    """Where else the run may go when its place has no capacity; the pinned one left out."""
    cloud = workplace.cloud(config.job.region)
    account = find_account(cloud)
    zone = _zone_of_volumes(workplace, config.job, present, account)
    found = candidates(config.job, cloud, account, zone=zone)
    return tuple(each for each in found if _same_machine(each) != _same_machine(config.placement))


def placed(config: StackConfig, wanted: Protection) -> StackConfig:
    """The configuration once the job has its machine: the protection asked for is in force."""
    return replace(config, protection=wanted)


def _places(
    spec: JobSpec,
    cloud: Cloud,
    account: Account,
    present: Present,
    run: RunIdentity,
    *,
    zone: str | None,
) -> tuple[Placement, ...]:
    config = present.config
    if config is not None and config.run.id == run.id:
        has_ended = present.status is not None and present.status.ended
        if has_ended or _still_fits(spec, present, cloud, zone):
            return (config.placement,)
    return candidates(spec, cloud, account, zone=zone)


def _still_fits(spec: JobSpec, present: Present, cloud: Cloud, zone: str | None) -> bool:
    """Whether the place of the job as it is is still one that the job file and its volumes allow."""
    if present.config is None:
        return False
    place, previous = present.config.placement, present.config.job
    return (
        zone in (None, place.zone)
        and fits(place, spec, previous=previous)
        and machine_fits(place, spec, previous, cloud)
    )


def _zone_of_volumes(workplace: Workplace, spec: JobSpec, present: Present, account: Account) -> str | None:
    """The zone that volumes tie the job to: those that it made, and those that it uses by their id."""
    own = {
        each.name.removeprefix(f"{spec.name}-").removesuffix("-volume"): each.id
        for each in present.state.of_type(VOLUME)
    }
    if not spec.volumes:
        return present.pinned_zone
    names = Names(account=account.id, region=spec.region, project=PROJECT_NAME, job=spec.name)
    held = Held(own, present.instance, present.pinned_zone)
    return zone_of_volumes(spec, workplace.cloud(spec.region), names, held)


def _in_force(job: str, wanted: Protection, present: Present) -> Protection:
    """Protection begins once the job was placed; until then failover may make a volume in another zone."""
    before = present.config.protection if present.config else Protection()
    existing = {each.name for each in present.state.of_type(VOLUME)} if present.was_placed else set()
    return Protection(
        volumes={
            name: protect and (before.of_volume(name) or f"{job}-{name}-volume" in existing)
            for name, protect in wanted.volumes.items()
        },
        bucket=wanted.bucket and (before.bucket or present.was_placed),
        asked=wanted.asked,
    )


def _same_machine(place: Placement) -> tuple[str, str, str]:
    return place.market, place.instance_type, place.zone


def _refuse_another_cloud(spec: JobSpec, present: Present, account: Account) -> None:
    if present.config is None:
        return
    held = present.config.placement
    if held.account != account.id:
        raise another_account(spec.name, held.account, account.id)
    if held.region != spec.region and present.state.in_cloud():
        raise UsageError(
            f"Job '{spec.name}' lives in {held.region} and cannot move to {spec.region}.",
            where={"job": spec.name, "field": "region"},
            next_step=f"`runctl down {spec.name}` first, or give the job in {spec.region} another name.",
        )
