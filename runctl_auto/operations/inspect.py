"""What is known of jobs: listing, status, logs, outputs. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.driver import JobSummary
from runctl_auto.errors import RunctlError
from runctl_auto.observe.logs import LogReader
from runctl_auto.observe.machines import Machine, find_machine
from runctl_auto.operations.follow import Follower, Lost, heartbeat_age
from runctl_auto.operations.workplace import Workplace, applied_config, parse_config
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import INSTANCE


@dataclass(frozen=True)
class JobStatus:
    """A job as it is now. ``age_seconds`` is the time since the agent was last heard of."""

    config: StackConfig
    status: RunStatus | None
    machine: Machine | None
    age_seconds: float | None
    protected: tuple[str, ...]

    @property
    def phase(self) -> str:
        """The run's phase; ``starting`` or ``no machine`` before the agent has said anything."""
        if self.status is not None:
            return self.status.phase
        return "starting" if self.machine is not None else "no machine"

    def as_json(self) -> dict[str, Any]:
        place = self.config.placement
        return {
            "job": self.config.job.name,
            "run": self.config.run.id,
            "attempt": self.config.run.attempt,
            "phase": self.phase,
            "exit_code": self.status.exit_code if self.status else None,
            "reason": self.status.reason if self.status else None,
            "message": self.status.message if self.status else None,
            "status": dict(self.status.raw) if self.status else None,
            "machine": vars(self.machine) if self.machine else None,
            "placement": vars(place),
            "heartbeat_age_seconds": None if self.age_seconds is None else round(self.age_seconds, 1),
            "protected": list(self.protected),
        }


def status(workplace: Workplace, job: str) -> JobStatus:
    """The job as it is now. Raises ``JobNotFoundError`` when there is none."""
    stack = workplace.driver.open(job)
    config = applied_config(stack)
    state = stack.state()
    cloud = workplace.cloud(config.placement.region)
    found = workplace.bucket(config, cloud).status(config.run.id)
    instance = state.first(INSTANCE)
    return JobStatus(
        config=config,
        status=found,
        machine=find_machine(cloud, instance.id) if instance and instance.id else None,
        age_seconds=heartbeat_age(found) if found else None,
        protected=tuple(each.name for each in state.in_cloud() if each.protect),
    )


def logs(workplace: Workplace, job: str, *, follow: bool) -> RunStatus | None:
    """Tells the log of the job's run, line by line; with ``follow`` until the run has ended. Blocks."""
    stack = workplace.driver.open(job)
    config = applied_config(stack)
    cloud = workplace.cloud(config.placement.region)
    bucket = workplace.bucket(config, cloud)
    if not follow:
        for line in LogReader(bucket, config.run.id).rest():
            workplace.reporter.log_line(line)
        return bucket.status(config.run.id)
    instance = stack.state().first(INSTANCE)
    follower = Follower(bucket, cloud, config.run.id, workplace.reporter, workplace.time)
    outcome = follower.until_end(instance.id if instance else None)
    if isinstance(outcome, Lost):
        workplace.reporter.say(
            f"the machine is gone and the run has not ended: `runctl up JOB.yaml` gives it a new one, "
            f"`runctl down {job}` ends it"
        )
    return outcome.status


def outputs(workplace: Workplace, job: str) -> dict[str, Any]:
    """The outputs of the job's stack."""
    return workplace.driver.open(job).outputs()


@dataclass(frozen=True)
class ListedJob:
    """One line of the list of jobs. ``problem`` says why its status is not known."""

    summary: JobSummary
    config: StackConfig | None = None
    status: RunStatus | None = None
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        place = self.config.placement if self.config else None
        return {
            "job": self.summary.name,
            "run": self.config.run.id if self.config else None,
            "phase": self.status.phase if self.status else None,
            "region": place.region if place else None,
            "zone": place.zone if place else None,
            "instance_type": place.instance_type if place else None,
            "market": place.market if place else None,
            "resources": self.summary.resources,
            "updated_at": self.summary.updated_at,
            "problem": self.problem,
        }


def jobs(workplace: Workplace) -> tuple[ListedJob, ...]:
    """All jobs of the backend with what is known of each, or why nothing is."""
    return tuple(_listed(workplace, each) for each in workplace.driver.jobs())


def _listed(workplace: Workplace, summary: JobSummary) -> ListedJob:
    try:
        config = parse_config(workplace.driver.config_of(summary.name))
        if config is None:
            return ListedJob(summary, problem="never set up")
        bucket = workplace.bucket(config, workplace.cloud(config.placement.region))
        return ListedJob(summary, config, bucket.status(config.run.id))
    except RunctlError as error:
        return ListedJob(summary, problem=error.what)
