"""Packages the work folder and the agent for the machine, content-addressed.

The same content gives the same bytes, whenever and wherever it is packaged, so that applying a job twice
changes nothing. Packages are kept in ``.runctl/packages/``; a missing one is downloaded from the job's bucket
and verified.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from runctl_auto.agent.contract import PACKAGE_SUFFIXES, PackageKind, package_key
from runctl_auto.errors import PackagingError
from runctl_auto.packaging.work_folder import WorkFile, WorkFolder

MAX_CODE_BYTES = 500 * 1024 * 1024
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Package:
    """A package on this machine; ``bytes`` is the size of the file at ``path``."""

    kind: PackageKind
    sha256: str
    path: Path
    bytes: int
    files: int

    @property
    def key(self) -> str:
        return package_key(self.kind, self.sha256)


def package_path(folder: Path, kind: PackageKind, sha256: str) -> Path:
    """The path of a package in the local packages folder."""
    return folder / f"{kind}-{sha256}{PACKAGE_SUFFIXES[kind]}"


def package_code(work_folder: WorkFolder, packages: Path, *, max_bytes: int = MAX_CODE_BYTES) -> Package:
    """Packages the files and empty folders of ``work_folder``. Blocks while it reads them.

    ``max_bytes`` limits the unpacked size. Raises PackagingError for what cannot be packaged, and for a file
    that has disappeared since the folder was walked.
    """
    refuse_too_much(work_folder, max_bytes=max_bytes)
    with new_package_file(packages) as (stream, commit):
        _write_code(work_folder, stream)
        return commit("code", len(work_folder.files))


def code_sha256(work_folder: WorkFolder) -> str:
    """The hash that ``package_code`` gives its package, without making one. Blocks and raises alike."""
    refuse_too_much(work_folder)
    stream = _Hashing()
    _write_code(work_folder, cast("IO[bytes]", stream))
    return stream.digest.hexdigest()


class _Hashing(io.RawIOBase):
    """Takes what is written to it into a hash."""

    def __init__(self) -> None:
        super().__init__()
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        self.digest.update(content)
        return len(content)


def _write_code(work_folder: WorkFolder, stream: IO[bytes]) -> None:
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0) as compressed,
        tarfile.open(fileobj=cast("IO[bytes]", compressed), mode="w|", format=tarfile.GNU_FORMAT) as archive,
    ):
        for file in work_folder.files:
            _add(archive, file)
        for name in work_folder.empty_folders:
            _add_folder(archive, name)


def package_agent(packages: Path) -> Package:
    """Packages the agent of this version of runctl."""
    from runctl_auto.agent.bundle import build_bundle

    with new_package_file(packages) as (stream, commit):
        stream.write(build_bundle())
        return commit("agent", 1)


def refuse_nothing(work_folder: WorkFolder) -> None:
    """Raises PackagingError for a folder of which no file is packaged: its job would find nothing there."""
    if work_folder.files:
        return
    what = f"nothing of the work folder {work_folder.path} travels"
    if not work_folder.left_out:
        raise PackagingError(
            f"{what}: it holds no file",
            where={"path": str(work_folder.path)},
            next_step="Choose the folder that holds the code as workdir.",
        )
    first, *others = work_folder.left_out
    more = f", and {len(others)} more" if others else ""
    raise PackagingError(
        f"{what}: {first.name} is left out ({first.why}){more}",
        where={"path": str(work_folder.path)},
        next_step="Choose another workdir, change the rule, or take it again with a line such as "
        f"`!{work_folder.path.name}/` in a .runctlignore above it, or `!*.py` in one inside.",
    )


def refuse_too_much(work_folder: WorkFolder, *, max_bytes: int = MAX_CODE_BYTES) -> None:
    """Raises PackagingError for more than ``max_bytes``, naming the folders and files that weigh most."""
    total = work_folder.bytes
    if total <= max_bytes:
        return
    folders = [f"{name}/ ({megabytes(size)} MB)" for name, size in work_folder.heaviest_folders(3)]
    files = [f"{file.name} ({megabytes(file.size)} MB)" for file in work_folder.largest(3)]
    named = f"the largest: {', '.join(files)}"
    if folders:
        named = f"the heaviest folders: {', '.join(folders)}; {named}"
    raise PackagingError(
        f"the work folder holds {megabytes(total)} MB, more than the {megabytes(max_bytes)} MB that may "
        f"travel; {named}",
        where={"path": str(work_folder.path)},
        next_step="Put data in a bucket and name it in `data:`, or on a volume (`volumes:`); name what "
        "training does not need in .gitignore or .runctlignore.",
    )


def megabytes(size: int) -> int:
    """Whole MB of ``size`` bytes, rounded down."""
    return size // (1 << 20)


def _add(archive: tarfile.TarFile, file: WorkFile) -> None:
    entry = tarfile.TarInfo(file.name)
    entry.mtime = 0
    if file.link is not None:
        entry.type = tarfile.SYMTYPE
        entry.linkname = file.link
        entry.mode = 0o777
        archive.addfile(entry)
        return
    try:
        with file.path.open("rb") as content:
            status = os.fstat(content.fileno())
            entry.size = status.st_size
            entry.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
            archive.addfile(entry, content)
    except OSError as error:
        raise PackagingError(
            f"{file.name} cannot be packaged: {error.strerror or error}",
            where={"path": str(file.path)},
            next_step="Make it readable, leave it unchanged meanwhile, or name it in .runctlignore.",
        ) from error


def _add_folder(archive: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, 0
    archive.addfile(entry)


class _Commit:
    """Renames a complete file to its content-addressed name."""

    def __init__(self, packages: Path, temporary: Path, stream: IO[bytes]) -> None:
        self._packages = packages
        self._temporary = temporary
        self._stream = stream

    def __call__(self, kind: PackageKind, files: int) -> Package:
        self._stream.flush()
        sha256 = _sha256(self._temporary)
        path = package_path(self._packages, kind, sha256)
        size = self._temporary.stat().st_size
        self._temporary.replace(path)
        return Package(kind, sha256, path, size, files)


@contextmanager
def new_package_file(packages: Path) -> Iterator[tuple[IO[bytes], _Commit]]:
    """A file that appears in ``packages`` under its content's name when committed, else not at all."""
    packages.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=packages, prefix=".making-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream, _Commit(packages, temporary, stream)
    finally:
        temporary.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
