"""Fetches a run's artifacts to ``runs/<job>/<run id>/``: whole and verified, or not at all."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runctl_auto.agent.manifest import Manifest, Problem, StoredFile
from runctl_auto.agent.sparse import sha256_of, spread
from runctl_auto.errors import UnfetchedArtifactsError
from runctl_auto.packaging.fetched_results import RECORD_FILE
from runctl_auto.providers.contract import Results

_PACKED = "runctl-packed"
_MODES = 0o777
"""What is taken over of a mode: files at home run as nobody else."""
_READABLE, _ENTERABLE = 0o400, 0o700
"""What the owner may do in any case: what cannot be read cannot be verified, nor fetched again."""


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

    What is there already and whole is not fetched again. Raises ``UnfetchedArtifactsError`` when something
    did not arrive as it was written; files that are there from before stay untouched then.
    """
    manifest = results.artifacts(run)
    if manifest is None:
        return None
    if _is_fetched(folder, manifest):
        return _download(folder, manifest, fetched=False)
    arriving = folder.parent / f".{folder.name}.arriving"
    shutil.rmtree(arriving, ignore_errors=True)
    arriving.mkdir(parents=True)
    for each in manifest.folders:
        (arriving / _safe(each.path, run)).mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        _fetch(results, run, file, arriving / _safe(file.path, run))
    for each in sorted(manifest.folders, key=lambda each: each.path, reverse=True):
        _settle(arriving / each.path, each.mode | _ENTERABLE, each.mtime_ns)
    (arriving / RECORD_FILE).write_text(json.dumps([vars(file) for file in manifest.files]), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    arriving.replace(folder)
    return _download(folder, manifest, fetched=True)


def place_artifacts(manifest: Manifest, run: str, folder: Path) -> None:
    """Verifies the stored content of all artifacts, which lies in ``folder``, and makes the files of it.

    Raises ``UnfetchedArtifactsError`` when something is not what was stored.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        target = folder / _safe(file.path, run)
        if file.extents is not None:
            packed = target.with_name(f"{target.name[:200]}.{_PACKED}")
            target.replace(packed)
            spread(packed, file.extents, file.bytes, target)
            packed.unlink()
        if not _is_whole(target, file):
            raise UnfetchedArtifactsError(
                f"Artifact {file.path} of run {run} is not what was stored.",
                where={"run": run, "file": file.path},
                next_step="Repeat the command. If it stays so, the object in the bucket was changed.",
            )
        if file.mode is not None and file.mtime_ns is not None:
            _settle(target, file.mode | _READABLE, file.mtime_ns)
    for each in manifest.folders:
        (folder / _safe(each.path, run)).mkdir(parents=True, exist_ok=True)
    for each in sorted(manifest.folders, key=lambda each: each.path, reverse=True):
        _settle(folder / each.path, each.mode | _ENTERABLE, each.mtime_ns)


def _fetch(results: Results, run: str, file: StoredFile, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.extents is None:
        results.fetch_artifact(run, file, target)
    else:
        packed = target.with_name(f"{target.name[:200]}.{_PACKED}")
        results.fetch_artifact(run, file, packed)
        spread(packed, file.extents, file.bytes, target)
        packed.unlink()
    if file.mode is not None and file.mtime_ns is not None:
        _settle(target, file.mode | _READABLE, file.mtime_ns)


def _settle(path: Path, mode: int, mtime_ns: int) -> None:
    path.chmod(mode & _MODES)
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


def _safe(path: str, run: str) -> PurePosixPath:
    """``path`` when it stays inside the folder; a manifest is not trusted to name places on this machine."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in path:
        raise UnfetchedArtifactsError(
            f"The list of artifacts of run {run} names a place outside its folder: {path!r}",
            where={"run": run},
            next_step="Do not trust this bucket; `runctl down --discard-artifacts` gives the artifacts up.",
        )
    return pure


def _download(folder: Path, manifest: Manifest, *, fetched: bool) -> Download:
    return Download(
        folder=folder,
        files=tuple(file.path for file in manifest.files),
        bytes=manifest.total_bytes,
        fetched=fetched,
        problems=tuple(manifest.problems),
    )
