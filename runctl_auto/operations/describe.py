"""``describe``: all that is known of a job: its status, runs, resources and outputs. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import CloudError, RunctlError
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.reach.admission import SessionRecord, records_of
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.run_facts import checkpoints_of, saving_of
from runctl_auto.jobs.session import Session
from runctl_auto.operations.status import JobStatus, status_of
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import ResourceState
from runctl_auto.stack.trail import trail_json
from runctl_auto.stack.urn import name_of

MOST_RUNS = 100


@dataclass(frozen=True)
class JobDescription:
    """All that is known of a job. ``runs`` (``MOST_RUNS`` at most) left something in its bucket."""

    now: JobStatus
    runs: tuple[tuple[str, RunStatus | RunctlError | None], ...]
    outputs: dict[str, Any]
    sessions: tuple[SessionRecord, ...] | None = None
    """Who reached its machines, the newest first; None if that could not be asked."""

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
            "trail": trail_json(self.now.config.trail),
            "outputs": self.outputs,
            "sessions": None if self.sessions is None else [each.as_json() for each in self.sessions],
            "pending": [
                {"operation": each.operation, "resource": each.resource.name}
                for each in self.now.state.pending
            ],
        }


def describe(session: Session, name: str) -> JobDescription:
    """All that is known of the job. Raises ``JobNotFoundError`` when there is none."""
    with session.reporter.working(f"looking at job '{name}'", after=PATIENCE_SECONDS):
        job = session.job(name)
        stored = job.results.runs()
        now = status_of(job, stored[:MOST_RUNS])
        statuses = {**now.earlier, now.config.run.id: now.status}
        runs = _described(stored, now.config.run.id)
        described = tuple((run, statuses[run]) for run in runs)
        return JobDescription(now, described, job.stack.outputs(), _sessions(job, now))


def _sessions(job: Job, now: JobStatus) -> tuple[SessionRecord, ...] | None:
    """Of the present run and the one before it."""
    runs = [*now.config.run.earlier[-1:], now.config.run.id]
    try:
        seen = job.provider.reach.sessions(now.machine.id) if now.machine is not None else ()
        return records_of(job.results, runs, seen)
    except CloudError as error:
        job.session.reporter.say(f"who reached the machine is not known: {error.what}")
        return None


def _described(runs: Sequence[str], current: str) -> tuple[str, ...]:
    """The runs of which the status is read, the job's own among them."""
    kept = runs[:MOST_RUNS]
    return tuple(kept) if current in kept or current not in runs else (*kept[:-1], current)


def _resource_as_json(resource: ResourceState) -> dict[str, Any]:
    return {
        "name": resource.name,
        "type": resource.type,
        "id": resource.id,
        "protected": resource.protect,
        "parent": name_of(resource.parent) if resource.parent else None,
    }


def problem_of(found: RunStatus | RunctlError | None) -> str | None:
    """Why the status of a run is not known, if it is not."""
    return found.what if isinstance(found, RunctlError) else found.unreadable if found else None


def _run_as_json(run: str, found: RunStatus | RunctlError | None) -> dict[str, Any]:
    known = found if isinstance(found, RunStatus) and found.unreadable is None else None
    return {
        "run": run,
        "phase": known.phase if known else None,
        "problem": problem_of(found),
        "started_at": known.started_at if known else None,
        "ended_at": known.ended_at if known else None,
        "exit_code": known.exit_code if known else None,
        "checkpoints": checkpoints_of(known),
        **saving_of(known),
    }
