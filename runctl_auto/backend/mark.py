"""The mark of a backend on what its stacks hold: who finds a thing can tell whether the stack is known."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit, urlunsplit


def backend_mark(url: str) -> str:
    """Ten hex digits over the backend's address; how a person reaches it (``?profile=…``) does not count."""
    parts = urlsplit(url)
    place = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return hashlib.sha256(place.encode()).hexdigest()[:10]
