"""Reads the content of an object, at most as many bytes as are asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20


def read_body(body: Any, at_most: int) -> bytes:
    """The content of a response's ``body``; of a larger one, one byte more than ``at_most``."""
    pieces: list[bytes] = []
    left = at_most + 1
    while left > 0:
        piece: bytes = body.read(left)
        if not piece:  # only now is the length of what arrived compared with what was announced
            return b"".join(pieces)
        pieces.append(piece)
        left -= len(piece)
    body.close()
    return b"".join(pieces)


def write_body(body: Any, target: Path, at_most: int) -> str:
    """Writes the first ``at_most`` bytes of a response's ``body`` to ``target``; the sha256 of them."""
    digest, left = hashlib.sha256(), at_most
    with target.open("wb") as stream:
        while left > 0:
            piece = body.read(min(_CHUNK, left))
            if not piece:
                return digest.hexdigest()
            digest.update(piece)
            stream.write(piece)
            left -= len(piece)
    body.close()
    return digest.hexdigest()
