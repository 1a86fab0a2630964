"""Checkpoints: the content of the job's checkpoint folder, saved completely or not at all."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runctl_auto.agent.errors import AgentError, FileChangedError, IntegrityError, OutOfTimeError
from runctl_auto.agent.keys import manifest_key
from runctl_auto.agent.saving.file_tree import FileTree, remove_folder, scan
from runctl_auto.agent.saving.lineage import OwnLineage, SavedCheckpoint, Sequences, start_order
from runctl_auto.agent.saving.manifest import Manifest, Problem, StoredFolder, refuse_too_many
from runctl_auto.agent.saving.own_files import OwnFiles
from runctl_auto.agent.saving.restoring import Restoring, finish_folders, refuse_missing
from runctl_auto.agent.saving.snapshot import CHANGED, VANISHED, Snapshot, freeze
from runctl_auto.agent.saving.storable import shown
from runctl_auto.agent.saving.unfinished import OpenFiles, unfinished
from runctl_auto.agent.status import rfc3339
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.store.uploads import Stored, Uploads

TRIES = 5
SETTLE_SECONDS = 0.5
CRASH_SECONDS = 2.0
"""A file that changed at most this long before the job crashed may be incomplete."""
MOST_POSTPONED = 3
"""So many saves in a row are left to the next interval while a file is being written."""

FileIds = Collection["tuple[int, int]"]


@dataclass(frozen=True)
class Killed:
    """How the job was ended by force: `open_files` (device, inode) were open for writing then; those changed
    from `since` on (seconds since the epoch) may be incomplete as well.
    """

    open_files: FileIds = frozenset()
    since: float | None = None


@dataclass(frozen=True)
class Saved:
    """A checkpoint that is in the store, and what is not as it should be in it."""

    sequence: str
    problems: Sequence[Problem] = ()
    suspect: Sequence[Problem] = ()


@dataclass(frozen=True)
class _Newest:
    """The checkpoint that was saved last; `before` is the folder at the last whole one before it."""

    name: str
    manifest: Manifest
    tree: FileTree
    before: FileTree | None


class Checkpoints:
    """Saves and restores the checkpoint folder of one lineage. `save` and `restore` block for the transfer.

    A checkpoint is complete once its manifest is stored. Only one machine writes a lineage at a time.
    `written` returns the identities of the files that the job has open for writing.
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
        saved: Callable[[Saved], None] = lambda _: None,
        wait: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,
        limit: TimeLimit | None = None,
        written: Callable[[], FileIds] = frozenset,
        run: str | None = None,
        own_files: OwnFiles | None = None,
    ) -> None:
        self._store = store
        self._own_files = own_files
        self._lineage = OwnLineage(store, lineage)
        self._folder = folder
        self._scratch = scratch
        self._keep = keep
        self._say = say
        self._saved = saved
        self._wait = wait
        self._clock = clock
        self._limit = limit or TimeLimit(clock)
        self._written = written
        self._run = run
        self._last: FileTree | None = None
        self._whole: FileTree | None = None
        self._open_files = OpenFiles(clock)
        self._newest: _Newest | None = None
        self._job_is_ending = False
        self._sequences = Sequences(self._lineage)
        self._postponed = 0
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self.saved_since_restore = False
        self.upload_seconds = 0.0
        """How long the upload of the last checkpoint took."""

    def restore(self, tried: Collection[str] = ()) -> str | None:
        """Restores a checkpoint to the folder and returns its sequence: the newest complete one, unless
        another was chosen or the newest is suspect.

        Passes over those in `tried` and damaged ones; if none is left, empties the folder and returns None.
        The code's own files in the folder stay, under what is restored.
        """
        with self._lock:
            name = self._restore(tried)
            if name is None:
                self._empty_folder()
                if self._lay_under(as_oldest=False):
                    self._last = self._whole = scan(self._folder)
            return name

    def restore_another(self, tried: Collection[str]) -> str | None:
        """As `restore`, but leaves the folder as it is when none is left."""
        with self._lock:
            return self._restore(tried)

    def _restore(self, tried: Collection[str]) -> str | None:
        found = self._lineage.all()
        self._sequences.follow(found)
        self.saved_since_restore = False
        self._job_is_ending = False
        self._newest = None
        for each in found:
            if each.damage:
                self._say(f"checkpoint {each.sequence} is damaged and passed over: {each.damage}")
        order = start_order(found, self._lineage.choice(), tried)
        self._tell_suspects(found, order)
        for each in order:
            if self._restored(each):
                self._lay_under(as_oldest=True)
                self._last = self._whole = scan(self._folder)
                return each.sequence
        return None

    def save(self) -> str | None:
        """Saves the folder if it has changed; returns the sequence, or None when nothing changed.

        Raises FileChangedError when a file is being written, else what the store raises.
        """
        return self._save_settled(None, final=False)

    def save_last(self, killed: Killed | None = None) -> str | None:
        """As `save`, once the job has ended; files that it was writing when it was killed are suspect."""
        return self._save_settled(killed, final=True)

    @property
    def newest_is_suspect(self) -> bool:
        """Whether the checkpoint that was saved last is kept apart."""
        return self._newest is not None and bool(self._newest.manifest.suspect)

    def job_is_ending(self) -> None:
        """Called before the job is signalled: then only `save_last` saves, which knows how the job ended."""
        self._job_is_ending = True

    def _save_settled(self, killed: Killed | None, *, final: bool) -> str | None:
        with self._lock:
            attempt = 1
            while True:
                tree = scan(self._folder)
                if tree.is_empty:
                    return None
                if tree == self._last:
                    return self._saved_while_it_was_killed(killed)
                snapshot = freeze(self._folder, tree, self._scratch)
                writing = self._being_written(tree)
                if self._job_is_ending and not final:
                    return None
                if attempt == TRIES and writing and not final and self._postponed < MOST_POSTPONED:
                    self._postponed += 1
                    raise FileChangedError(
                        f"{shown(writing[0])} is being written; saved at the next interval"
                    )
                if attempt == TRIES or not (snapshot.unsettled or writing):
                    suspect = self._suspect(tree, self._whole, writing, killed)
                    name = self._save(snapshot, suspect, insist=attempt == TRIES)
                    if name is not None:
                        return name
                attempt += 1
                self._wait(SETTLE_SECONDS)

    def _being_written(self, tree: FileTree) -> list[str]:
        return self._open_files.being_written(tree, self._whole, self._written())

    def _saved_while_it_was_killed(self, killed: Killed | None) -> str | None:
        """Marks the newest checkpoint as suspect if it was saved just when the job was killed."""
        newest = self._newest
        if newest is None or killed is None or newest.manifest.suspect:
            return None
        suspect = self._suspect(newest.tree, newest.before, [], killed)
        if not suspect:
            return None
        self._put_manifest(newest.name, replace(newest.manifest, suspect=tuple(suspect)))
        return newest.name

    def _suspect(
        self, tree: FileTree, last: FileTree | None, writing: list[str], killed: Killed | None
    ) -> list[Problem]:
        found = dict.fromkeys(writing, "was being written when it was saved")
        if killed is not None:
            why = "was being written when the job was killed"
            cut = unfinished(tree, last, lambda state: state.identity in killed.open_files)
            since = killed.since
            if since is not None:
                cut += unfinished(tree, last, lambda state: state.mtime_ns / 1e9 >= since)
            found.update(dict.fromkeys(cut, why))
        return [Problem(shown(path), why) for path, why in sorted(found.items())]

    def _save(self, snapshot: Snapshot, suspect: list[Problem], *, insist: bool) -> str | None:
        """Stores a snapshot; None if the job changed files meanwhile, unless it is to `insist`."""
        refuse_too_many(snapshot.tree.count)
        name = self.next_name()
        prefix = self._prefix_of(name)
        stored = self._upload(snapshot, prefix)
        if stored.changed and not insist:
            return None
        stored.refuse_if_nothing()
        manifest = self._manifest(snapshot, stored, suspect)
        self._put_manifest(name, manifest)
        self._newest = _Newest(name, manifest, snapshot.tree, before=self._whole)
        self._last = snapshot.tree
        if not suspect:
            self._whole = snapshot.tree
        self._postponed = 0
        self.saved_since_restore = True
        remove_folder(self._scratch)
        self._drop_old(name)
        return name

    def next_name(self) -> str:
        """The sequence of the next save."""
        return self._sequences.next()

    def _prefix_of(self, name: str) -> str:
        return self._lineage.prefix(name)

    def _upload(self, snapshot: Snapshot, prefix: str) -> Stored:
        began, sent = self._clock(), self._limit.sent
        try:
            stored = Uploads(self._store, prefix).store(snapshot.files, packs=self._scratch)
        except OutOfTimeError as error:
            seconds = self._clock() - began
            total = sum(file.size for file in snapshot.files)
            done = in_megabytes(min(self._limit.sent - sent, total))
            raise OutOfTimeError(
                f"{done} of {in_megabytes(total)} MB were uploaded in {seconds:.0f} s; then no time was left "
                "until the machine is taken back"
            ) from error
        self.upload_seconds = self._clock() - began
        return stored

    def _put_manifest(self, name: str, manifest: Manifest) -> None:
        key = manifest_key(self._lineage.prefix(name))
        self._store.put(key, manifest.to_json(), content_type="application/json")
        self._tell(name, manifest)
        self._saved(Saved(name, manifest.problems, manifest.suspect))

    def _manifest(self, snapshot: Snapshot, stored: Stored, suspect: list[Problem]) -> Manifest:
        tree = snapshot.tree
        happened = [
            Problem(shown(path), what)
            for path, what in snapshot.unsettled.items()
            if what in (VANISHED, CHANGED)
        ]
        problems = [
            *tree.left_out,
            *snapshot.left_out,
            *happened,
            *stored.refused,
            *stored.problems_of_changed,
        ]
        return Manifest(
            files=tuple(stored.files),
            links=tree.links,
            absolute_links=tree.absolute_links,
            folders=tuple(
                StoredFolder(path, state.mode, state.mtime_ns) for path, state in tree.folders.items()
            ),
            problems=tuple(sorted(problems, key=lambda problem: problem.path)),
            suspect=tuple(suspect),
            saved_at=rfc3339(self._clock()),
            run=self._run,
        )

    def _tell(self, name: str, manifest: Manifest) -> None:
        """Says what is wrong with a checkpoint, each thing once."""
        for problem in manifest.problems:
            self._say_once(f"checkpoint: {problem.path} {problem.why}")
        for problem in manifest.suspect:
            self._say(f"checkpoint {name} is suspect and kept apart: {problem.path} {problem.why}")

    def _say_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._say(text)

    def _tell_suspects(self, found: Sequence[SavedCheckpoint], order: Sequence[SavedCheckpoint]) -> None:
        """Newer checkpoints that are passed over since they are suspect."""
        if not order:
            return
        for each in found:
            if each.is_suspect and each.manifest and each.sequence > order[0].sequence:
                first = each.manifest.suspect[0]
                self._say(f"checkpoint {each.sequence} is suspect and passed over: {first.path} {first.why}")

    def _restored(self, checkpoint: SavedCheckpoint) -> bool:
        manifest = checkpoint.manifest
        assert manifest is not None  # noqa: S101
        prefix = self._lineage.prefix(checkpoint.sequence)
        self._empty_folder()
        remove_folder(self._scratch)
        try:
            refuse_missing(prefix, manifest, checkpoint.keys)
            Restoring(self._store.download, prefix, self._folder, self._scratch).fetch(manifest)
            finish_folders(self._folder, manifest)
        except IntegrityError as error:
            self._say(f"checkpoint {checkpoint.sequence} is damaged and passed over: {error}")
            return False
        finally:
            remove_folder(self._scratch)
        return True

    def _lay_under(self, *, as_oldest: bool) -> int:
        """Adds the code's own files; only what the job changes from then on makes a checkpoint."""
        return self._own_files.lay_under(self._folder, as_oldest=as_oldest) if self._own_files else 0

    def _empty_folder(self) -> None:
        """Keeps the folder itself: it may be a mount point or a link."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for entry in self._folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _drop_old(self, newest: str) -> None:
        try:
            self._lineage.drop_old(newest, self._keep)
        except AgentError as error:
            self._say(f"old checkpoints could not be deleted now: {error}")


def in_megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"
