"""zstd for single files: only where it pays, undone at the other end, with the checksum of the original."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runctl_auto.errors import DamagedDataError
from runctl_auto.local.crc64 import crc64, encoded

ENCODING = "zstd"
_LEVEL = 3
_SAMPLE = 256 << 10
_PAYS = 0.9
"""Compressed to at most this share of its size, a file is worth the time."""
_CHUNK = 1 << 20
_SIZE, _SUM = "runctl-zstd-size", "runctl-zstd-crc64nvme"


@dataclass(frozen=True, kw_only=True)
class Original:
    """Size and CRC64NVME of a file before it was compressed, as the object's metadata keep them."""

    size: int
    crc64: str

    def as_metadata(self) -> dict[str, str]:
        return {_SIZE: str(self.size), _SUM: self.crc64}


def original_of(metadata: Mapping[str, str]) -> Original | None:
    """The original of a compressed object; None when it is not compressed by runctl."""
    size = metadata.get(_SIZE, "")
    if not (size.isascii() and size.isdigit() and _SUM in metadata):
        return None
    return Original(size=int(size), crc64=metadata[_SUM])


def pays(file: int, size: int) -> bool:
    """Whether the open file ``file`` becomes so much smaller that compressing pays, from a sample of it."""
    sample = os.pread(file, _SAMPLE, max(0, size // 2 - _SAMPLE // 2))
    return bool(sample) and len(_zstandard().ZstdCompressor(level=1).compress(sample)) <= _PAYS * len(sample)


def compressed(content: bytes | memoryview) -> bytes:
    """``content`` as one frame."""
    found: bytes = _zstandard().ZstdCompressor(level=_LEVEL).compress(content)
    return found


def compress_file(file: int, size: int, target: Path) -> Original:
    """Writes the first ``size`` bytes of an open file to ``target``, compressed."""
    whole = 0
    with (
        target.open("wb") as stream,
        _zstandard().ZstdCompressor(level=_LEVEL).stream_writer(stream) as writer,
    ):
        for chunk in _chunks(file, size):
            whole = crc64(chunk, whole)
            writer.write(chunk)
    return Original(size=size, crc64=encoded(whole))


def decompressed(content: bytes | memoryview, original: Original, name: str) -> bytes:
    """The original of ``content``. Raises ``DamagedDataError`` when it is another."""
    zstandard = _zstandard()
    try:
        found: bytes = zstandard.ZstdDecompressor().decompress(bytes(content), max_output_size=original.size)
    except zstandard.ZstdError as error:
        raise _mismatch(name) from error
    if len(found) != original.size or encoded(crc64(found)) != original.crc64:
        raise _mismatch(name)
    return found


def decompress_file(source: Path, target: int, original: Original, name: str) -> None:
    """Writes the original of ``source`` to the open file ``target``. Raises as ``decompressed``."""
    zstandard = _zstandard()
    whole = count = 0
    with source.open("rb") as stream:
        try:
            for chunk in zstandard.ZstdDecompressor().read_to_iter(stream, write_size=_CHUNK):
                whole, count = crc64(chunk, whole), count + len(chunk)
                if count > original.size:
                    raise _mismatch(name)
                _write_all(target, chunk)
        except zstandard.ZstdError as error:
            raise _mismatch(name) from error
    if count != original.size or encoded(whole) != original.crc64:
        raise _mismatch(name)


def _write_all(target: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(target, view) :]


def _chunks(file: int, size: int) -> Iterator[bytes]:
    done = 0
    while done < size:
        chunk = os.pread(file, min(_CHUNK, size - done), done)
        if not chunk:
            return
        yield chunk
        done += len(chunk)


def _mismatch(name: str) -> DamagedDataError:
    return DamagedDataError(
        f"{name} is not what was compressed: its content has another checksum.",
        where={"file": name},
        next_step="Send it again from where it was.",
    )


def _zstandard() -> Any:
    import zstandard

    return zstandard
