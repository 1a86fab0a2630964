"""Fetches a run's artifacts to ``runs/<job>/<run id>/``: whole and verified, or not at all."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runctl_auto.agent.saving.manifest import Manifest, Problem, StoredFile
from runctl_auto.agent.saving.sparse import sha256_of, spread
from runctl_auto.agent.tracing import spans
from runctl_auto.errors import UnfetchedArtifactsError
from runctl_auto.jobs.artifacts.fetched_folder import FetchedFolder
from runctl_auto.jobs.artifacts.modes import mode_of_file, mode_of_folder
from runctl_auto.packaging.fetched_results import RECORD_FILE

if TYPE_CHECKING:
    from runctl_auto.providers.contract import Results


@dataclass(frozen=True)
class Download:
    """Artifacts that are on this machine, all verified. ``fetched`` tells whether it happened just now.

    ``problems`` are files that the agent could not store.
    """

    folder: Path
    files: tuple[str, ...]
    bytes: int
    fetched: bool
    problems: tuple[Problem, ...] = ()


def fetch_artifacts(results: Results, run: str, folder: Path) -> Download | None:
    """All artifacts of ``run`` in ``folder``, verified against the manifest; None when the run left none.

    What is there already and whole is not fetched again. What else is in the folder stays, unless it has the
    place of an artifact that was fetched before. Raises ``UnfetchedArtifactsError`` when something did not
    arrive as it was written, or cannot be written; files that are there from before stay untouched then.
    """
    manifest = results.artifacts(run)
    if manifest is None:
        return None
    try:
        with spans.span("fetch artifacts", files=len(manifest.files), bytes=manifest.total_bytes):
            return _fetched(results, run, manifest, FetchedFolder(folder))
    except OSError as error:
        raise UnfetchedArtifactsError(
            f"The artifacts of run {run} could not be written to {folder}: {error}",
            where={"run": run, "folder": str(folder)},
            next_step="Make room there and repeat, or give them up: `runctl down --discard-artifacts`.",
        ) from error


def _fetched(results: Results, run: str, manifest: Manifest, home: FetchedFolder) -> Download:
    home.finish()
    if _is_fetched(home.path, manifest):
        return _download(home.path, manifest, fetched=False)
    with home.arriving() as (arriving, part):
        _refuse_without_room(manifest, run, arriving)
        for each in manifest.folders:
            (arriving / each.path).mkdir(parents=True, exist_ok=True)
        for file in manifest.files:
            _fetch(results, run, file, arriving / file.path, part)
        for each in sorted(manifest.folders, key=lambda each: each.path, reverse=True):
            _settle(arriving / each.path, mode_of_folder(each.mode), each.mtime_ns)
        if os.path.lexists(arriving / RECORD_FILE):
            raise _impossible(RECORD_FILE, run, "runctl writes its own record there")
        record = json.dumps([vars(file) for file in manifest.files])
        (arriving / RECORD_FILE).write_text(record, encoding="utf-8")
    return _download(home.path, manifest, fetched=True)


def _refuse_without_room(manifest: Manifest, run: str, folder: Path) -> None:
    needed = sum(file.stored_bytes for file in manifest.files)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UnfetchedArtifactsError(
            f"The artifacts of run {run} are {needed} bytes, and {folder.parent} has room for {free}.",
            where={"run": run, "folder": str(folder.parent)},
            next_step="Make room there and repeat, or give them up: `runctl down --discard-artifacts`.",
        )


def place_artifacts(manifest: Manifest, run: str, folder: Path) -> None:
    """Verifies the stored content of all artifacts, which lies in ``folder``, and makes the files of it.

    Raises ``UnfetchedArtifactsError`` when something is not what was stored, or cannot be written.
    """
    try:
        _place(manifest, run, folder, folder.with_name(f"{folder.name}.part"))
    except OSError as error:
        raise UnfetchedArtifactsError(
            f"The artifacts of run {run} could not be written to {folder}: {error}",
            where={"run": run, "folder": str(folder)},
            next_step="Make room there and repeat.",
        ) from error


def _place(manifest: Manifest, run: str, folder: Path, part: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        target = folder / file.path
        if file.extents is not None and target.is_file():
            target.replace(part)
            _spread(part, file, run, target)
            part.unlink()
        if not _is_whole(target, file):
            raise UnfetchedArtifactsError(
                f"Artifact {file.path} of run {run} is not what was stored.",
                where={"run": run, "file": file.path},
                next_step="Repeat the command. If it stays so, the object in the bucket was changed.",
            )
        if file.mode is not None and file.mtime_ns is not None:
            _settle(target, mode_of_file(file.mode), file.mtime_ns)
    for each in manifest.folders:
        (folder / each.path).mkdir(parents=True, exist_ok=True)
    for each in sorted(manifest.folders, key=lambda each: each.path, reverse=True):
        _settle(folder / each.path, mode_of_folder(each.mode), each.mtime_ns)


def _fetch(results: Results, run: str, file: StoredFile, target: Path, part: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.extents is None:
        results.fetch_artifact(run, file, target)
    else:
        results.fetch_artifact(run, file, part)
        _spread(part, file, run, target)
        part.unlink()
    if file.mode is not None and file.mtime_ns is not None:
        _settle(target, mode_of_file(file.mode), file.mtime_ns)


def _spread(packed: Path, file: StoredFile, run: str, target: Path) -> None:
    try:
        spread(packed, file.extents or (), file.bytes, target)
    except EOFError as error:
        raise _impossible(file.path, run, str(error)) from error


def _impossible(path: str, run: str, why: str) -> UnfetchedArtifactsError:
    return UnfetchedArtifactsError(
        f"Artifact {path} of run {run} cannot be fetched: {why}",
        where={"run": run, "file": path},
        next_step="`runctl down --discard-artifacts` gives the artifacts up.",
    )


def _settle(path: Path, mode: int, mtime_ns: int) -> None:
    path.chmod(mode)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def _is_fetched(folder: Path, manifest: Manifest) -> bool:
    is_there = (folder / RECORD_FILE).exists() and all(
        (folder / each.path).is_dir() for each in manifest.folders
    )
    return is_there and all(_is_whole(folder / file.path, file) for file in manifest.files)


def _is_whole(path: Path, file: StoredFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.bytes:
        return False
    return sha256_of(path, file.extents) == file.sha256


def _download(folder: Path, manifest: Manifest, *, fetched: bool) -> Download:
    return Download(
        folder=folder,
        files=tuple(file.path for file in manifest.files),
        bytes=manifest.total_bytes,
        fetched=fetched,
        problems=tuple(manifest.problems),
    )
