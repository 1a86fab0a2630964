"""The bytes of assets and archives."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from sandbox.aws.provider.cloud_error import RefusedError
from sandbox.aws.provider.wire import Archive, Asset

_EPOCH = (1980, 1, 1, 0, 0, 0)


def read_content(value: Asset | Archive) -> bytes:
    """The content to store; an archive of parts or of a folder becomes a zip file.

    Raises RefusedError when it cannot be read. Only file addresses are supported, not remote ones.
    """
    if isinstance(value, Asset):
        return _asset(value)
    if value.path is not None and _file(value.path).is_file():
        return _read(value.path)
    return _zipped(value)


def _asset(asset: Asset) -> bytes:
    if asset.text is not None:
        return asset.text.encode()
    if asset.path is not None:
        return _read(asset.path)
    raise RefusedError(
        f"the sandbox's aws provider fetches no remote asset ({asset.uri}): give its path or text"
    )


def _zipped(archive: Archive) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in sorted(_members(archive, "").items()):
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), part)
    return content.getvalue()


def _members(archive: Archive, prefix: str) -> dict[str, bytes]:
    if archive.path is not None:
        folder = _file(archive.path)
        return {
            f"{prefix}{path.relative_to(folder).as_posix()}": path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
    if archive.assets is None:
        raise RefusedError(
            f"the sandbox's aws provider fetches no remote archive ({archive.uri}): give its path"
        )
    members: dict[str, bytes] = {}
    for name, part in archive.assets.items():
        members.update(_part(part, f"{prefix}{name}"))
    return members


def _part(part: Any, name: str) -> dict[str, bytes]:
    if isinstance(part, Asset):
        return {name: _asset(part)}
    if isinstance(part, Archive):
        return _members(part, f"{name}/")
    raise RefusedError(f"{name} in an archive is neither asset nor archive")


def _read(path: str) -> bytes:
    try:
        return _file(path).read_bytes()
    except OSError as error:
        raise RefusedError(f"reading asset {path}: {error.strerror}") from error


def _file(path: str) -> Path:
    file = Path(path)
    if not file.is_absolute():
        raise RefusedError(
            f"asset path {path} is relative: the provider runs in a folder of its own, make it absolute"
        )
    return file
