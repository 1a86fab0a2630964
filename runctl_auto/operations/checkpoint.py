"""``checkpoint ls``, ``pull`` and ``verify``: the checkpoints of a job. Read only."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.keys import numbered
from runctl_auto.agent.saving.lineage import Choice, Lineage, SavedCheckpoint, start_order
from runctl_auto.agent.saving.manifest import Manifest
from runctl_auto.agent.saving.restoring import Restoring, finish_folders, refuse_missing
from runctl_auto.errors import CheckpointDamagedError, UsageError
from runctl_auto.jobs.artifacts.modes import mode_of_file, mode_of_folder
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session


@dataclass(frozen=True)
class JobCheckpoints:
    """The checkpoints of a job, the newest first, and which the next start takes."""

    job: str
    lineage: str
    found: tuple[SavedCheckpoint, ...]
    choice: Choice | None

    @property
    def next(self) -> SavedCheckpoint | None:
        """From which the next start continues; None if it starts afresh."""
        order = start_order(self.found, self.choice)
        return order[0] if order else None

    @property
    def chosen(self) -> str | None:
        """The sequence that a person chose, as long as the choice counts."""
        following = self.next
        is_chosen = self.choice and following and following.sequence == self.choice.sequence
        return following.sequence if following and is_chosen else None

    def complete(self, sequence: str) -> SavedCheckpoint:
        """The checkpoint. Raises ``UsageError`` when there is none, or it is not complete."""
        found = next((each for each in self.found if each.sequence == sequence), None)
        if found is not None and found.is_complete:
            return found
        known = ", ".join(each.sequence for each in self.found if each.is_complete) or "none"
        what = "does not exist" if found is None else f"is {state_of(found)}"
        raise UsageError(
            f"Checkpoint {sequence} of job '{self.job}' {what}.",
            where={"job": self.job, "checkpoint": sequence},
            next_step=f"Complete checkpoints: {known}. `runctl checkpoint ls {self.job}` lists all.",
        )

    def as_json(self) -> dict[str, Any]:
        following = self.next
        return {
            "job": self.job,
            "lineage": self.lineage,
            "next": following.sequence if following else None,
            "chosen": self.chosen,
            "checkpoints": [_as_json(each) for each in self.found],
        }


@dataclass(frozen=True)
class Pulled:
    """A checkpoint that is on this machine."""

    job: str
    sequence: str
    folder: Path
    files: int
    bytes: int

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "folder": str(self.folder)}


@dataclass(frozen=True)
class Verified:
    """Whether all content of a checkpoint is what its manifest lists; ``problem`` says what is not."""

    sequence: str
    problem: str | None


def state_of(checkpoint: SavedCheckpoint) -> str:
    """``complete``, ``suspect``, ``damaged`` or ``incomplete``."""
    if checkpoint.is_suspect:
        return "suspect"
    if checkpoint.is_complete:
        return "complete"
    return "damaged" if checkpoint.damage else "incomplete"


def sequence_of(text: str) -> str:
    """``00000003`` of ``3`` or ``00000003``. Raises ``UsageError`` for anything else."""
    if not text.isascii() or not text.isdigit() or int(text) > 99_999_999:
        raise UsageError(
            f"{text!r} is not the sequence of a checkpoint.",
            next_step="`runctl checkpoint ls JOB` lists the sequences, such as 00000003 (or 3).",
        )
    return numbered(int(text))


def list_checkpoints(session: Session, name: str) -> JobCheckpoints:
    """The checkpoints of the job. Raises ``JobNotFoundError`` when there is no such job."""
    with session.reporter.working(f"looking at job '{name}'", after=PATIENCE_SECONDS):
        return checkpoints_of(session.job(name))


def checkpoints_of(job: Job) -> JobCheckpoints:
    """The checkpoints of a job in hand."""
    lineage = lineage_of(job)
    return JobCheckpoints(job.name, lineage.name, tuple(lineage.all()), lineage.choice())


def lineage_of(job: Job) -> Lineage:
    """The lineage of the job's run. Raises ``JobNotFoundError`` when the job was never set up."""
    return Lineage(job.results.objects(), job.applied_config().run.lineage)


def pull(session: Session, name: str, sequence: str | None, folder: Path | None) -> Pulled:
    """Fetches a checkpoint, verified, to ``folder``, which must be empty or absent.

    By default the one from which the next start continues, and a folder beside the job's artifacts. Raises
    ``CheckpointDamagedError`` when something is not what was saved; then nothing is left behind.
    """
    job = session.job(name)
    listed = list_checkpoints(session, name)
    chosen = listed.next if sequence is None else listed.complete(sequence_of(sequence))
    if chosen is None:
        raise UsageError(f"Job '{name}' has no complete checkpoint.", where={"job": name})
    target = folder or job.downloads / "checkpoints" / chosen.sequence
    _refuse_used(target)
    with session.reporter.working(f"fetching checkpoint {chosen.sequence}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        arriving = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _fetch(job, listed.lineage, chosen, arriving, target)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
    manifest = _manifest(chosen)
    return Pulled(name, chosen.sequence, target, len(manifest.files), manifest.total_bytes)


def verify(session: Session, name: str, sequence: str | None) -> tuple[Verified, ...]:
    """Reads all content of one complete checkpoint, or of all, and compares it with the manifests."""
    job = session.job(name)
    listed = list_checkpoints(session, name)
    if sequence is not None:
        wanted: Sequence[SavedCheckpoint] = [listed.complete(sequence_of(sequence))]
    else:
        wanted = [each for each in listed.found if each.is_complete or each.damage]
    with session.reporter.working("verifying"):
        return tuple(Verified(each.sequence, _problem(job, listed.lineage, each)) for each in wanted)


def _problem(job: Job, lineage: str, checkpoint: SavedCheckpoint) -> str | None:
    if checkpoint.damage:
        return checkpoint.damage
    with tempfile.TemporaryDirectory(prefix="runctl-verify-") as folder:
        try:
            _restore(job, lineage, checkpoint, Path(folder))
        except IntegrityError as error:
            return str(error)
    return None


def _fetch(job: Job, lineage: str, checkpoint: SavedCheckpoint, arriving: Path, target: Path) -> None:
    refuse_without_room(_manifest(checkpoint), arriving)
    try:
        content = _restore(job, lineage, checkpoint, arriving)
    except IntegrityError as error:
        raise CheckpointDamagedError(
            f"Checkpoint {checkpoint.sequence} of job '{job.name}' is damaged: {error}.",
            where={"job": job.name, "checkpoint": checkpoint.sequence},
            next_step=f"`runctl checkpoint verify {job.name}` checks all; take another one.",
        ) from error
    if target.exists():
        target.rmdir()
    content.replace(target)
    finish_folders(target, _manifest(checkpoint), mode_of_folder)


def _restore(job: Job, lineage: str, checkpoint: SavedCheckpoint, folder: Path) -> Path:
    """Fetches the files of a checkpoint to a folder below ``folder``, which is returned."""
    objects = job.results.objects()
    prefix = Lineage(objects, lineage).prefix(checkpoint.sequence)
    refuse_missing(prefix, _manifest(checkpoint), checkpoint.keys)
    restoring = Restoring(
        objects.download, prefix, folder / "content", folder / "parts", mode_of_file=mode_of_file
    )
    restoring.fetch(_manifest(checkpoint))
    return folder / "content"


def refuse_without_room(manifest: Manifest, folder: Path) -> None:
    """Raises ``UsageError`` when the files of a checkpoint do not fit."""
    needed, free = sum(file.stored_bytes for file in manifest.files), shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"The checkpoint is {needed} bytes, and {folder.parent} has room for {free}.",
            next_step="Make room there, or name another folder with --to.",
        )


def _manifest(checkpoint: SavedCheckpoint) -> Manifest:
    assert checkpoint.manifest is not None  # noqa: S101 - it is complete
    return checkpoint.manifest


def _refuse_used(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        raise UsageError(
            f"{folder} exists and is not an empty folder.", next_step="Name another one with --to."
        )


def _as_json(checkpoint: SavedCheckpoint) -> dict[str, Any]:
    manifest = checkpoint.manifest
    return {
        "sequence": checkpoint.sequence,
        "state": state_of(checkpoint),
        "files": len(manifest.files) if manifest else None,
        "bytes": manifest.total_bytes if manifest else None,
        "saved_at": manifest.saved_at if manifest else None,
        "run": manifest.run if manifest else None,
        "problems": [vars(each) for each in manifest.problems] if manifest else [],
        "suspect": [vars(each) for each in manifest.suspect] if manifest else [],
    }
