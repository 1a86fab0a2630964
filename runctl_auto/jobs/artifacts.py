"""Fetches a run's artifacts to ``runs/<job>/<run id>/``: whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runctl_auto.agent.contract import StoredFile
from runctl_auto.errors import UnfetchedArtifactsError
from runctl_auto.packaging.fetched_results import RECORD_FILE
from runctl_auto.providers.contract import Results


@dataclass(frozen=True)
class Download:
    """Artifacts that are on this machine, all verified. ``fetched`` tells whether it happened just now."""

    folder: Path
    files: tuple[str, ...]
    bytes: int
    fetched: bool


def fetch_artifacts(results: Results, run: str, folder: Path) -> Download | None:
    """All artifacts of ``run`` in ``folder``, verified against the manifest; None when the run left none.

    What is there already and whole is not fetched again. Raises ``UnfetchedArtifactsError`` when something
    did not arrive as it was written; files that are there from before stay untouched then.
    """
    files = results.artifacts(run)
    if files is None:
        return None
    if _is_fetched(folder, files):
        return _download(folder, files, fetched=False)
    arriving = folder.parent / f".{folder.name}.arriving"
    shutil.rmtree(arriving, ignore_errors=True)
    for file in files:
        target = arriving / _safe(file.path, run)
        target.parent.mkdir(parents=True, exist_ok=True)
        results.fetch_artifact(run, file, target)
    arriving.mkdir(parents=True, exist_ok=True)
    (arriving / RECORD_FILE).write_text(json.dumps([vars(file) for file in files]), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    arriving.replace(folder)
    return _download(folder, files, fetched=True)


def _is_fetched(folder: Path, files: tuple[StoredFile, ...]) -> bool:
    return (folder / RECORD_FILE).exists() and all(_is_whole(folder / file.path, file) for file in files)


def _is_whole(path: Path, file: StoredFile) -> bool:
    if not path.is_file() or path.stat().st_size != file.bytes:
        return False
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == file.sha256


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


def _download(folder: Path, files: tuple[StoredFile, ...], *, fetched: bool) -> Download:
    return Download(
        folder=folder,
        files=tuple(file.path for file in files),
        bytes=sum(file.bytes for file in files),
        fetched=fetched,
    )
