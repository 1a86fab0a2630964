"""A session and a job without stack and engine, for the verbs that only need what a job's folder tells."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from runctl_auto.agent.local.job_folder import AgentProcess
from runctl_auto.backend.claims import Claims
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.environment import Environment
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import JobNotFoundError, NotSupportedError, RunctlError
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.local.record import LocalJobs
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.jobs.session import Session
from runctl_auto.local.project import PROJECT_NAME, ProjectFolders
from runctl_auto.providers.compute import ComputeNow
from runctl_auto.providers.contract import QUEUED, Machine, Provider
from runctl_auto.providers.local.provider import LocalProvider
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import FOLDER, PROCESS, ResourceState, StackState


def no_stack(what: str) -> NotSupportedError:
    """For a verb that works on stacks alone, and is not known to ``jobs.local.refused``."""
    return NotSupportedError(
        f"A job of this machine has {what}: it is a process and a folder, with no stack and no engine.",
        where={"provider": "local"},
        next_step="`runctl describe JOB` shows all that there is of it.",
    )


class _NoEngine:
    """In the place of an engine: whatever is asked of it is refused."""

    def __getattr__(self, name: str) -> NoReturn:
        raise no_stack("no stack")


class LocalStack:
    """What a job in hand asks of its stack, as far as a folder can tell it."""

    def __init__(self, jobs: LocalJobs, job: str) -> None:
        self._jobs = jobs
        self._job = job

    def config(self) -> dict[str, str]:
        found = self._jobs.config(self._job)
        return {} if found is None else found.to_values()

    def outputs(self) -> dict[str, Any]:
        """In place of a stack's outputs: where the job is, for scripts."""
        folder, config = self._jobs.folder(self._job), self._jobs.applied_config(self._job)
        run = config.run.id
        return {
            "folder": str(folder.path),
            "runId": run,
            "work": str(folder.run(run) / "work"),
        }

    def __getattr__(self, name: str) -> NoReturn:
        raise no_stack("no stack")


class LocalDriver:
    """What the engine's driver tells without an engine, from the folders of the jobs."""

    def __init__(self, jobs: LocalJobs) -> None:
        self._jobs = jobs

    def config_of(self, job: str) -> dict[str, str]:
        """Raises ``JobNotFoundError`` without such a job."""
        if not self._jobs.has(job):
            raise JobNotFoundError(f"There is no job '{job}' on this machine.", where={"job": job})
        return LocalStack(self._jobs, job).config()

    def config_version(self, job: str) -> int | None:  # noqa: ARG002
        return None

    def states(self, jobs: Sequence[str]) -> Mapping[str, StackState | RunctlError]:
        return {each: state_here(self._jobs, each) for each in jobs}

    def jobs(self, kept: object = None) -> tuple[JobSummary, ...]:  # noqa: ARG002
        return tuple(
            JobSummary(each, len(state_here(self._jobs, each).in_cloud()), None, busy=False)
            for each in self._jobs.names()
        )

    def beside(self, on_event: object, on_output: object) -> LocalDriver:  # noqa: ARG002
        return self

    def for_reading(self) -> LocalDriver:
        return self

    def __getattr__(self, name: str) -> NoReturn:
        raise no_stack("no stack")


def state_here(jobs: LocalJobs, job: str) -> StackState:
    """The job's folder and the process of its agent, as if a state held them. A run that has ended has no
    process; one whose agent was killed has one that is gone."""
    if not jobs.has(job):
        return StackState((), ())
    folder = jobs.folder(job)
    found = [_resource(job, FOLDER, str(folder.path))]
    config, process = jobs.config(job), AgentProcess.of(folder)
    alive = folder.agent_lives()
    status = None if config is None else jobs.results(job).status(config.run.id)
    has_ended = status is not None and status.ended
    if process is not None and (alive or not has_ended) and jobs.queue.position(job) is None:
        found.append(_resource(job, PROCESS, process.identity))
    return StackState(tuple(found), ())


def _resource(job: str, token: str, identity: str) -> ResourceState:
    return ResourceState.found(f"urn:pulumi:{job}::{PROJECT_NAME}::{token}::{job}", token, identity)


class LocalJob(Job):
    """A job of this machine. Whatever works on its stack raises ``NotSupportedError``."""

    def __init__(self, session: LocalSession, name: str) -> None:
        super().__init__(session, name)
        self._jobs = session.local_jobs

    @property
    def stack(self) -> JobStack:
        if not self._jobs.has(self.name):
            raise JobNotFoundError(
                f"There is no job '{self.name}' on this machine.", where={"job": self.name}
            )
        return cast("JobStack", LocalStack(self._jobs, self.name))

    def state(self) -> StackState:
        return state_here(self._jobs, self.name)

    def compute_now(self, state: StackState) -> ComputeNow:
        queue = self._jobs.queue
        place = queue.position(self.name)
        if place is None:
            return super().compute_now(state)
        queue.advance()  # whoever should have started it may have been killed
        place = queue.position(self.name)
        if place is None:
            return super().compute_now(self.state())
        before, what = place
        return ComputeNow(Machine(QUEUED, QUEUED, reason=f"{before} before it; it waits for {what}"))


@dataclass(frozen=True)
class LocalSession(Session):
    """The surroundings of a command about a job of this machine."""

    def job(self, name: str) -> Job:
        return LocalJob(self, name)

    def claims(self) -> Claims | None:
        return None

    @property
    def backend(self) -> str:
        return str(self.local_jobs.root)

    @property
    def local_jobs(self) -> LocalJobs:
        return LocalJobs(self.folders, self.reporter.say)


def local_session(
    settings: Settings, folders: ProjectFolders, reporter: Reporter, *, shell: Mapping[str, str] = os.environ
) -> LocalSession:
    """Starts nothing and asks nobody."""
    jobs = LocalJobs(folders, reporter.say)

    def provider(region: str | None) -> Provider:  # noqa: ARG001
        return LocalProvider(jobs.root / "jobs")

    make: Callable[[str | None], Provider] = provider
    return LocalSession(
        settings,
        folders,
        cast("Environment", _NoEngine()),
        cast("Driver", LocalDriver(jobs)),
        make,
        reporter,
        shell=shell,
    )
