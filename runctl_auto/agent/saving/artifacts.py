"""Artifacts: files that the run produces, stored under the run with a manifest written last."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.agent.keys import artifacts_prefix, manifest_key
from runctl_auto.agent.saving.file_tree import FileState, remove_folder
from runctl_auto.agent.saving.manifest import MODES, Manifest, Problem, StoredFolder, refuse_too_many
from runctl_auto.agent.saving.snapshot import FrozenFile, pack_extents, share
from runctl_auto.agent.saving.storable import problem_of_kind, problem_of_name, shown
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.store.uploads import Uploads

WILDCARDS = "*?["


@dataclass
class Artifacts:
    """What is to be stored, by the path that it has at home, and what cannot be."""

    files: dict[str, FileState] = field(default_factory=dict)
    folders: dict[str, StoredFolder] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def collect(work: Path, paths: Sequence[str], say: Callable[[str], None]) -> Artifacts:
    """Files and folders in `work` that match `paths` (files, folders, wildcards; relative), each once.

    Links are followed inside the work folder: at home they are what they led to. Says which path matches
    nothing.
    """
    collection = _Collection(work)
    for path in paths:
        starts = _starts(work, path)
        if not any(start.is_file() or start.is_dir() for start in starts):
            say(f"artifacts: nothing at {path}")
        for start in starts:
            collection.add(os.path.normpath(start))
    return collection.found


class _Collection:
    def __init__(self, work: Path) -> None:
        self._work = os.path.normpath(work)
        self._home = os.path.realpath(work)
        self.found = Artifacts()

    def add(self, path: str, above: tuple[tuple[int, int], ...] = ()) -> None:
        """Takes in a file, or a folder with all that is in it. `above`: the folders that led here."""
        name = path[len(self._work) :].lstrip(os.sep)
        try:
            problem = self._problem(path)
            state = os.stat(path)
        except FileNotFoundError:
            if os.path.islink(path):
                self._leave_out(name, f"is a link that leads nowhere: {shown(os.readlink(path))}")
            return
        except OSError as error:
            self._leave_out(name, f"cannot be read: {error.strerror}")
            return
        if problem is None and stat.S_ISDIR(state.st_mode):
            identity = state.st_dev, state.st_ino
            if identity not in above:
                self._add_folder(path, name, state, (*above, identity))
                return
            problem = "is a link to a folder above it"
        problem = problem or problem_of_kind(state.st_mode)
        if problem:
            self._leave_out(name, problem)
        else:
            self.found.files[name] = FileState.of(state)

    def _problem(self, path: str) -> str | None:
        problem = problem_of_name(os.path.basename(path))
        if problem is None and os.path.islink(path):
            target = os.path.realpath(path)
            if target != self._home and not target.startswith(self._home + os.sep):
                return f"is a link that leads out of the work folder: {shown(os.readlink(path))}"
        return problem

    def _add_folder(
        self, path: str, name: str, state: os.stat_result, above: tuple[tuple[int, int], ...]
    ) -> None:
        if name:
            self.found.folders[name] = StoredFolder(name, state.st_mode & MODES, state.st_mtime_ns)
        try:
            entries = sorted(os.listdir(path))
        except OSError as error:
            self._leave_out(name, f"cannot be read: {error.strerror}")
            return
        for entry in entries:
            self.add(os.path.join(path, entry), above)

    def _leave_out(self, name: str, why: str) -> None:
        problem = Problem(shown(name), why)
        if problem not in self.found.problems:
            self.found.problems.append(problem)


def upload_artifacts(store: Store, run: str, work: Path, found: Artifacts, scratch: Path) -> Manifest:
    """As ``upload_files``, where a run's artifacts belong."""
    return upload_files(store, artifacts_prefix(run), work, found, scratch)


def upload_files(store: Store, prefix: str, work: Path, found: Artifacts, scratch: Path) -> Manifest:
    """Uploads the files, then the manifest, which lists what could not be stored as `problems`.

    Raises what the store raises for more than single files. `scratch` holds the data of sparse files.
    """
    refuse_too_many(len(found.files) + len(found.folders) + len(found.problems))
    remove_folder(scratch)
    scratch.mkdir(parents=True)
    problems = list(found.problems)
    frozen = []
    for number, (name, state) in enumerate(found.files.items()):
        try:
            frozen.append(_frozen(work / name, name, state, scratch / str(number)))
        except OSError as error:
            problems.append(Problem(shown(name), f"cannot be read: {error.strerror or error}"))
    stored = Uploads(store, prefix).store(frozen)
    again = Uploads(store, prefix).store(_at_rest(work, stored.changed))
    stored.refuse_if_nothing()
    problems += [*stored.refused, *again.refused, *again.problems_of_changed]
    files = sorted([*stored.files, *again.files], key=lambda file: file.path)
    manifest = Manifest(
        tuple(files),
        folders=tuple(found.folders[name] for name in sorted(found.folders)),
        problems=tuple(sorted(problems, key=lambda each: each.path)),
    )
    store.put(manifest_key(prefix), manifest.to_json(), content_type="application/json")
    remove_folder(scratch)
    return manifest


def _frozen(path: Path, name: str, state: FileState, packed: Path) -> FrozenFile:
    if state.is_sparse:
        extents = pack_extents(path, state.size, packed)
        if extents is not None:
            return FrozenFile(name, packed, state, extents=extents)
    return share(name, path, state)


def _at_rest(work: Path, files: Iterable[FrozenFile]) -> list[FrozenFile]:
    """Files that changed while they were stored, as they are now: the job has ended, so they come to rest."""
    return [
        share(file.path, work / file.path, FileState.of(os.stat(work / file.path)))
        for file in files
        if (work / file.path).is_file()
    ]


def _starts(work: Path, path: str) -> list[Path]:
    if any(sign in path for sign in WILDCARDS):
        return sorted(work.glob(path))
    return [work / path]
