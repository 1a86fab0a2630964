"""Stages the job's data: parallel, resumable downloads from S3 to the work folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from io import FileIO
from pathlib import Path, PurePosixPath

from runctl_auto.agent.data.ranged_file import RangedFile
from runctl_auto.agent.errors import AgentError, IntegrityError, S3Error, UnreachableError
from runctl_auto.agent.spec import DataSpec
from runctl_auto.agent.store.object_sums import CHECKSUM_MODE, RunningSum, sum_of
from runctl_auto.agent.store.parallel import for_each
from runctl_auto.agent.store.ranges import PIECE_BYTES, RANGE_BYTES
from runctl_auto.agent.store.s3 import BODY_TIMEOUT_SECONDS, S3, StoredObject

AT_ONCE = 16
"""Connections."""
TELL_EVERY_SECONDS = 10.0


@dataclass(frozen=True)
class StagedFile:
    """One object and the file to which it is downloaded."""

    stored: StoredObject
    target: Path
    bucket: S3

    @property
    def modified(self) -> float:
        moment = datetime.strptime(self.stored.modified[:19], "%Y-%m-%dT%H:%M:%S")
        return moment.replace(tzinfo=timezone.utc).timestamp()

    @property
    def is_there(self) -> bool:
        """Whether the file was staged before: its size and time match the object's."""
        try:
            found = self.target.stat()
        except OSError:
            return False
        return found.st_size == self.stored.size and int(found.st_mtime) == int(self.modified)


class DataSources:
    """Stages data sources. `open_bucket` opens a bucket by name and region (None: the job's own region).

    `progress` receives counts for the status; `check` is called often and raises to stop.
    """

    def __init__(
        self,
        open_bucket: Callable[[str, str | None], S3],
        scratch: Path,
        *,
        say: Callable[[str], None],
        progress: Callable[[dict[str, int]], None],
        check: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
        range_bytes: int = RANGE_BYTES,
    ) -> None:
        self._open_bucket = open_bucket
        self._scratch = scratch
        self._say = say
        self._progress = progress
        self._check = check
        self._clock = clock
        self._range_bytes = range_bytes
        self._lock = threading.Lock()
        self._broken = False
        self._numbers: dict[str, int] = {}
        self._told_at = 0.0

    def listing(self, source: DataSpec) -> tuple[tuple[str, str], ...]:
        """The path of each file below the source's folder, with the ETag of its object; in order.

        Raises AgentError for a source that holds nothing.
        """
        _, found = self._listed(source)
        files = (each for each in found if not each.key.endswith("/"))
        return tuple(sorted((_relative(each.key, source), each.etag) for each in files))

    def stage(self, sources: Sequence[DataSpec], work: Path) -> None:
        """Downloads everything not staged yet. Blocks; raises AgentError, OSError or what `check` raises."""
        wanted = [file for source in sources for file in self._files(source, work)]
        missing = [file for file in wanted if not file.is_there]
        size = sum(file.stored.size for file in missing)
        self._refuse_without_room(work, size)
        done = len(wanted) - len(missing)
        total = sum(file.stored.size for file in wanted)
        self._numbers = {
            "files": done,
            "files_total": len(wanted),
            "bytes": total - size,
            "bytes_total": total,
        }
        self._told_at = self._clock()
        self._progress(dict(self._numbers))
        self._say(f"data: {len(missing)} of {len(wanted)} files to fetch, {_readable(size)}")
        self._fetch_all(missing)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._progress(dict(self._numbers))
        self._say(f"data: all {len(wanted)} files are there, {_readable(total)}")

    def _files(self, source: DataSpec, work: Path) -> list[StagedFile]:
        bucket, found = self._listed(source)
        folder = work / source.path
        return [
            StagedFile(stored, folder / _relative(stored.key, source), bucket)
            for stored in found
            if not stored.key.endswith("/")
        ]

    def _listed(self, source: DataSpec) -> tuple[S3, list[StoredObject]]:
        bucket = self._open_bucket(source.bucket, None)
        try:
            found = _look(bucket, source)
        except S3Error as error:
            if not error.region:
                raise AgentError(f"data source {source}: {error}") from error
            bucket = self._open_bucket(source.bucket, error.region)
            found = _look(bucket, source)
        if not found:
            raise AgentError(f"data source {source} holds nothing")
        return bucket, found

    def _fetch_all(self, missing: Sequence[StagedFile]) -> None:
        for_each(self._pieces(missing), self._fetch_piece, AT_ONCE)

    def _pieces(self, missing: Sequence[StagedFile]) -> Iterator[tuple[StagedFile, Callable[[], None]]]:
        """What one connection does at a time, in the order of the files."""
        for file in missing:
            if file.stored.size <= 2 * self._range_bytes:
                yield file, partial(self._fetch, file)
                continue
            ranged = RangedFile(
                file.bucket, file.stored, self._part(file), self._arrived, step=self._range_bytes
            )
            for number in ranged.missing():
                yield file, partial(self._fetch_range, file, ranged, number)

    def _fetch_piece(self, piece: tuple[StagedFile, Callable[[], None]]) -> None:
        file, fetch = piece
        try:
            fetch()
        except S3Error as error:
            self._broken = True
            raise AgentError(f"data s3 object {file.stored.key}: {error}") from error
        except BaseException:
            self._broken = True
            raise

    def _fetch_range(self, file: StagedFile, ranged: RangedFile, number: int) -> None:
        if ranged.fetch(number):
            self._keep(file, self._part(file))
            ranged.forget()

    def _fetch(self, file: StagedFile) -> None:
        part = self._part(file)
        self._arrived(part.stat().st_size if part.exists() else 0)
        self._receive(file, part)
        self._keep(file, part)

    def _part(self, file: StagedFile) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch / _part_name(file)

    def _keep(self, file: StagedFile, part: Path) -> None:
        """Puts a verified file in its place."""
        _set_time(part, file.modified)
        file.target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(str(part), str(file.target))
        with self._lock:
            self._numbers["files"] += 1

    def _receive(self, file: StagedFile, part: Path) -> None:
        """Downloads the whole object and verifies it. After a partial transfer it resumes behind the last
        byte, without limit; a failure before the first byte is retried like any request.
        """
        part.touch()
        told: Mapping[str, str] = {}
        is_right: bool | None = None
        while part.stat().st_size < file.stored.size:
            told, is_right = file.bucket.retried(lambda: self._receive_some(file, part))
        if is_right is None:  # it came in several times
            expected = sum_of(told, file.stored.etag)
            is_right = expected is None or expected.is_of(part)
        if not is_right:
            part.unlink()
            raise IntegrityError(f"{file.stored.key} arrived with another content than its checksum says")

    def _receive_some(self, file: StagedFile, part: Path) -> tuple[Mapping[str, str], bool | None]:
        """Header fields of the answer, and whether the whole has its checksum; None if it is not whole."""
        start = part.stat().st_size
        headers = {
            "if-match": file.stored.etag,
            **CHECKSUM_MODE,
            **({"range": f"bytes={start}-"} if start else {}),
        }
        answer = file.bucket.requests.send(
            "GET", file.stored.key, headers=headers, timeout=BODY_TIMEOUT_SECONDS
        )
        received = 0
        expected = sum_of(answer.headers, file.stored.etag)
        running = None if expected is None else RunningSum(expected)
        buffer = memoryview(bytearray(max(1, min(PIECE_BYTES, file.stored.size))))
        with answer, part.open("ab", buffering=0) as out:
            if start and answer.status != 206:
                out.truncate(0)
            while True:
                try:
                    count = answer.readinto(buffer)
                except UnreachableError:
                    if received:
                        break
                    raise
                if not count:
                    break
                _write(out, buffer[:count])
                if running is not None:
                    running.update(buffer[:count])
                received += count
                self._arrived(count)
        if not received:
            raise UnreachableError(f"{file.stored.key}: the answer held nothing")
        if part.stat().st_size > file.stored.size:
            part.unlink()
            raise IntegrityError(f"{file.stored.key} is longer than the {file.stored.size} bytes listed")
        if received < file.stored.size:
            return answer.headers, None
        return answer.headers, running is None or running.is_right()

    def _arrived(self, count: int) -> None:
        if self._broken:
            raise AgentError("stopped, since another file could not be fetched")
        self._check()
        with self._lock:
            self._numbers["bytes"] += count
            if self._clock() < self._told_at + TELL_EVERY_SECONDS:
                return
            self._told_at = self._clock()
            numbers = dict(self._numbers)
        self._progress(numbers)
        self._say(
            f"data: {numbers['files']} of {numbers['files_total']} files, "
            f"{_readable(numbers['bytes'])} of {_readable(numbers['bytes_total'])}"
        )

    def _refuse_without_room(self, work: Path, size: int) -> None:
        work.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(work).free
        if size > free:
            raise AgentError(
                f"the data needs {_readable(size)} and the disk has {_readable(free)} free: "
                "give the job more with resources.disk"
            )


def _write(out: FileIO, content: memoryview) -> None:
    while content:
        content = content[out.write(content) or 0 :]


def _look(bucket: S3, source: DataSpec) -> list[StoredObject]:
    """The objects below the prefix, else the single object of this name."""
    if not source.prefix:
        return list(bucket.list_stored(""))
    below = list(bucket.list_stored(f"{source.prefix}/"))
    return below or [each for each in bucket.list_stored(source.prefix) if each.key == source.prefix]


def _relative(key: str, source: DataSpec) -> str:
    """Path of the object below the source's folder; raises AgentError for a path that leads out of it."""
    if key == source.prefix:
        return PurePosixPath(key).name
    name = key[len(source.prefix) + 1 :] if source.prefix else key
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise AgentError(f"data source {source}: the object {key!r} cannot be a file of this name")
    return name


def _part_name(file: StagedFile) -> str:
    """Equal only for the same content at the same location, so that contents are never mixed."""
    identity = "\0".join((file.stored.key, file.stored.etag, str(file.target)))
    return hashlib.sha256(identity.encode()).hexdigest()


def _set_time(path: Path, seconds: float) -> None:
    os.utime(path, (seconds, seconds))


def _readable(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
