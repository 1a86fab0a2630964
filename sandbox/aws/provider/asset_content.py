"""The bytes of assets and archives, from one folder only."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

from sandbox.aws.provider.cloud_error import RefusedError
from sandbox.aws.provider.wire import Archive, Asset

_EPOCH = (1980, 1, 1, 0, 0, 0)


class AssetReader:
    """Reads assets below one folder: the provider acts for whoever connects, and must not read other files of
    the caller for them. Without a folder it reads none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def content(self, value: Asset | Archive) -> bytes:
        """The content to store; an archive of parts or of a folder becomes a zip file.

        Raises RefusedError when it cannot be read. Only file addresses are supported, not remote ones.
        """
        if isinstance(value, Asset):
            return self._asset(value)
        if value.path is not None and self._file(value.path).is_file():
            return self._read(value.path)
        return self._zipped(value)

    def _asset(self, asset: Asset) -> bytes:
        if asset.text is not None:
            return asset.text.encode()
        if asset.path is not None:
            return self._read(asset.path)
        raise RefusedError(
            f"the sandbox's aws provider fetches no remote asset ({asset.uri}): give its path or text"
        )

    def _zipped(self, archive: Archive) -> bytes:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, part in sorted(self._members(archive, "").items()):
                packed.writestr(zipfile.ZipInfo(name, _EPOCH), part)
        return content.getvalue()

    def _members(self, archive: Archive, prefix: str) -> dict[str, bytes]:
        if archive.path is not None:
            folder = self._file(archive.path)
            return {
                f"{prefix}{path.relative_to(folder).as_posix()}": self._read(str(path))
                for path in folder.rglob("*")
                if path.is_file()
            }
        if archive.assets is None:
            raise RefusedError(
                f"the sandbox's aws provider fetches no remote archive ({archive.uri}): give its path"
            )
        members: dict[str, bytes] = {}
        for name, part in archive.assets.items():
            members.update(self._part(part, f"{prefix}{name}"))
        return members

    def _part(self, part: Any, name: str) -> dict[str, bytes]:
        if isinstance(part, Asset):
            return {name: self._asset(part)}
        if isinstance(part, Archive):
            return self._members(part, f"{name}/")
        raise RefusedError(f"{name} in an archive is neither asset nor archive")

    def _read(self, path: str) -> bytes:
        file = self._file(path)
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as stream:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise RefusedError(f"reading asset {path}: it is no regular file")
                return stream.read()
        except OSError as error:
            raise RefusedError(f"reading asset {path}: {error.strerror}") from error

    def _file(self, path: str) -> Path:
        """The file with all links resolved, which must be below the folder."""
        file = Path(path)
        if not file.is_absolute():
            raise RefusedError(
                f"asset path {path} is relative: the provider runs in a folder of its own, make it absolute"
            )
        resolved = Path(os.path.realpath(file))
        if self._folder is None or not resolved.is_relative_to(os.path.realpath(self._folder)):
            raise RefusedError(
                f"asset {path} is not in {self._folder}: the sandbox's aws provider reads no other files. "
                "Give its text, or put it there."
            )
        return resolved


NO_ASSETS = AssetReader(None)
"""Reads texts only."""
