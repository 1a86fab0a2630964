"""A consistent copy of a folder that a job may be writing to."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from runctl_auto.agent.errors import FileChangedError
from runctl_auto.agent.saving.file_tree import FileState, FileTree, remove_folder, scan
from runctl_auto.agent.saving.manifest import Problem
from runctl_auto.agent.saving.sparse import Extents, data_extents
from runctl_auto.agent.saving.storable import shown

CHUNK = 1024 * 1024
COPIED_BYTES = 16 * CHUNK
SAMPLES, SAMPLE_BYTES = 64, 4096

VANISHED = "vanished while it was being saved"
CHANGED = "changed while it was being saved"
REPLACED = "was replaced while it was being saved"
APPEARED = "appeared while the folder was being saved"


@dataclass(frozen=True)
class FrozenFile:
    """A file as it was at one moment: the first `size` bytes of `source`.

    `shared`: `source` is the file itself or a link to it, so what the job writes to it shows there.
    `extents`: `source` holds only these ranges of a sparse file.
    """

    path: str
    source: Path
    state: FileState
    shared: bool = False
    extents: Extents | None = None
    sample: str = ""
    """For a shared file: of its content when it was frozen."""

    @property
    def size(self) -> int:
        """Bytes to store."""
        return self.state.size if self.extents is None else sum(length for _, length in self.extents)

    def refuse_changed(self, digest: str) -> None:
        """Raises FileChangedError if the job changed the first `size` bytes since they were frozen, or since
        they were read with the sha256 `digest`. What it appended does not matter.
        """
        if not self.shared:
            return
        found = self.source.stat()
        if (found.st_size, found.st_mtime_ns) == (self.state.size, self.state.mtime_ns):
            return
        has_grown = found.st_size >= self.size and sample_of(self.source, self.size) == self.sample
        if not has_grown or _sha256(self.source, self.size) != digest:
            raise FileChangedError(f"{shown(self.path)} {CHANGED}")


@dataclass
class Snapshot:
    """The files as they were. `left_out` could not be read. `unsettled` (path to what happened) tells that
    the job changed the folder meanwhile, so that the files may not belong together.
    """

    tree: FileTree
    files: list[FrozenFile] = field(default_factory=list)
    left_out: list[Problem] = field(default_factory=list)
    unsettled: dict[str, str] = field(default_factory=dict)


def freeze(folder: Path, tree: FileTree, target: Path) -> Snapshot:
    """Copies the files of `tree` to `target` in their current state.

    Small files are copied. Large ones are hard links where possible, which take no time and no space; the
    reader must then detect whether they are written to. A file that has grown is cut at its size in `tree`.
    """
    remove_folder(target)
    target.mkdir(parents=True)
    snapshot = Snapshot(tree)
    for number, (path, state) in enumerate(tree.files.items()):
        try:
            frozen = _freeze(folder / path, path, state, target / str(number))
            snapshot.files.append(frozen)
            if frozen.state.inode != state.inode:
                snapshot.unsettled[path] = REPLACED
        except FileNotFoundError:
            snapshot.unsettled[path] = VANISHED
        except FileChangedError:
            snapshot.unsettled[path] = CHANGED
        except OSError as error:
            snapshot.left_out.append(Problem(shown(path), f"cannot be read: {error.strerror or error}"))
    _compare(folder, snapshot)
    return snapshot


def _freeze(file: Path, path: str, state: FileState, copy: Path) -> FrozenFile:
    with _open_regular(file) as opened:
        found = FileState.of(os.fstat(opened.fileno()))
    if found.inode != state.inode:
        state = found  # another file has taken its place, as a whole
    extents = pack_extents(file, state.size, copy) if state.is_sparse else None
    if extents is not None:
        return FrozenFile(path, copy, state, extents=extents)
    if state.size <= COPIED_BYTES:
        try:
            with _open_regular(file) as source, copy.open("xb") as whole:
                _copy(source, whole, 0, state.size)
            return FrozenFile(path, copy, state)
        except FileNotFoundError:
            raise
        except OSError:
            # No room for a copy.
            copy.unlink(missing_ok=True)
    try:
        os.link(file, copy, follow_symlinks=False)
    except FileNotFoundError:
        raise
    except OSError:
        return share(path, file, state)
    return share(path, copy, state)


def share(path: str, source: Path, state: FileState) -> FrozenFile:
    """A file that is not copied. Blocks for a few small reads."""
    return FrozenFile(path, source, state, shared=True, sample=sample_of(source, state.size))


def sample_of(path: Path, size: int) -> str:
    """A digest of the first `size` bytes from small samples: a file that is written anew has another one."""
    digest = hashlib.sha256()
    last = max(size - SAMPLE_BYTES, 0)
    with path.open("rb") as file:
        for start in sorted({last * number // SAMPLES for number in range(SAMPLES + 1)}):
            digest.update(os.pread(file.fileno(), min(SAMPLE_BYTES, size - start), start))
    return digest.hexdigest()


def pack_extents(file: Path, size: int, target: Path) -> Extents | None:
    """Copies the data of a sparse file to `target`, without its holes; None for a file that has none."""
    extents = data_extents(file, size)
    if extents is not None:
        with _open_regular(file) as source, target.open("xb") as packed:
            for start, length in extents:
                _copy(source, packed, start, length)
    return extents


def _open_regular(file: Path) -> BinaryIO:
    """Opens without waiting for a pipe or following a link that has taken the file's place."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(descriptor, "rb")


def _copy(source: BinaryIO, target: BinaryIO, start: int, length: int) -> None:
    """Raises FileChangedError when the file has become shorter."""
    position, end = start, start + length
    while position < end:
        chunk = os.pread(source.fileno(), min(CHUNK, end - position), position)
        if not chunk:
            raise FileChangedError(f"{source.name} became shorter while it was read")
        target.write(chunk)
        position += len(chunk)


def _compare(folder: Path, snapshot: Snapshot) -> None:
    """Looks at the folder again: what has changed since the first look?"""
    before, now = snapshot.tree, scan(folder)
    if now == before:
        return
    kept = []
    for frozen in snapshot.files:
        what = _change(folder / frozen.path, frozen, now.files.get(frozen.path))
        if what is not None:
            snapshot.unsettled[frozen.path] = what
        if what != VANISHED:
            kept.append(frozen)
    snapshot.files = kept
    for path in now.files.keys() - before.files.keys():
        snapshot.unsettled[path] = APPEARED


def _change(file: Path, frozen: FrozenFile, now: FileState | None) -> str | None:
    """What happened to a file since it was frozen; None if nothing did, or it has only grown."""
    if now is None:
        return VANISHED
    if now.inode != frozen.state.inode:
        return REPLACED
    is_same = (now.size, now.mtime_ns) == (frozen.state.size, frozen.state.mtime_ns)
    if is_same or frozen.shared:  # a shared file is looked at once it is stored
        return None
    return None if _has_only_grown(file, frozen, now) else CHANGED


def _has_only_grown(file: Path, frozen: FrozenFile, now: FileState) -> bool:
    if frozen.extents is not None or now.size < frozen.state.size:
        return False
    try:
        return _sha256(file, frozen.size) == _sha256(frozen.source, frozen.size)
    except (FileNotFoundError, FileChangedError):
        return False


def _sha256(path: Path, size: int) -> str:
    """Of the first `size` bytes. Raises FileChangedError when there are fewer."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0:
            chunk = file.read(min(CHUNK, size))
            if not chunk:
                raise FileChangedError(f"{path.name} became shorter while it was read")
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()
