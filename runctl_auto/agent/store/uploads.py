"""Stores many files with several connections; small ones together in packs, if there are many."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Union

from runctl_auto.agent.errors import AgentError, FileChangedError
from runctl_auto.agent.keys import file_key, pack_key
from runctl_auto.agent.saving.manifest import Problem, StoredFile
from runctl_auto.agent.saving.snapshot import CHANGED, FrozenFile
from runctl_auto.agent.saving.sparse import copy_exactly
from runctl_auto.agent.saving.storable import concerns_one_file, shown
from runctl_auto.agent.store.parallel import AT_ONCE, for_each
from runctl_auto.agent.store.store import Store

PACKED_BYTES = 128 * 1024
"""Files of at most this size are packed."""
PACK_FROM = 64
"""With fewer small files, each is an object of its own."""
PACK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Pack:
    """Small files, one after the other in the file `path`."""

    number: int
    path: Path
    files: Sequence[StoredFile]
    size: int


@dataclass
class Stored:
    """What is in the store now. `refused` was refused by the store or could not be read; `changed` was
    changed by the job while it was stored: what was stored then must not be used.
    """

    files: list[StoredFile] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    changed: list[FrozenFile] = field(default_factory=list)
    last_refusal: AgentError | None = None

    @property
    def problems_of_changed(self) -> list[Problem]:
        return [Problem(shown(file.path), CHANGED) for file in self.changed]

    def refuse_if_nothing(self) -> None:
        """Raises the last error if the store refused every file: then the files are not at fault."""
        if self.last_refusal is not None and not self.files:
            raise self.last_refusal


class Uploads:
    """Stores files below a prefix. Blocks; raises what concerns more than one file."""

    def __init__(self, store: Store, prefix: str, *, at_once: int = AT_ONCE) -> None:
        self._store = store
        self._prefix = prefix
        self._at_once = at_once
        self._lock = threading.Lock()
        self._stored = Stored()

    def store(self, files: Sequence[FrozenFile], packs: Path | None = None) -> Stored:
        """Stores all files; `packs` is a folder for packs on their way, None for an object a file."""
        small = [file for file in files if packs and not file.shared and file.size <= PACKED_BYTES]
        if len(small) < PACK_FROM:
            small = []
        packed = {id(file) for file in small}
        single = [file for file in files if id(file) not in packed]
        for_each(_both(single, packs, small), self._store_one, self._at_once)
        self._stored.files.sort(key=lambda file: file.path)
        return self._stored

    def _store_one(self, item: Union[FrozenFile, Pack]) -> None:  # noqa: UP007 (evaluated on Python 3.9)
        if isinstance(item, Pack):
            self._store_pack(item)
        else:
            self._store_file(item)

    def _store_pack(self, pack: Pack) -> None:
        with pack.path.open("rb") as file:
            self._store.upload(pack_key(self._prefix, pack.number), file, pack.size)
        pack.path.unlink()
        with self._lock:
            self._stored.files.extend(pack.files)

    def _store_file(self, frozen: FrozenFile) -> None:
        try:
            with frozen.source.open("rb") as file:
                digest = self._store.upload(file_key(self._prefix, frozen.path), file, frozen.size)
            frozen.refuse_changed(digest)
        except FileChangedError:
            with self._lock:
                self._stored.changed.append(frozen)
        except OSError as error:
            self._refused(frozen, f"cannot be read: {error.strerror or error}")
        except AgentError as error:
            if not concerns_one_file(error):
                raise
            self._refused(frozen, f"is refused by the store: {error}")
            self._stored.last_refusal = error
        else:
            with self._lock:
                self._stored.files.append(described(frozen, digest))

    def _refused(self, frozen: FrozenFile, why: str) -> None:
        with self._lock:
            self._stored.refused.append(Problem(shown(frozen.path), why))


def described(frozen: FrozenFile, digest: str) -> StoredFile:
    """The entry of a stored file in a manifest."""
    state = frozen.state
    return StoredFile(
        frozen.path, state.size, digest, mode=state.mode, mtime_ns=state.mtime_ns, extents=frozen.extents
    )


def _both(
    single: Iterable[FrozenFile], folder: Path | None, small: Sequence[FrozenFile]
) -> Iterator[Union[FrozenFile, Pack]]:  # noqa: UP007 (evaluated on Python 3.9)
    yield from single
    if folder is not None:
        yield from make_packs(folder, small)


def make_packs(folder: Path, files: Sequence[FrozenFile]) -> Iterator[Pack]:
    """Writes packs of at most `PACK_BYTES`, each when it is asked for."""
    for number, group in enumerate(_groups(files)):
        path = folder / f"pack-{number}"
        entries = []
        offset = 0
        with path.open("wb") as pack:
            for frozen in group:
                with frozen.source.open("rb") as source:
                    digest = copy_exactly(source, pack, frozen.size)
                entries.append(replace(described(frozen, digest), pack=number, offset=offset))
                offset += frozen.size
        yield Pack(number, path, entries, offset)


def _groups(files: Sequence[FrozenFile]) -> Iterator[list[FrozenFile]]:
    group: list[FrozenFile] = []
    size = 0
    for file in files:
        if group and size + file.size > PACK_BYTES:
            yield group
            group, size = [], 0
        group.append(file)
        size += file.size
    if group:
        yield group
