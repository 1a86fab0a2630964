"""``transfer``: moves data between this machine, buckets and jobs; and compares what others moved."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runctl_auto.agent.tracing import spans
from runctl_auto.errors import (
    NotSupportedError,
    TransferDiffersError,
    UnfetchedArtifactsError,
    UsageError,
)
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.local.crc64 import require_transfer_extra
from runctl_auto.providers.objects import ObjectData
from runctl_auto.transfer.compare_trees import compare
from runctl_auto.transfer.copy_tree import At, copy_objects
from runctl_auto.transfer.fetch_tree import download
from runctl_auto.transfer.options import Options, Outcome
from runctl_auto.transfer.places import BucketPlace, JobPlace, LocalPlace, MachinePlace, Place, place_of
from runctl_auto.transfer.send_tree import upload
from runctl_auto.transfer.unfinished import end_unusable
from runctl_auto.transfer.verification import Verification

if TYPE_CHECKING:
    from runctl_auto.jobs.session import Session


@dataclass(frozen=True)
class Surroundings:
    """What a transfer works with. ``open_bucket`` gives a bucket by name, ``session`` the session of a job.

    ``journals``: the folder for what is on its way to buckets.
    """

    open_bucket: Callable[[str], ObjectData]
    session: Callable[[], Session]
    reporter: Reporter
    journals: Path


def transfer(surroundings: Surroundings, source: str, target: str, options: Options, *, yes: bool) -> Outcome:
    """Moves ``source`` to ``target``, but what is there already. Blocks; asks before it deletes.

    A command that was killed is continued by the same one. Raises ``UsageError`` for places that cannot be
    combined, ``TransferIncompleteError`` when single files could not be moved.
    """
    require_transfer_extra()
    start, end = place_of(source), place_of(target)
    _refuse_options(start, end, options)
    asked = replace(options, confirm_deletion=lambda count: _ask(surroundings, count, end, yes=yes))
    if isinstance(start, LocalPlace) and isinstance(end, BucketPlace):
        data = _target(surroundings, end, options)
        with spans.span("upload", bucket=end.bucket):
            return upload(start.path, data, end.key, surroundings.journals, asked)
    if isinstance(start, BucketPlace) and isinstance(end, BucketPlace):
        data, source_data = _target(surroundings, end, options), surroundings.open_bucket(start.bucket)
        with spans.span("copy", bucket=end.bucket):
            return copy_objects(At(source_data, start.key), At(data, end.key), surroundings.journals, asked)
    if isinstance(start, BucketPlace) and isinstance(end, LocalPlace):
        data = surroundings.open_bucket(start.bucket)
        with spans.span("download", bucket=start.bucket):
            return download(data, start.key, end.path, asked, into=end.is_folder)
    if isinstance(start, MachinePlace) or isinstance(end, MachinePlace):
        return _with_machine(surroundings, start, end, asked)
    if isinstance(start, JobPlace) and isinstance(end, LocalPlace):
        return _from_job(surroundings.session(), start, end.path, asked)
    raise _refused(start, end)


def compare_places(surroundings: Surroundings, source: str, target: str, options: Options) -> Verification:
    """Compares a local and a bucket's place by content, in either order. Changes nothing.

    Raises ``TransferDiffersError`` when they differ.
    """
    require_transfer_extra()
    start, end = place_of(source), place_of(target)
    here, there = (start, end) if isinstance(start, LocalPlace) else (end, start)
    if not (isinstance(here, LocalPlace) and isinstance(there, BucketPlace)):
        raise UsageError(
            f"{start} and {end} cannot be compared.", next_step="Name a local path and s3://BUCKET/KEY."
        )
    data = surroundings.open_bucket(there.bucket)
    found = compare(here.path, data, there.key, options)
    if found.differences:
        shown = "".join(
            f"\n  {each.path}: {each.verdict}{f' ({each.why})' if each.why else ''}"
            for each in found.differences[:20]
        )
        more = len(found.differences) - 20
        raise TransferDiffersError(
            f"{start} and {end} differ in {len(found.differences)} of {len(found.compared)} files:{shown}"
            + (f"\n  and {more} more" if more > 0 else ""),
            where={"source": str(start), "target": str(end)},
            next_step=f"`runctl transfer {source} {target}` moves what differs in size or time.",
        )
    return found


def _target(surroundings: Surroundings, place: BucketPlace, options: Options) -> ObjectData:
    """The bucket that is written to, without what stopped commands left there for nobody."""
    data = surroundings.open_bucket(place.bucket)
    if not options.dry_run:
        for line in end_unusable(surroundings.journals, data, surroundings.open_bucket):
            surroundings.reporter.say(line)
    return data


def _with_machine(surroundings: Surroundings, start: Place, end: Place, options: Options) -> Outcome:
    from runctl_auto.jobs.reach.machine import machine_of
    from runctl_auto.jobs.reach.machine_files import fetch_from_machine, send_to_machine

    if isinstance(start, MachinePlace) and isinstance(end, LocalPlace):
        machine = machine_of(surroundings.session(), start.job)
        return fetch_from_machine(machine, start.path, end.path, options, into=end.is_folder)
    if isinstance(start, LocalPlace) and isinstance(end, MachinePlace):
        machine = machine_of(surroundings.session(), end.job)
        return send_to_machine(machine, start.path, end.path, surroundings.journals, options)
    raise _refused(start, end)


def _from_job(session: Session, place: JobPlace, target: Path, options: Options) -> Outcome:
    if place.what == "checkpoint":
        from runctl_auto.operations.checkpoint import pull

        if options.dry_run:
            raise NotSupportedError(
                "--dry-run does not work with a checkpoint, which is fetched as a whole.",
                next_step=f"`runctl checkpoint ls {place.job}` shows its size.",
            )
        pulled = pull(session, place.job, place.sequence, target)
        return Outcome(files=pulled.files, bytes=pulled.bytes, same=0)
    return _artifacts(session, place.job, target, options)


def _artifacts(session: Session, name: str, target: Path, options: Options) -> Outcome:
    """The artifacts of the job's last run in the folder ``target``, which must be empty or absent."""
    from runctl_auto.agent.keys import artifacts_prefix, file_key
    from runctl_auto.jobs.artifacts.fetch import place_artifacts

    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{target} exists and is not an empty folder.", next_step="Name another folder.")
    job = session.job(name)
    config = job.applied_config()
    run = config.run.id
    manifest = job.results.artifacts(run)
    if manifest is None:
        raise UnfetchedArtifactsError(
            f"Run {run} of job '{name}' has no artifacts (yet).",
            where={"job": name, "run": run},
            next_step=f"`runctl status {name}` shows whether it has ended.",
        )
    data = job.provider.bucket(job.results.name, config.placement.account)
    target.parent.mkdir(parents=True, exist_ok=True)
    arriving = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        content = arriving / "content"
        outcome = Outcome(files=0, bytes=0, same=0)
        if manifest.files:
            outcome = download(data, file_key(artifacts_prefix(run), ""), content, options)
        if not options.dry_run:
            place_artifacts(manifest, run, content)
            outcome = replace(outcome, unverified=())  # all were, against the manifest
            if target.exists():
                target.rmdir()
            content.replace(target)
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
    return outcome


def _refuse_options(start: Place, end: Place, options: Options) -> None:
    if isinstance(start, MachinePlace) or isinstance(end, MachinePlace):
        _refuse_for_machine(start, options)
    if isinstance(start, LocalPlace):
        return
    if options.bandwidth and isinstance(start, BucketPlace) and isinstance(end, BucketPlace):
        raise UsageError(
            "--bandwidth has no effect on a copy inside S3, which does not pass this machine.",
            next_step="Leave it out.",
        )
    for given, name in ((options.selection.gitignore, "--gitignore"), (options.compress, "--compress")):
        if given:
            raise UsageError(f"{name} works with a local source only.", next_step="Leave it out.")
    chosen = options.delete or options.selection.include or options.selection.exclude
    if isinstance(start, JobPlace) and chosen:
        raise UsageError(
            "The results of a job are fetched as a whole.",
            next_step="Leave out --delete, --include and --exclude.",
        )


def _refuse_for_machine(start: Place, options: Options) -> None:
    chosen = options.selection.include or options.selection.exclude
    for given, name in (
        (options.delete, "--delete"),
        (options.dry_run, "--dry-run"),
        (options.compress, "--compress"),
        (isinstance(start, MachinePlace) and chosen, "--include and --exclude"),
    ):
        if given:
            raise UsageError(f"{name} does not work with a machine.", next_step="Leave it out.")


def _refused(start: Place, end: Place) -> Exception:
    if isinstance(end, JobPlace):
        return UsageError(
            f"{end} is written by the job alone.", next_step="Send data to a bucket that the job reads."
        )
    if isinstance(start, LocalPlace):
        return UsageError("Both are on this machine.", next_step="`cp` or `rsync` copies them.")
    return NotSupportedError(
        f"{start} is not copied to {end} directly.", next_step="Fetch it to a folder, then send that."
    )


def _ask(surroundings: Surroundings, count: int, end: Place, *, yes: bool) -> None:
    require_confirmation(
        surroundings.reporter,
        f"Delete {count} files at {end} that the source does not have?",
        "Nothing was moved or deleted: it was not confirmed.",
        yes=yes,
    )
