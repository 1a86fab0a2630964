"""A server of objects with a settled latency, bandwidth and admission, to measure what a load takes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

PIECE = 8 * 1024


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds to the first byte; bytes a second of a connection and of all together; requests a second,
    beyond which 503 is the answer.
    """

    first_byte: float
    connection: float
    network: float
    requests: float


class _Server:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.free = 0.0
        self.tokens, self.seen = limits.requests * 0.05, time.monotonic()
        self.refused = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """``GET /SIZE`` on a connection that is kept."""
        try:
            while line := await reader.readline():
                while await reader.readline() not in (b"\r\n", b""):
                    pass
                await self._answer(int(line.split()[1][1:]), writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, size: int, writer: asyncio.StreamWriter) -> None:
        began = time.monotonic()
        await _until(began + self.limits.first_byte)
        if not self._admits():
            self.refused += 1
            writer.write(b"HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode())
        due = began + self.limits.first_byte
        left = size
        while left > 0:
            part = min(PIECE, left)
            self.free = max(self.free, due) + part / self.limits.network
            due = max(self.free, due + part / self.limits.connection)
            await _until(due)
            writer.write(b"x" * part)
            left -= part
        await writer.drain()

    def _admits(self) -> bool:
        now, most = time.monotonic(), self.limits.requests * 0.05
        self.tokens = min(most, self.tokens + (now - self.seen) * self.limits.requests)
        self.seen = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


async def _until(moment: float) -> None:
    wait = moment - time.monotonic()
    if wait > 0:
        await asyncio.sleep(wait)


@contextmanager
def throttled_server(limits: Limits) -> Iterator[tuple[int, _Server]]:
    """The port of a server while the context is open, and the server, which counts what it refused."""
    server, started = _Server(limits), threading.Event()
    loop = asyncio.new_event_loop()
    ports: list[int] = []

    async def begin() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=512)
        ports.append(listening.sockets[0].getsockname()[1])
        started.set()

    def run() -> None:
        loop.run_until_complete(begin())
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield ports[0], server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
