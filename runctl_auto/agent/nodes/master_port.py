"""The port on which the ranks of a run meet: from the run's id, so that two runs on one machine differ."""

from __future__ import annotations

import hashlib
import socket

FIRST_PORT, LAST_PORT = 20_000, 29_999
"""Below the ports that systems give to outgoing connections (32,768 and up on Linux)."""
TRIED = 50


def ports_of(run: str) -> list[int]:
    """The ports for a run, the preferred first."""
    count = LAST_PORT - FIRST_PORT + 1
    first = int.from_bytes(hashlib.sha256(run.encode()).digest()[:4], "big") % count
    return [FIRST_PORT + (first + step) % count for step in range(TRIED)]


def free_port(run: str) -> int:
    """The first of the run's ports that nothing on this machine listens on, at any of its addresses: what
    serves ranks binds them all. The preferred one when all are taken.
    """
    ports = ports_of(run)
    return next((port for port in ports if _is_free(port)), ports[0])


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("", port))
            tried.listen(1)
        except OSError:
            return False
    return True
