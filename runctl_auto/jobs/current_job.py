"""A job as it is before anything changes: its configuration, its state, and how its run is."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.errors import RunctlError
from runctl_auto.jobs.job import Job, parse_config
from runctl_auto.jobs.session import Session
from runctl_auto.protection.held import zone_of
from runctl_auto.providers.compute import compute_in
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import GROUP, StackState


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
