"""A proxy in front of an S3 server that damages, delays, refuses and loses requests and answers, as told."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Fault = Callable[["Exchange"], None]


@dataclass
class Exchange:
    """One request and its answer on the way; a fault changes it."""

    method: str
    target: str
    head: bytes
    body: bytes
    forward: Callable[[bytes, bytes], tuple[bytes, bytes]]
    answer_head: bytes = b""
    answer_body: bytes = b""
    is_cut: bool = False
    pace: float | None = None

    def pass_on(self) -> None:
        """Asks the server."""
        self.answer_head, self.answer_body = self.forward(self.head, self.body)

    def answer(self, status: int, code: str, headers: str = "") -> None:
        """Answers in place of the server."""
        self.answer_body = f"<Error><Code>{code}</Code><Message>told to</Message></Error>".encode()
        length = len(self.answer_body)
        self.answer_head = f"HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n".encode()


@dataclass
class Plan:
    """A fault for the requests that match, `times` times after the first `skip`; None for always."""

    matches: Callable[[str, str], bool]
    fault: Fault
    times: int | None = 1
    skip: int = 0
    done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def takes(self, method: str, target: str) -> bool:
        if not self.matches(method, target):
            return False
        with self._lock:
            if self.skip:
                self.skip -= 1
                return False
            if self.times is not None and self.done >= self.times:
                return False
            self.done += 1
            return True


@contextmanager
def faulty(port: int, plan: Plan) -> Iterator[str]:
    """The address of a proxy to the server at `port` while the context is open."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=_Connection(client, port, plan).serve, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()


class _Connection:
    def __init__(self, client: socket.socket, port: int, plan: Plan) -> None:
        self._client = client
        self._port = port
        self._plan = plan

    def serve(self) -> None:
        with self._client, suppress(OSError):
            stream = self._client.makefile("rb")
            while True:
                head = _head(stream)
                if not head:
                    return
                method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
                exchange = Exchange(method, target, head, stream.read(_length(head)), self._forward)
                if self._plan.takes(method, target):
                    self._plan.fault(exchange)
                else:
                    exchange.pass_on()
                self._reply(exchange)
                if exchange.is_cut:
                    return

    def _reply(self, exchange: Exchange) -> None:
        self._client.sendall(exchange.answer_head)
        if exchange.pace is None:
            self._client.sendall(exchange.answer_body)
            return
        for start in range(0, len(exchange.answer_body), 1 << 16):
            self._client.sendall(exchange.answer_body[start : start + (1 << 16)])
            time.sleep(exchange.pace)

    def _forward(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            server.sendall(head + body)
            stream = server.makefile("rb")
            answer = _head(stream)
            if head.startswith(b"HEAD "):
                return answer, b""
            return answer, stream.read(_length(answer))


def _head(stream: object) -> bytes:
    found = b""
    while True:
        line = stream.readline()  # type: ignore[attr-defined]
        found += line
        if line in (b"\r\n", b""):
            return found if line else b""


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found.group(1)) if found else 0
