"""Packages the work folder and the agent for the machine, content-addressed.

The same content gives the same bytes, whenever and wherever it is packaged, so that applying a job twice
changes nothing. Packages are kept in ``.runctl/packages/``; a missing one is downloaded from the job's bucket
and verified.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from runctl_auto.agent.data.parts_listing import parts_in
from runctl_auto.agent.packages import PACKAGE_SUFFIXES, PARTS_LISTING, PackageKind, PartJson, package_key
from runctl_auto.errors import PackagingError
from runctl_auto.packaging.code_parts import in_parts
from runctl_auto.packaging.known_parts import KnownParts
from runctl_auto.packaging.work_folder import WorkFile, WorkFolder

MAX_CODE_BYTES = 10 << 30
_CHUNK = 1 << 20
_KEPT_SECONDS = 7 * 24 * 3600.0


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

    A large folder becomes parts beside the package, which lists them (``code_parts``); files that have not
    changed since the last package are not read. ``max_bytes`` limits the unpacked size. Raises PackagingError
    for what cannot be packaged, and for a file that has disappeared since the folder was walked.
    """
    refuse_too_much(work_folder, max_bytes=max_bytes)
    groups = in_parts(work_folder.files)
    parts = _Parts(packages).made(groups) if groups else []
    with new_package_file(packages) as (stream, commit):
        _write_code(work_folder, parts, stream)
        return commit("code", len(work_folder.files))


def code_sha256(work_folder: WorkFolder) -> str:
    """The hash that ``package_code`` gives its package, without making one. Blocks and raises alike."""
    refuse_too_much(work_folder)
    parts = [_hashed_part(files) for files in in_parts(work_folder.files)]
    stream = _Hashing()
    _write_code(work_folder, parts, cast("IO[bytes]", stream))
    return stream.digest.hexdigest()


def code_parts(package: Path) -> tuple[PartJson, ...]:
    """The parts that a code package lists; none for a small folder's. Reads its beginning only.

    Raises PackagingError for a package that runctl did not make.
    """
    try:
        with tarfile.open(package, "r:gz") as archive:
            first = archive.next()
            if first is None or first.name != PARTS_LISTING:
                return ()
            content = archive.extractfile(first)
            return parts_in(b"" if content is None else content.read())
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise PackagingError(
            f"the code package cannot be read: {error}",
            where={"path": str(package)},
            next_step="Remove it; `runctl up JOB.yaml` packages the work folder again.",
        ) from error


class _Parts:
    """The parts of a folder in the local packages folder; those that are there are not made again."""

    def __init__(self, packages: Path) -> None:
        self._packages = packages

    def made(self, groups: Sequence[tuple[WorkFile, ...]]) -> list[PartJson]:
        self._packages.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = KnownParts(self._packages)
        found = [self._part(files, known) for files in groups]
        _remove_unused(self._packages)
        known.save(lambda sha256: package_path(self._packages, "part", sha256).is_file())
        return found

    def _part(self, files: tuple[WorkFile, ...], known: KnownParts) -> PartJson:
        mark = known.mark(files)
        held = known.find(mark)
        path = None if held is None else package_path(self._packages, "part", held)
        if held is not None and path is not None and path.is_file():
            os.utime(path)
            return {"sha256": held, "bytes": path.stat().st_size}
        with new_package_file(self._packages) as (stream, commit):
            _write_part(files, stream)
            package = commit("part", len(files))
        if known.mark(files) == mark:  # else a file has changed meanwhile
            known.keep(mark, package.sha256)
        return {"sha256": package.sha256, "bytes": package.bytes}


def _remove_unused(packages: Path) -> None:
    """Removes parts that no package of this project used for a week; they come back from the bucket."""
    oldest = time.time() - _KEPT_SECONDS
    for path in packages.glob(f"part-*{PACKAGE_SUFFIXES['part']}"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def _hashed_part(files: Sequence[WorkFile]) -> PartJson:
    stream = _Hashing()
    _write_part(files, cast("IO[bytes]", stream))
    return {"sha256": stream.digest.hexdigest(), "bytes": stream.bytes}


class _Hashing(io.RawIOBase):
    """Takes what is written to it into a hash."""

    def __init__(self) -> None:
        super().__init__()
        self.digest = hashlib.sha256()
        self.bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        self.digest.update(content)
        self.bytes += len(content)
        return len(content)


def _write_code(work_folder: WorkFolder, parts: Sequence[PartJson], stream: IO[bytes]) -> None:
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0) as compressed,
        tarfile.open(fileobj=cast("IO[bytes]", compressed), mode="w|", format=tarfile.GNU_FORMAT) as archive,
    ):
        if parts:
            _add_listing(archive, parts)
        for file in work_folder.files:
            if file.link is not None or not parts:
                _add(archive, file)
        for name in work_folder.empty_folders:
            _add_folder(archive, name)


def _write_part(files: Sequence[WorkFile], stream: IO[bytes]) -> None:
    """Without compression: a part has the same bytes wherever it is made, and costs one hash."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            _add(archive, file)


def _add_listing(archive: tarfile.TarFile, parts: Sequence[PartJson]) -> None:
    content = json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
    entry = tarfile.TarInfo(PARTS_LISTING)
    entry.mtime, entry.size = 0, len(content)
    archive.addfile(entry, io.BytesIO(content))


def package_agent(packages: Path) -> Package:
    """Packages the agent of this version of runctl."""
    from runctl_auto.agent.start.bundle import build_bundle

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
