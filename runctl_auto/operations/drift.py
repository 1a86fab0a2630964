"""``drift``: what has changed in the cloud without runctl, by a refresh preview of each job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.engine.executor.contract import Executor, Work
from runctl_auto.errors import ExitCode, RunctlError
from runctl_auto.jobs.drift import JobDrift, drift_of
from runctl_auto.jobs.folder.entry import Failure, failure_of
from runctl_auto.jobs.folder.job_files import read_job_files
from runctl_auto.jobs.folder.work_folders import WorkFolders
from runctl_auto.jobs.session import Session


@dataclass(frozen=True)
class CheckedDrift:
    """One job: what differs, or why that is not known."""

    job: str
    drift: JobDrift | None = None
    error: Failure | None = None


@dataclass(frozen=True)
class DriftResult:
    """All jobs that were asked for, by name; ``unread`` are job files whose jobs are not known, with why."""

    jobs: tuple[CheckedDrift, ...]
    unread: tuple[tuple[str, Failure], ...] = ()

    @property
    def drifted(self) -> tuple[JobDrift, ...]:
        return tuple(each.drift for each in self.jobs if each.drift is not None and each.drift.drifted)

    def exit_code(self, *, detailed: bool) -> ExitCode:
        """FAILURE when a job could not be looked at; with ``detailed`` CHANGES when one has drifted."""
        if self.unread or any(each.error is not None for each in self.jobs):
            return ExitCode.FAILURE
        return ExitCode.CHANGES if detailed and self.drifted else ExitCode.DONE


def named_jobs(session: Session, what: str) -> tuple[list[str], list[tuple[str, Failure]]]:
    """The job of this name; of a folder, the jobs of its files that were ever applied, and the files that
    name none, with why. Raises ``UsageError`` for a folder with too many files."""
    folder = Path(what)
    if not folder.is_dir():
        return [what], []
    files = read_job_files(folder.absolute(), WorkFolders().check, is_wanted=lambda _name: False).files
    known = {each.name for each in session.driver.jobs()}
    unread = [
        (each.name, failure_of(each.error)) for each in files if each.job is None and each.error is not None
    ]
    return [each.job for each in files if each.job in known and each.job is not None], unread


def drift(
    jobs: Sequence[str],
    executor: Executor[Session],
    *,
    unread: Sequence[tuple[str, Failure]] = (),
) -> DriftResult:
    """What of the jobs the cloud has otherwise than their states. Changes nothing. Blocks.

    A job that cannot be looked at hides no other: why is in the result.
    """
    found = {each: CheckedDrift(each) for each in sorted(set(jobs))}
    for done in executor.run([Work(each, each) for each in found], checked):
        if done.result is not None:
            found[done.work.stack] = done.result
        elif isinstance(done.error, RunctlError):
            found[done.work.stack] = CheckedDrift(done.work.stack, error=failure_of(done.error))
        elif done.error is not None:
            raise done.error
    return DriftResult(tuple(found.values()), tuple(unread))


def checked(session: Session, job: str) -> CheckedDrift:
    """One job. Never raises a ``RunctlError``."""
    try:
        return CheckedDrift(job, drift_of(session.job(job)))
    except RunctlError as error:
        return CheckedDrift(job, error=failure_of(error))
