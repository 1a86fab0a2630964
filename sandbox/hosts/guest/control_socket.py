"""What a host's programs ask of its init: one JSON line each way over a Unix socket.

The socket is accessed through a descriptor of its folder, since socket paths are limited to 107 bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

LONGEST = 1 << 20


class InitUnreachableError(OSError):
    """The host's init does not respond: it is shutting down, or the program runs outside a host."""


@dataclass(frozen=True)
class Request:
    command: str
    units: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    code: int = 0
    out: str = ""
    error: str = ""


@contextlib.contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """A path of the socket in `folder` that is short enough."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/init.sock"
    finally:
        os.close(descriptor)


def ask(folder: Path, request: Request, timeout: float | None = None) -> Reply:
    """Send one request to the init whose socket is in `folder` and wait for its reply (blocking)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, short_path(folder) as path:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(json.dumps(asdict(request)).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline(LONGEST)
        return Reply(**json.loads(line))
    except (OSError, ValueError, TypeError) as error:
        raise InitUnreachableError(f"the host's init does not answer: {error}") from error
