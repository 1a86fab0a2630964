"""Hashes of assets and archives, equal to Pulumi's, so that unchanged files stay unchanged."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from sandbox.engine.properties import (
    Archive,
    Asset,
    Output,
    PropertyError,
    PropertyMap,
    PropertyValue,
    Secret,
)

_ARCHIVE_ENDINGS = (".tar", ".tgz", ".tar.gz", ".zip", ".jar")
_BLOCK = 512


def hashed(source: Asset | Archive, folder: Path) -> Asset | Archive:
    """The asset or archive with its hash, paths taken relative to `folder`.

    Raises PropertyError when the content cannot be read, or is at an address other than `file://`.
    """
    if source.hash:
        return source
    try:
        if isinstance(source, Asset):
            return replace(source, hash=hashlib.sha256(_content(source, folder)).hexdigest())
        return replace(source, hash=_archive_hash(source, folder))
    except OSError as error:
        raise PropertyError(f"failed to compute asset hash: {error}") from error


def _local(path: str | None, uri: str | None, folder: Path) -> Path:
    if path is not None:
        return folder / path
    parts = urlparse(uri or "")
    if parts.scheme != "file":
        raise PropertyError(f"assets from addresses other than file:// are not supported: {uri}")
    return Path(unquote(parts.path))


def _content(asset: Asset, folder: Path) -> bytes:
    if asset.path is None and asset.uri is None:
        return (asset.text or "").encode(errors="surrogateescape")
    return _local(asset.path, asset.uri, folder).read_bytes()


def _archive_hash(archive: Archive, folder: Path) -> str:
    digest = hashlib.sha256()
    if archive.assets is None:
        path = _local(archive.path, archive.uri, folder)
        if str(path).endswith(_ARCHIVE_ENDINGS):
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
            return digest.hexdigest()
    seen = set()
    for name, content in _members(archive, folder):
        if name in seen:
            continue
        seen.add(name)
        digest.update(_tar_header(name, len(content)))
        digest.update(content)
        digest.update(b"\0" * (-len(content) % _BLOCK))
    digest.update(b"\0" * 2 * _BLOCK)
    return digest.hexdigest()


def _members(archive: Archive, folder: Path) -> Iterator[tuple[str, bytes]]:
    if archive.assets is not None:
        for name in sorted(archive.assets):
            part = archive.assets[name]
            if isinstance(part, Asset):
                yield name, _content(part, folder)
            else:
                for below, content in _members(part, folder):
                    yield os.path.normpath(f"{name}/{below}"), content
        return
    path = _local(archive.path, archive.uri, folder)
    if path.name.endswith((".zip", ".jar")):
        yield from _zip_members(path)
    elif path.name.endswith(_ARCHIVE_ENDINGS):
        yield from _tar_members(path)
    elif path.is_dir():
        for file in _files(path):
            yield file.relative_to(path).as_posix(), file.read_bytes()
    else:
        raise PropertyError(f"'{path}' is neither a recognized archive type nor a directory")


def _zip_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as file:
        for info in file.infolist():
            if not info.is_dir():
                yield info.filename, file.read(info)


def _tar_members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as file:
        for member in file:
            content = file.extractfile(member)
            if content is not None:
                yield member.name, content.read()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name == ".pulumi":
            continue
        if path.is_dir():
            if not path.is_symlink():
                yield from _files(path)
        else:
            yield path


def _tar_header(name: str, size: int) -> bytes:
    """A USTAR header with nothing but name, size and mode 0600."""
    encoded = name.encode(errors="surrogateescape")
    prefix = b""
    if len(encoded) > 100:
        cut = encoded[: min(155, len(encoded) - 1) + 1].rfind(b"/")
        if cut <= 0 or len(encoded) - cut - 1 > 100:
            return _pax_header(name, size)
        prefix, encoded = encoded[:cut], encoded[cut + 1 :]
    if not name.isascii():
        return _pax_header(name, size)
    header = bytearray(_BLOCK)
    for offset, field in (
        (0, encoded),
        (100, b"0000600\0" + b"0000000\0" * 2),
        (124, b"%011o\0" % size),
        (136, b"%011o\0" % 0),
        (148, b" " * 8),
        (156, b"0"),
        (257, b"ustar\0" + b"00"),
        (329, b"0000000\0" * 2),
        (345, prefix),
    ):
        header[offset : offset + len(field)] = field
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def _pax_header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def restored(values: PropertyMap, source: PropertyMap) -> PropertyMap:
    """The values with the content of assets and archives, which were sent as hashes only, put back from
    their namesakes by hash in `source`."""
    known: dict[str, Any] = {}
    _collect(source, known)
    return _restore(values, known) if known else values


def _collect(value: PropertyValue, known: dict[str, Any]) -> None:
    if isinstance(value, Mapping):
        for item in value.values():
            _collect(item, known)
    elif isinstance(value, list):
        for item in value:
            _collect(item, known)
    elif isinstance(value, (Secret, Output)):
        _collect(value.value, known)
    elif isinstance(value, (Asset, Archive)) and value.hash:
        known[value.hash] = value


def _restore(value: PropertyValue, known: Mapping[str, Any]) -> PropertyValue:
    if isinstance(value, dict):
        return {key: _restore(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_restore(item, known) for item in value]
    if isinstance(value, Secret):
        return Secret(_restore(value.value, known), value.ciphertext)
    if isinstance(value, Asset) and value.text is None and value.path is None and value.uri is None:
        return known.get(value.hash, value)
    if isinstance(value, Archive) and value.assets is None and value.path is None and value.uri is None:
        return known.get(value.hash, value)
    return value
