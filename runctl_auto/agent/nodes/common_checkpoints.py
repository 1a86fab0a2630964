"""Checkpoints of several nodes: each stores its part, and one manifest, written last, lists them all.

What is restored is the same on every node: the files of all, as in a folder that they share. Where several
saved a file under one name, each finds its own, and the others' is that of the lowest node.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from runctl_auto.agent.contract import MOST_MANIFEST_BYTES
from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.keys import manifest_key, part_prefix
from runctl_auto.agent.nodes.messages import Do, Message, Say
from runctl_auto.agent.saving.checkpoints import Checkpoints, Killed, Saved
from runctl_auto.agent.saving.file_tree import remove_folder, scan
from runctl_auto.agent.saving.lineage import OwnLineage, SavedCheckpoint, Sequences, start_order
from runctl_auto.agent.saving.manifest import Manifest, Problem, StoredFile, StoredFolder
from runctl_auto.agent.saving.manifest_reading import parse_manifest
from runctl_auto.agent.saving.restoring import Restoring, finish_folders, refuse_missing
from runctl_auto.agent.saving.storable import shown
from runctl_auto.agent.status import rfc3339
from runctl_auto.agent.store.store import Store


class Asks(Protocol):
    """Asks all nodes; `Leader.ask` describes it."""

    def __call__(self, message: Message, answer: str, /) -> Mapping[int, Message]: ...


class NodePart(Checkpoints):
    """The checkpoint folder of one node of several. Only `CommonCheckpoints` completes a checkpoint."""

    def __init__(self, *arguments: Any, node: int, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._node = node
        self._assigned = ""
        self.killed: Callable[[], Killed | None] = lambda: None
        """How the job was ended by force, if it was."""

    def has_changed(self) -> bool:
        """Whether the folder is another than it was saved or restored; also if it may be incomplete."""
        with self._lock:
            killed = self.killed()
            was_cut = killed is not None and bool(killed.open_files or killed.since)
            return was_cut or scan(self._folder) != self._last

    def store(self, sequence: str, *, final: bool) -> None:
        """Stores this node's part of the checkpoint `sequence`. Raises what `Checkpoints.save` raises."""
        with self._lock:
            self._assigned, self._last = sequence, None
            tree = scan(self._folder)
            if tree.is_empty:
                self._put_manifest(sequence, self._nothing())
                self._last = tree
                return
        if self._save_settled(self.killed() if final else None, final=final) is None:
            raise AgentError("the job is ending: its last checkpoint is saved when it has")

    def _nothing(self) -> Manifest:
        return Manifest(files=(), saved_at=rfc3339(self._clock()), run=self._run)

    def restore_this(self, sequence: str | None) -> None:
        """Makes the folder what it was in a checkpoint; empty, but for the code's own files, for None.

        Raises IntegrityError when the checkpoint is not what was saved.
        """
        with self._lock:
            self.saved_since_restore, self._job_is_ending, self._newest = False, False, None
            if sequence is None:
                self._empty_folder()
                self._lay_under(as_oldest=False)
            else:
                self._restore_parts(sequence)
                self._lay_under(as_oldest=True)
            self._last = self._whole = scan(self._folder)

    def _restore_parts(self, sequence: str) -> None:
        found = self._lineage.find(sequence)
        if found.manifest is None:
            raise IntegrityError(found.damage or f"checkpoint {sequence} is not complete")
        prefix = self._lineage.prefix(sequence)
        manifest = self._with_own(found, prefix)
        self._empty_folder()
        try:
            refuse_missing(prefix, manifest, found.keys)
            Restoring(self._store.download, prefix, self._folder, self._scratch).fetch(manifest)
            finish_folders(self._folder, manifest)
        finally:
            remove_folder(self._scratch)

    def _with_own(self, found: SavedCheckpoint, prefix: str) -> Manifest:
        """The common manifest, with this node's own file where several saved one under the same name."""
        assert found.manifest is not None  # noqa: S101
        key = manifest_key(part_prefix(prefix, self._node))
        if key not in found.keys:
            return found.manifest
        own = parse_manifest(self._store.get(key, MOST_MANIFEST_BYTES))
        mine = {file.path: replace(file, node=self._node) for file in own.files}
        return replace(
            found.manifest, files=tuple(mine.get(file.path, file) for file in found.manifest.files)
        )

    def next_name(self) -> str:
        return self._assigned

    def _prefix_of(self, name: str) -> str:
        return part_prefix(self._lineage.prefix(name), self._node)

    def _put_manifest(self, name: str, manifest: Manifest) -> None:
        content = manifest.to_json()
        self._store.put(manifest_key(self._prefix_of(name)), content, content_type="application/json")
        self._tell(name, manifest)

    def _saved_while_it_was_killed(self, killed: Killed | None) -> str | None:
        """What may be incomplete is stored again, as part of another checkpoint."""

    def _drop_old(self, newest: str) -> None:
        """Node 0 does it, once the checkpoint is complete."""


class CommonCheckpoints:
    """Node 0's: chooses the checkpoint of a start, and completes those of all nodes.

    `chosen` is told what a start takes, `saved` what was saved.
    """

    def __init__(
        self,
        store: Store,
        lineage: str,
        ask: Asks,
        *,
        keep: int,
        say: Callable[[str], None],
        saved: Callable[[Saved], None],
        chosen: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._lineage = OwnLineage(store, lineage)
        self._ask = ask
        self._keep = keep
        self._say = say
        self._saved = saved
        self._chosen = chosen
        self._saving = threading.Lock()
        self._sequences = Sequences(self._lineage)
        self._has_failed = False
        """Whether a part was stored of a checkpoint that was not completed."""

    def choose(self, tried: Collection[str]) -> str | None:
        """The newest common checkpoint that is whole, else an older one; None without any."""
        order = start_order(self._lineage.all(), self._lineage.choice(), tried)
        found = order[0].sequence if order else None
        self._chosen(found)
        return found

    def save(self, *, final: bool = False) -> str | None:
        """Saves what all nodes have as one checkpoint; its sequence, or None when nothing has changed.

        Blocks. Raises AgentError when a node is lost meanwhile, or cannot store its part.
        """
        with self._saving:
            looked = self._ask({"do": Do.LOOK}, Say.LOOKED)
            _refuse_failed(looked)
            if not self._has_failed and not any(each.get("changed") is True for each in looked.values()):
                return None
            sequence, self._has_failed = self._sequences.next(), True
            answers = self._ask({"do": Do.SAVE, "checkpoint": sequence, "final": final}, Say.SAVED)
            _refuse_failed(answers)
            self._complete(sequence, sorted(answers))
            self._has_failed = False
            return sequence

    def _complete(self, sequence: str, nodes: Sequence[int]) -> None:
        prefix = self._lineage.prefix(sequence)
        manifest = merged({node: self._part(prefix, node) for node in nodes})
        self._store.put(manifest_key(prefix), manifest.to_json(), content_type="application/json")
        if manifest.suspect:
            first = manifest.suspect[0]
            self._say(f"checkpoint {sequence} is suspect and kept apart: {first.path} {first.why}")
        self._saved(Saved(sequence, manifest.problems, manifest.suspect))
        try:
            self._lineage.drop_old(sequence, self._keep)
        except AgentError as error:
            self._say(f"old checkpoints could not be deleted now: {error}")

    def _part(self, prefix: str, node: int) -> Manifest:
        key = manifest_key(part_prefix(prefix, node))
        return parse_manifest(self._store.get(key, MOST_MANIFEST_BYTES))


def merged(parts: Mapping[int, Manifest]) -> Manifest:
    """The files of all nodes; of several under one name, or where one has a folder, the lowest node's."""
    files: dict[str, StoredFile] = {}
    folders: dict[str, StoredFolder] = {}
    links: dict[str, str] = {}
    absolute: dict[str, str] = {}
    problems: list[Problem] = []
    suspect: list[Problem] = []
    taken = _Places()
    for node, part in sorted(parts.items()):
        for folder in part.folders:
            if taken.takes_folder(folder.path):
                folders.setdefault(folder.path, folder)
        for file in part.files:
            if taken.takes_leaf(file.path):
                files[file.path] = replace(file, node=node)
            elif file.path not in files:
                problems.append(Problem(shown(file.path), f"of node {node} is a folder or link of another"))
        for found, target in ((links, part.links), (absolute, part.absolute_links)):
            found.update({path: link for path, link in target.items() if taken.takes_leaf(path)})
        problems += part.problems
        suspect += part.suspect
    times = [part.saved_at for part in parts.values() if part.saved_at]
    return Manifest(
        files=tuple(files.values()),
        links=links,
        absolute_links=absolute,
        folders=tuple(folders.values()),
        problems=tuple(problems),
        suspect=tuple(suspect),
        saved_at=max(times, default=None),
        run=next((part.run for part in parts.values()), None),
    )


class _Places:
    """Which paths are files or links, and which are folders."""

    def __init__(self) -> None:
        self._leaves: set[str] = set()
        self._folders: set[str] = set()

    def takes_leaf(self, path: str) -> bool:
        if path in self._leaves or path in self._folders or not self._takes_parents(path):
            return False
        self._leaves.add(path)
        return True

    def takes_folder(self, path: str) -> bool:
        if path in self._leaves or not self._takes_parents(path):
            return False
        self._folders.add(path)
        return True

    def _takes_parents(self, path: str) -> bool:
        parents = []
        parent = path.rpartition("/")[0]
        while parent:
            parents.append(parent)
            parent = parent.rpartition("/")[0]
        if any(each in self._leaves for each in parents):
            return False
        self._folders.update(parents)
        return True


def _refuse_failed(answers: Mapping[int, Message]) -> None:
    for node, each in sorted(answers.items()):
        if each.get("ok") is not True:
            raise AgentError(f"node {node}: {str(each.get('why'))[:300]}")
