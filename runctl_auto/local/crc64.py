"""CRC64NVME, the checksum that S3 keeps of whole objects: computed, combined, written as S3 does.

Computed by awscrt (the extra ``runctl[transfer]``) at the speed of memory; Python alone would need minutes
for a gigabyte.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

from runctl_auto.errors import ExtraMissingError
from runctl_auto.local.extras import installed_with, missing_modules

MODULES = ("awscrt", "zstandard")
"""What the extra installs, by import name."""


def require_transfer_extra(find: Callable[[str], object | None] = find_spec) -> None:
    """Raises ``ExtraMissingError`` with the install command when the extra is not installed."""
    missing = missing_modules(MODULES, find)
    if missing:
        raise ExtraMissingError(
            "Fast transfers are not installed with this runctl.",
            where=missing,
            next_step=f"Install them with {installed_with('transfer')}",
        )


def crc64(data: bytes | bytearray | memoryview, previous: int = 0) -> int:
    """The CRC64NVME of ``data``, which continues bytes with the checksum ``previous``."""
    return int(_checksums().crc64nvme(data, previous))


def combined(sums: Iterable[tuple[int, int]]) -> int:
    """The CRC64NVME of parts one after the other, of which each has a checksum and a length in bytes."""
    combine = _checksums().combine_crc64nvme
    whole = 0
    for value, length in sums:
        whole = int(combine(whole, value, length))
    return whole


def encoded(value: int) -> str:
    """As S3 writes it: base64 of the eight bytes, the highest first."""
    return base64.b64encode(value.to_bytes(8, "big")).decode("ascii")


def decoded(text: str) -> int:
    """The value of ``encoded``. Raises ``ValueError`` for anything else."""
    content = base64.b64decode(text, validate=True)
    if len(content) != 8:
        raise ValueError(f"{text!r} is no CRC64NVME")
    return int.from_bytes(content, "big")


def encoded_crc64(data: bytes) -> str:
    """The CRC64NVME of ``data`` as S3 writes it."""
    return encoded(crc64(data))


_loaded: Any = None


def _checksums() -> Any:
    global _loaded  # noqa: PLW0603 - an import in the path of every small file costs a tenth of it
    if _loaded is None:
        require_transfer_extra()
        import awscrt.checksums

        _loaded = awscrt.checksums
    return _loaded
