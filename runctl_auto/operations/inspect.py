"""What is known of one job: status, description, logs, outputs. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import CloudError, RunctlError
from runctl_auto.jobs.follow import Follower, Lost
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.run_facts import RunFacts, checkpoints_of
from runctl_auto.jobs.session import Workplace, applied_config
from runctl_auto.observe.drift import Drift, machine_drift, volume_drift, volume_ids
from runctl_auto.observe.logs import LogReader
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.machines import Machine, find_machine
from runctl_auto.providers.aws.statuses import RunPlace, read_statuses
from runctl_auto.run.status import LOST, RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import INSTANCE, ResourceState, StackState
from runctl_auto.stack.urn import name_of

WATCH_SECONDS = 3.0


@dataclass(frozen=True)
class JobStatus:
    """A job as it is now."""

    facts: RunFacts
    machine: Machine | None
    state: StackState
    drift: tuple[Drift, ...]

    @property
    def config(self) -> StackConfig:
        return self.facts.config

    @property
    def status(self) -> RunStatus | None:
        return self.facts.status

    @property
    def phase(self) -> str:
        """The run's phase as its facts tell it; ``starting`` or ``no machine`` before the agent's word."""
        if self.facts.phase is not None:
            return self.facts.phase
        if self.machine is None:
            return "no machine"
        return LOST if self.machine.has_ended else "starting"

    @property
    def ended(self) -> bool:
        return self.status is not None and self.status.ended

    @property
    def protected(self) -> tuple[str, ...]:
        """Names of the protected resources."""
        return tuple(each.name for each in self.state.in_cloud() if each.protect)

    def as_json(self) -> dict[str, Any]:
        status = self.status
        return {
            **self.facts.as_json(),
            "phase": self.phase,
            "exit_code": status.exit_code if status else None,
            "reason": status.reason if status else None,
            "message": status.message if status else None,
            "ended_at": status.ended_at if status else None,
            "machine": vars(self.machine) if self.machine else None,
            "placement": vars(self.config.placement),
            "protected": list(self.protected),
            "drift": [each.as_json() for each in self.drift],
            "status": dict(status.raw) if status else None,
        }


@dataclass(frozen=True)
class JobDescription:
    """All that is known of a job. ``runs`` are those that left something in its bucket."""

    now: JobStatus
    runs: tuple[tuple[str, RunStatus | RunctlError | None], ...]
    outputs: dict[str, Any]

    @property
    def resources(self) -> tuple[ResourceState, ...]:
        """What the state holds of the cloud."""
        return self.now.state.in_cloud()

    def as_json(self) -> dict[str, Any]:
        return {
            **self.now.as_json(),
            "spec": self.now.config.job.model_dump(mode="json"),
            "resources": [_resource_as_json(each) for each in self.resources],
            "runs": [_run_as_json(run, status) for run, status in self.runs],
            "outputs": self.outputs,
            "pending": [
                {"operation": each.operation, "resource": each.resource.name}
                for each in self.now.state.pending
            ],
        }


def status(workplace: Workplace, job: str) -> JobStatus:
    """The job as it is now. Raises ``JobNotFoundError`` when there is none."""
    with workplace.reporter.working(f"looking at job '{job}'", after=PATIENCE_SECONDS):
        return _look(workplace, workplace.driver.open(job))


def watch(workplace: Workplace, job: str, show: Callable[[JobStatus], None]) -> JobStatus:
    """Shows the job every few seconds until its run has ended; how it ended. Blocks."""
    stack = _opened(workplace, job)
    while True:
        found = _look(workplace, stack)
        show(found)
        if found.ended:
            return found
        workplace.time.sleep(WATCH_SECONDS)


def describe(workplace: Workplace, job: str) -> JobDescription:
    """All that is known of the job. Raises ``JobNotFoundError`` when there is none."""
    with workplace.reporter.working(f"looking at job '{job}'", after=PATIENCE_SECONDS):
        stack = workplace.driver.open(job)
        now = _look(workplace, stack)
        cloud = workplace.cloud(now.config.placement.region)
        bucket = workplace.bucket(now.config, cloud)
        place = now.config.placement
        runs = bucket.runs()
        statuses = read_statuses(
            [RunPlace(place.region, bucket.name, place.account, run) for run in runs], workplace.cloud
        )
        return JobDescription(now, tuple(zip(runs, statuses, strict=True)), stack.outputs())


def logs(workplace: Workplace, job: str, *, follow: bool) -> RunStatus | None:
    """Tells the log of the job's run, line by line; with ``follow`` until the run has ended. Blocks."""
    stack = _opened(workplace, job)
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
    with workplace.reporter.working(f"looking at job '{job}'", after=PATIENCE_SECONDS):
        return workplace.driver.open(job).outputs()


def _opened(workplace: Workplace, job: str) -> JobStack:
    with workplace.reporter.working(f"looking at job '{job}'", after=PATIENCE_SECONDS):
        return workplace.driver.open(job)


def _look(workplace: Workplace, stack: JobStack) -> JobStatus:
    config = applied_config(stack)
    state = stack.state()
    cloud = workplace.cloud(config.placement.region)
    found = workplace.bucket(config, cloud).status(config.run.id)
    instance = state.first(INSTANCE)
    machine = find_machine(cloud, instance.id) if instance and instance.id else None
    facts = RunFacts(
        config, found, workplace.time.now(), machine_runs=machine is not None and not machine.has_ended
    )
    drift = (*machine_drift(stack.job, state, machine, found), *_volume_drift(cloud, state))
    return JobStatus(facts, machine, state, drift)


def _volume_drift(cloud: Cloud, state: StackState) -> tuple[Drift, ...]:
    wanted = volume_ids(state)
    if not wanted:
        return ()
    # Asked for by filter: an id that is gone is then left out of the answer and is no error.
    try:
        described = cloud.pages(
            "ec2", "describe_volumes", "Volumes", Filters=[{"Name": "volume-id", "Values": wanted}]
        )
        return tuple(volume_drift(state, {each["VolumeId"]: each for each in described}))
    except CloudError as error:
        return (Drift("volumes", ", ".join(wanted), f"not known: {error.what}", error.next_step or ""),)


def _resource_as_json(resource: ResourceState) -> dict[str, Any]:
    return {
        "name": resource.name,
        "type": resource.type,
        "id": resource.id,
        "protected": resource.protect,
        "parent": name_of(resource.parent) if resource.parent else None,
    }


def _run_as_json(run: str, found: RunStatus | RunctlError | None) -> dict[str, Any]:
    known = found if isinstance(found, RunStatus) else None
    return {
        "run": run,
        "phase": known.phase if known else None,
        "started_at": known.started_at if known else None,
        "ended_at": known.ended_at if known else None,
        "exit_code": known.exit_code if known else None,
        "checkpoints": checkpoints_of(known),
    }
