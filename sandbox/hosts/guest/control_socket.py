"""Communication between a host's programs and its init: one JSON line each way over a Unix socket.

The socket is accessed through a descriptor of its folder, since socket paths are limited to 107 bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

_LONGEST = 1 << 20


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
def _short_path(folder: Path) -> Iterator[str]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/init.sock"
    finally:
        os.close(descriptor)


def ask(folder: Path, request: Request, timeout: float | None = None) -> Reply:
    """Send one request to the init whose socket is in `folder` and wait for its reply (blocking)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, _short_path(folder) as path:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(json.dumps(asdict(request)).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline(_LONGEST)
        return Reply(**json.loads(line))
    except (OSError, ValueError, TypeError) as error:
        raise InitUnreachableError(f"the host's init does not answer: {error}") from error


async def serve(folder: Path, answer: Callable[[Request], Awaitable[Reply]]) -> asyncio.AbstractServer:
    """Serve requests until the returned server is closed; invalid requests get code 1."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            try:
                found = json.loads(await reader.readline())
                request = Request(str(found["command"]), tuple(found["units"]), dict(found["options"]))
                reply = await answer(request)
            except (ValueError, KeyError, TypeError) as error:
                reply = Reply(1, error=f"not a request: {error}\n")
            writer.write(json.dumps(asdict(reply)).encode() + b"\n")
            await writer.drain()
        writer.close()

    (folder / "init.sock").unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _short_path(folder) as path:
        listener.bind(path)
    return await asyncio.start_unix_server(handle, sock=listener, limit=_LONGEST)
