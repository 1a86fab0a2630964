"""Artifacts: files that the run produces, stored under the run with a manifest written last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from runctl_auto.agent.contract import Manifest, StoredFile, artifacts_prefix, file_key, manifest_key
from runctl_auto.agent.errors import AgentError, FileChangedError
from runctl_auto.agent.store import Store

WILDCARDS = "*?["


def collect(work: Path, paths: Sequence[str], say: Callable[[str], None]) -> list[str]:
    """Files below `work` that match `paths` (files, folders, wildcards; relative), each once, in order.

    Logs what it skips: a path that matches nothing, a link that leads out of the work folder.
    """
    home = work.resolve()
    found: dict[str, None] = {}
    for path in paths:
        files = [file for start in _starts(work, path) for file in _files(start)]
        if not files:
            say(f"artifacts: nothing at {path}")
        for file in files:
            name = file.relative_to(work).as_posix()
            if home not in file.resolve().parents:
                say(f"artifacts: {name} leads out of the work folder and is left out")
                continue
            found[name] = None
    return sorted(found)


def upload_artifacts(store: Store, run: str, work: Path, names: Sequence[str]) -> Manifest:
    """Uploads the files, then the manifest. Raises what the store raises."""
    prefix = artifacts_prefix(run)
    manifest = Manifest(tuple(_upload(store, file_key(prefix, name), work / name, name) for name in names))
    store.put(manifest_key(prefix), manifest.to_json(), content_type="application/json")
    return manifest


def _upload(store: Store, key: str, path: Path, name: str) -> StoredFile:
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            return StoredFile(name, size, store.upload(key, file, size))
    except FileChangedError:
        # The job has ended, so a second walk finds the files unchanged.
        with path.open("rb") as file:
            size = path.stat().st_size
            return StoredFile(name, size, store.upload(key, file, size))
    except OSError as error:
        raise AgentError(f"artifact {name} cannot be read: {error}") from error


def _starts(work: Path, path: str) -> list[Path]:
    if any(sign in path for sign in WILDCARDS):
        return sorted(work.glob(path))
    return [work / path]


def _files(start: Path) -> list[Path]:
    if start.is_dir():
        return sorted(file for file in start.rglob("*") if file.is_file())
    return [start] if start.is_file() else []
