"""The init's end of the control socket; apart from that of the programs, which start without asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from sandbox.hosts.guest.control_socket import LONGEST, Reply, Request, short_path


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
    with short_path(folder) as path:
        listener.bind(path)
    return await asyncio.start_unix_server(handle, sock=listener, limit=LONGEST)
