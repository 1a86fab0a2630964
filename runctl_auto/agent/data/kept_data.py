"""Data kept on a volume: copied once, with a marker of what was copied, which later runs compare."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.spec import DataSpec, inside
from runctl_auto.agent.untrusted import UnreadableError, read_object

FOLDER = ".runctl-data"
"""Where a volume keeps the markers of its data."""
MOST_MARKER_BYTES = 64 * 1024


class StagesFiles(Protocol):
    """Lists and copies data sources."""

    def listing(self, source: DataSpec, /) -> tuple[tuple[str, str], ...]: ...
    def stage(self, sources: Sequence[DataSpec], work: Path, /) -> None: ...


FilesVia = Callable[[Path], StagesFiles]
"""What copies files, by the folder in which they arrive; it is on the disk of their target."""


class KeptData:
    """The data that one mounted volume keeps."""

    def __init__(self, files_via: FilesVia, mount: Path, say: Callable[[str], None]) -> None:
        self._files = files_via(mount / FOLDER / "arriving")
        self._mount = mount
        self._say = say

    def bring(self, source: DataSpec) -> Path:
        """The folder with the source's files.

        Copies what is missing or was changed in the bucket, and deletes what it copied before and is no
        longer there. Other files of the volume stay.
        """
        folder = self._mount / source.path
        listing = self._files.listing(source)
        digest = _digest(source, listing)
        marker = self._place(source, "json")
        if self._says(marker, digest) and folder.is_dir():
            self._say(
                f"data {source}: volume {source.volume} has all {len(listing)} files, nothing is copied"
            )
            return folder
        marker.unlink(missing_ok=True)
        self._remember(source, [name for name, _ in listing])
        self._files.stage([source], self._mount)
        self._delete_unlisted(source, folder, {name for name, _ in listing})
        _replace(marker, json.dumps({"source": str(source), "sha256": digest, "files": len(listing)}))
        return folder

    def _says(self, marker: Path, digest: str) -> bool:
        try:
            kept = read_object(marker.read_bytes(), MOST_MARKER_BYTES).members
        except (OSError, UnreadableError):
            return False
        return kept.get("sha256") == digest

    def _remember(self, source: DataSpec, names: Iterable[str]) -> None:
        """Adds to the list of all that was ever copied for the source: only that is deleted later."""
        _replace(self._place(source, "names"), "\0".join(sorted({*self._copied(source), *names})))

    def _copied(self, source: DataSpec) -> list[str]:
        try:
            text = self._place(source, "names").read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return []
        return [each for each in text.split("\0") if each]

    def _delete_unlisted(self, source: DataSpec, folder: Path, listed: set[str]) -> None:
        gone = [each for each in self._copied(source) if each not in listed]
        for name in gone:
            try:
                path = folder / inside(name)
            except ValueError:
                continue
            if _is_below(path.parent, folder):
                path.unlink(missing_ok=True)
        if gone:
            self._say(f"data {source}: {len(gone)} files that are no longer in the bucket are deleted")
        _replace(self._place(source, "names"), "\0".join(sorted(listed)))

    def _place(self, source: DataSpec, suffix: str) -> Path:
        name = hashlib.sha256(str(PurePosixPath(source.path)).encode()).hexdigest()[:16]
        folder = self._mount / FOLDER
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise AgentError(f"volume {source.volume} cannot be written: {error.strerror}") from error
        return folder / f"{name}.{suffix}"


def _digest(source: DataSpec, listing: Sequence[tuple[str, str]]) -> str:
    """Equal only for the same objects of the same source."""
    text = hashlib.sha256(str(source).encode())
    for name, etag in listing:
        text.update(f"\0{name}\0{etag}".encode("utf-8", "surrogateescape"))
    return text.hexdigest()


def _is_below(path: Path, folder: Path) -> bool:
    """Whether ``path`` is in ``folder`` without a link that leads elsewhere."""
    return path.resolve().is_relative_to(folder.resolve())


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8", errors="surrogateescape") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)
