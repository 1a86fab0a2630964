"""The jobs of this machine in a project: a folder for each, below ``.runctl/local/``."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.local.job_folder import JobFolder, is_at, read_json, write_json
from runctl_auto.agent.local.queue import Queue
from runctl_auto.agent.local.spawn import spawn
from runctl_auto.errors import JobNotFoundError, StackLockedError
from runctl_auto.local.private_folder import open_private
from runctl_auto.local.project import ProjectFolders
from runctl_auto.providers.local.results import FolderResults
from runctl_auto.stack.config import StackConfig

_CONFIG, _CLAIM, _GONE = "config.json", "claim.lock", "gone"
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class LocalJobs:
    """The jobs of this machine that the project ``folders`` knows. Makes nothing by itself."""

    folders: ProjectFolders
    say: Callable[[str], object] = lambda text: None  # noqa: ARG005

    @property
    def root(self) -> Path:
        return self.folders.private / "local"

    @property
    def queue(self) -> Queue:
        return Queue(self.root, spawn, end_leftover=_end_left, say=self.say)

    def folder(self, job: str) -> JobFolder:
        return JobFolder(self.root / "jobs" / job)

    def make_folder(self, job: str) -> JobFolder:
        """Creates the job's folder, closed to others. Idempotent."""
        return JobFolder(self.folders.make_private("local", "jobs", job))

    def has(self, job: str) -> bool:
        """Whether the job has a folder here, or one whose removal was interrupted. ``job`` may be any
        text."""
        is_name = bool(job) and os.sep not in job and "*" not in job and job not in (".", "..")
        return is_name and (self.folder(job).path.is_dir() or bool(self.being_removed(job)))

    def names(self) -> tuple[str, ...]:
        jobs = self.root / "jobs"
        return tuple(sorted(each.name for each in jobs.iterdir() if each.is_dir())) if jobs.is_dir() else ()

    def results(self, job: str) -> FolderResults:
        return FolderResults(self.folder(job).store)

    def config(self, job: str) -> StackConfig | None:
        """The job's configuration; None for one that was never set up."""
        found = read_json(self.folder(job).path / _CONFIG)
        return None if found is None else StackConfig.from_values({str(k): str(v) for k, v in found.items()})

    def applied_config(self, job: str) -> StackConfig:
        """As ``config``. Raises ``JobNotFoundError`` for a job that was never set up."""
        found = self.config(job)
        if found is None:
            raise JobNotFoundError(
                f"Job '{job}' was never set up on this machine.",
                where={"job": job, "provider": "local"},
                next_step=f"`runctl up JOB.yaml` sets it up, `runctl down {job}` removes it.",
            )
        return found

    def write_config(self, job: str, config: StackConfig) -> None:
        write_json(self.folder(job).path / _CONFIG, dict(config.to_values()))

    def being_removed(self, job: str) -> tuple[Path, ...]:
        """Folders of the job whose removal has begun, and was interrupted."""
        return tuple(sorted((self.root / _GONE).glob(f"{job}.*")))

    def remove_folder(self, job: str) -> None:
        """Deletes the job's folder, whole or at the next call, and what an earlier call left. Idempotent.

        Raises OSError when something in it cannot be deleted.
        """
        path = self.folder(job).path
        if path.exists():
            gone = self.folders.make_private("local", _GONE)
            path.rename(gone / f"{job}.{secrets.token_hex(4)}")
        self.finish_removals(job)

    def finish_removals(self, job: str) -> None:
        """Deletes what an interrupted removal left."""
        for each in self.being_removed(job):
            _delete(each)
        with suppress(OSError):  # other jobs are being removed
            (self.root / _GONE).rmdir()

    @contextmanager
    def claimed(self, job: str, *, patience_seconds: float = 0.0) -> Iterator[JobFolder]:
        """Within it no other command changes the job; its folder is made. The system ends the claim with this
        process. Raises ``StackLockedError`` while another command works on the job."""
        descriptor = self._claim(job, time.monotonic() + patience_seconds)
        try:
            yield self.folder(job)
        finally:
            os.close(descriptor)

    def _claim(self, job: str, deadline: float) -> int:
        while True:
            file = self.make_folder(job).path / _CLAIM
            descriptor = open_private(file, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                if time.monotonic() >= deadline:
                    raise StackLockedError(
                        f"Another command works on job '{job}'.",
                        where={"job": job, "provider": "local"},
                        next_step="Wait until it has ended, and repeat.",
                    ) from None
                time.sleep(_POLL_SECONDS)
                continue
            if is_at(descriptor, file):
                return descriptor
            os.close(descriptor)  # another command has removed the folder meanwhile


def _end_left(folder: JobFolder, run: str) -> bool:
    """Imported when there is something to end: `up` begins sooner without."""
    from runctl_auto.agent.local.leftover import end_left

    return end_left(folder, run)


def _delete(folder: Path) -> None:
    """With folders in it that their owner may not write to."""

    def made_writable(function: Callable[[str], object], path: str, _: object) -> None:
        parent = Path(path).parent
        if parent.stat().st_mode & 0o700 != 0o700:
            parent.chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            Path(path).chmod(0o700)
            _delete(Path(path))
        else:
            function(path)

    shutil.rmtree(folder, onerror=made_writable)
