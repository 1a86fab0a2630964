"""The checkpoints of a lineage in the store: which there are, and which one the next start takes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from runctl_auto.agent.contract import MOST_MANIFEST_BYTES, MOST_REQUEST_BYTES, MOST_SEQUENCE, ChosenJson
from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.keys import (
    checkpoint_prefix,
    chosen_key,
    is_sequence,
    lineage_prefix,
    manifest_key,
    numbered,
)
from runctl_auto.agent.saving.manifest import Manifest
from runctl_auto.agent.saving.manifest_reading import parse_manifest
from runctl_auto.agent.store.store import ChangeableStore, ReadableStore
from runctl_auto.agent.untrusted import UnreadableError, matching, read_object

MOST_CHECKPOINTS = 1000
"""The newest ones count: a lineage has as many as it keeps, and a few that are incomplete."""
_SEQUENCE = matching(r"[0-9]{8}")


@dataclass(frozen=True)
class SavedCheckpoint:
    """A checkpoint in the store. `manifest` is None for an incomplete or damaged one; `damage` says which.

    `keys` are its objects with their sizes in bytes.
    """

    sequence: str
    keys: Mapping[str, int]
    manifest: Manifest | None
    damage: str | None = None

    @property
    def is_complete(self) -> bool:
        return self.manifest is not None

    @property
    def is_suspect(self) -> bool:
        return self.manifest is not None and bool(self.manifest.suspect)


@dataclass(frozen=True)
class Choice:
    """A person's choice: start from `sequence` until a checkpoint newer than `newest` is complete."""

    sequence: str
    newest: str


class Sequences:
    """Gives every attempt to save its own number, so that leftovers of a failed one never become part of
    another."""

    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self._next: int | None = None

    def follow(self, found: Iterable[SavedCheckpoint]) -> None:
        """Goes on after these, which are all."""
        self._next = max((int(each.sequence) for each in found), default=-1) + 1

    def next(self) -> str:
        """The sequence of the next save. Raises AgentError when the lineage has no number left."""
        if self._next is None:
            self._next = self._lineage.next_number()
        if self._next > MOST_SEQUENCE:
            raise AgentError(f"checkpoint {MOST_SEQUENCE} exists: no number is left in this lineage")
        name, self._next = numbered(self._next), self._next + 1
        return name


class Lineage:
    """The checkpoints of one lineage, fresh at each call. Raises what the store raises."""

    def __init__(self, store: ReadableStore, name: str) -> None:
        self._store = store
        self.name = name

    def prefix(self, sequence: str) -> str:
        return checkpoint_prefix(self.name, sequence)

    def sequences(self) -> list[str]:
        """All sequences, incomplete ones included, the newest first."""
        names = self._store.list_folders(lineage_prefix(self.name))
        return sorted((name for name in names if is_sequence(name)), reverse=True)[:MOST_CHECKPOINTS]

    def next_number(self) -> int:
        """The number after all that were ever used and are still known."""
        return max((int(name) for name in self.sequences()), default=-1) + 1

    def find(self, sequence: str) -> SavedCheckpoint:
        """The checkpoint; it need not exist."""
        prefix = self.prefix(sequence)
        keys = self._store.object_sizes(prefix)
        if manifest_key(prefix) not in keys:
            return SavedCheckpoint(sequence, keys, None)
        try:
            manifest = parse_manifest(self._store.get(manifest_key(prefix), MOST_MANIFEST_BYTES))
        except IntegrityError as error:
            return SavedCheckpoint(sequence, keys, None, str(error))
        return SavedCheckpoint(sequence, keys, manifest)

    def all(self) -> list[SavedCheckpoint]:
        """All checkpoints, the newest first."""
        return [self.find(name) for name in self.sequences()]

    def choice(self) -> Choice | None:
        """What a person has chosen; None without a choice, or if it cannot be read."""
        try:
            content = self._store.find(chosen_key(self.name), MOST_REQUEST_BYTES)
            found = read_object(content or b"null", MOST_REQUEST_BYTES)
            return Choice(found.needed("sequence", _SEQUENCE), found.needed("newest", _SEQUENCE))
        except (IntegrityError, UnreadableError):
            return None


def start_order(
    found: Sequence[SavedCheckpoint], choice: Choice | None = None, tried: Collection[str] = ()
) -> list[SavedCheckpoint]:
    """The checkpoints from which to start, the best first; `found` is the newest first.

    The chosen one and older ones, as long as none is newer than it was when it was chosen. Else the newest
    first, without suspect ones unless there is no other. Those in `tried` are left out.
    """
    complete = [each for each in found if each.is_complete]
    chosen = _chosen(complete, choice)
    whole = [each for each in complete if not each.is_suspect]
    if chosen is not None:
        order = [chosen, *(each for each in whole if each.sequence < chosen.sequence)]
    else:
        order = whole or complete
    return [each for each in order if each.sequence not in tried]


def newest_checkpoint(store: ReadableStore, lineage: str) -> str | None:
    """The checkpoint now in the store from which a new start continues; raises what the store raises."""
    found = Lineage(store, lineage)
    order = start_order(found.all(), found.choice())
    return order[0].sequence if order else None


def _chosen(complete: Sequence[SavedCheckpoint], choice: Choice | None) -> SavedCheckpoint | None:
    if choice is None or any(each.sequence > choice.newest for each in complete):
        return None
    return next((each for each in complete if each.sequence == choice.sequence), None)


class OwnLineage(Lineage):
    """A lineage that may also be changed."""

    def __init__(self, store: ChangeableStore, name: str) -> None:
        super().__init__(store, name)
        self._own = store

    def choose(self, sequence: str) -> None:
        """The next start takes this checkpoint, unless a newer one is complete by then."""
        newest = max([*self.sequences(), sequence])
        content: ChosenJson = {"sequence": sequence, "newest": newest}
        self._own.put(chosen_key(self.name), json.dumps(content).encode(), content_type="application/json")

    def choose_none(self) -> None:
        """Removes the choice. Idempotent."""
        self._own.delete(chosen_key(self.name))

    def remove(self, sequence: str) -> None:
        """Deletes a checkpoint, its manifest first: a partly deleted one is not listed as complete."""
        prefix = self.prefix(sequence)
        keys = self._own.object_sizes(prefix)
        for key in sorted(keys, key=lambda key: key != manifest_key(prefix)):
            self._own.delete(key)

    def drop_old(self, newest: str, keep: int) -> None:
        """Deletes what is older than the `keep` newest whole checkpoints, all suspect ones but the newest,
        and leftovers of incomplete ones. Does not look beyond `newest`.
        """
        kept = kept_suspect = 0
        for checkpoint in (self.find(name) for name in self.sequences() if name <= newest):
            if checkpoint.is_complete and not checkpoint.is_suspect and kept < keep:
                kept += 1
            elif checkpoint.is_suspect and kept_suspect < 1 and kept < keep:
                kept_suspect += 1
            else:
                self.remove(checkpoint.sequence)
