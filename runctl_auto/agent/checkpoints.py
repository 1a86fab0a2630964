"""Checkpoints: the content of the job's checkpoint folder, saved completely or not at all."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runctl_auto.agent.contract import (
    Manifest,
    StoredFile,
    checkpoint_prefix,
    file_key,
    lineage_prefix,
    manifest_key,
    numbered,
)
from runctl_auto.agent.errors import AgentError, FileChangedError, IntegrityError
from runctl_auto.agent.file_tree import FileTree, freeze, remove_folder, scan
from runctl_auto.agent.manifest import parse_manifest
from runctl_auto.agent.own_files import OwnFiles
from runctl_auto.agent.store import Store

TRIES = 5
SETTLE_SECONDS = 0.5


class Checkpoints:
    """Saves and restores the checkpoint folder of one lineage. `save` and `restore` block for the transfer.

    A checkpoint is complete once its manifest is stored; readers take the newest complete one. Only one
    machine writes a lineage at a time.
    """

    def __init__(
        self,
        store: Store,
        lineage: str,
        *,
        folder: Path,
        scratch: Path,
        keep: int,
        say: Callable[[str], None],
        saved: Callable[[str], None] = lambda _: None,
        own_files: OwnFiles | None = None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._store = store
        self._lineage = lineage
        self._folder = folder
        self._scratch = scratch
        self._keep = keep
        self._say = say
        self._saved = saved
        self._own_files = own_files
        self._wait = wait
        self._last: FileTree | None = None
        self._next: int | None = None
        self._lock = threading.Lock()

    def restore(self) -> str | None:
        """Restores the newest complete checkpoint to the folder and returns its sequence.

        Falls back to the previous checkpoint if one is damaged; if there is none, empties the folder and
        returns None. The code's own files in the folder stay, under what is restored.
        """
        sequences = self._sequences()
        self._next = max((int(name) for name in sequences), default=-1) + 1
        for name in sorted(sequences, reverse=True):
            prefix = checkpoint_prefix(self._lineage, name)
            keys = self._store.list_objects(prefix)
            if manifest_key(prefix) not in keys:
                continue
            try:
                manifest = parse_manifest(self._store.get(manifest_key(prefix)))
                self._fetch(prefix, manifest, keys)
            except IntegrityError as error:
                self._say(f"checkpoint {name} is damaged and passed over: {error}")
                continue
            self._replace_folder(self._scratch)
            self._lay_under(as_oldest=True)
            return name
        self._replace_folder(None)
        self._lay_under(as_oldest=False)
        return None

    def _lay_under(self, *, as_oldest: bool) -> None:
        """Adds the code's own files. Only what the job changes from then on makes a checkpoint."""
        if self._own_files is not None:
            self._own_files.lay_under(self._folder, as_oldest=as_oldest)
        self._last = scan(self._folder)

    def save(self) -> str | None:
        """Saves the folder if it has changed; returns the sequence, or None when nothing changed.

        Raises FileChangedError when the job kept changing the folder, else what the store raises.
        """
        with self._lock:
            for attempt in range(1, TRIES + 1):
                tree = scan(self._folder)
                if tree.is_empty or tree == self._last:
                    return None
                try:
                    return self._save(tree)
                except FileChangedError:
                    if attempt == TRIES:
                        raise
                    self._wait(SETTLE_SECONDS)
            return None

    def newest(self) -> str | None:
        """The newest complete checkpoint now in the store; raises what the store raises."""
        for name in sorted(self._sequences(), reverse=True):
            prefix = checkpoint_prefix(self._lineage, name)
            if manifest_key(prefix) in self._store.list_objects(prefix):
                return name
        return None

    def _save(self, tree: FileTree) -> str:
        if self._next is None:
            self._next = max((int(name) for name in self._sequences()), default=-1) + 1
        freeze(self._folder, tree, self._scratch)
        # Every attempt has its own number: leftovers of a failed one never become part of another.
        name, self._next = numbered(self._next), self._next + 1
        prefix = checkpoint_prefix(self._lineage, name)
        stored = [self._upload(prefix, path, tree) for path in tree.files]
        manifest = Manifest(tuple(stored), tree.links)
        self._store.put(manifest_key(prefix), manifest.to_json(), content_type="application/json")
        self._last = tree
        remove_folder(self._scratch)
        self._saved(name)
        self._drop_old(name)
        return name

    def _upload(self, prefix: str, path: str, tree: FileTree) -> StoredFile:
        size, changed_at, _ = tree.files[path]
        with (self._scratch / path).open("rb") as file:
            digest = self._store.upload(file_key(prefix, path), file, size)
        stat = (self._scratch / path).stat()
        linked = stat.st_ino == tree.files[path][2]
        if stat.st_size != size or (linked and stat.st_mtime_ns != changed_at):
            raise FileChangedError(f"{path} changed while it was being saved")
        return StoredFile(path, size, digest)

    def _fetch(self, prefix: str, manifest: Manifest, keys: Mapping[str, int]) -> None:
        missing = [file.path for file in manifest.files if file_key(prefix, file.path) not in keys]
        if missing:
            raise IntegrityError(f"{', '.join(missing)} is missing")
        remove_folder(self._scratch)
        self._scratch.mkdir(parents=True)
        for file in manifest.files:
            target = self._scratch / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if self._store.download(file_key(prefix, file.path), target) != file.sha256:
                raise IntegrityError(f"{file.path} is not what was saved")
        for path, link in manifest.links.items():
            (self._scratch / path).parent.mkdir(parents=True, exist_ok=True)
            (self._scratch / path).symlink_to(link)

    def _replace_folder(self, source: Path | None) -> None:
        """Keeps the folder itself (it may be a mount point or a link) and replaces its content."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for entry in self._folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        if source is not None:
            for entry in source.iterdir():
                shutil.move(str(entry), str(self._folder / entry.name))
            remove_folder(source)

    def _drop_old(self, newest: str) -> None:
        """Deletes complete checkpoints beyond the number kept, and leftovers of older incomplete ones.

        Deletes the manifest first, so that a partly deleted checkpoint is not listed as complete.
        """
        try:
            kept = 0
            for name in sorted(self._sequences(), reverse=True):
                if name > newest:
                    continue
                prefix = checkpoint_prefix(self._lineage, name)
                keys = self._store.list_objects(prefix)
                manifest = manifest_key(prefix)
                if manifest in keys and kept < self._keep:
                    kept += 1
                    continue
                for key in sorted(keys, key=lambda key: key != manifest):
                    self._store.delete(key)
        except AgentError as error:
            self._say(f"old checkpoints could not be deleted now: {error}")

    def _sequences(self) -> list[str]:
        return [name for name in self._store.list_folders(lineage_prefix(self._lineage)) if name.isdigit()]
