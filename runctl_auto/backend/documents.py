"""JSON documents of a backend, plain or compressed with gzip. Their content says which, not their name."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

_GZIP = b"\x1f\x8b"


def parse_document(content: bytes | None) -> dict[str, Any]:
    """The object that a file holds. Raises ``ValueError`` for no file, no object, and other compressions."""
    found = json.loads(plain_content(content))
    if not isinstance(found, dict):
        raise ValueError("the document is not an object")  # noqa: TRY004  # the content is wrong, not a caller
    return found


def plain_content(content: bytes | None) -> bytes:
    """What a file holds, without compression. Raises ``ValueError`` for no file, and a damaged one."""
    if content is None:
        raise ValueError("the file does not exist")
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"the document is damaged: {error}") from error
