"""One connection over which small objects are read, for a fraction of the CPU of a client's calls.

It understands what S3 answers to such reads: HTTP/1.1 with a content length. Whatever else comes is None, and
the caller asks in the ordinary way.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_MOST_HEAD_BYTES = 32 * 1024
_MOST_DRAINED_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Place:
    """Where to connect to; ``context`` is None for plain HTTP."""

    host: str
    port: int
    context: ssl.SSLContext | None
    timeout: float

    def connect(self) -> socket.socket:
        """A new connection. Raises OSError."""
        plain = socket.create_connection((self.host, self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is None:
            return plain
        try:
            return self.context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


class KeptConnection:
    """A connection of one thread. ``connect`` opens it, first and whenever the other side has closed it."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self._socket: socket.socket | None = None
        self._rest = b""

    def ask(self, request: bytes, at_most: int) -> tuple[int, bytes] | None:
        """Sends a request without a body; the status and the first ``at_most`` bytes of the answer's body.

        None for an answer that is not understood. Raises OSError when there is none.
        """
        was_kept = self._socket is not None
        try:
            return self._answer(request, at_most)
        except OSError:
            self.close()
            if not was_kept:
                raise
        except BaseException:
            self.close()
            raise
        try:
            return self._answer(request, at_most)  # the other side may just have closed the connection
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Idempotent."""
        kept, self._socket, self._rest = self._socket, None, b""
        if kept is not None:
            with suppress(OSError):
                kept.close()

    def _answer(self, request: bytes, at_most: int) -> tuple[int, bytes] | None:
        if self._socket is None:
            self._socket = self._connect()
        self._socket.sendall(request)
        head = _Head.parse(self._head(self._socket))
        if head is None:
            self.close()
            return None
        wanted = min(head.length, max(at_most, _MOST_DRAINED_BYTES))
        body = self._body(self._socket, wanted)
        if head.length > wanted or head.closes:
            self.close()
        return head.status, body[:at_most]

    def _head(self, connection: socket.socket) -> bytes:
        """The status line and the headers."""
        found = self._rest
        while _END_OF_HEAD not in found:
            if len(found) > _MOST_HEAD_BYTES:
                raise ConnectionError("the headers of an answer do not end")
            found += self._received(connection)
        head, _, self._rest = found.partition(_END_OF_HEAD)
        return head

    def _body(self, connection: socket.socket, length: int) -> bytes:
        pieces, left = [self._rest], length - len(self._rest)
        while left > 0:
            pieces.append(self._received(connection))
            left -= len(pieces[-1])
        whole = b"".join(pieces)
        self._rest = whole[length:]
        return whole[:length]

    @staticmethod
    def _received(connection: socket.socket) -> bytes:
        piece = connection.recv(_CHUNK)
        if not piece:
            raise ConnectionResetError("the connection was closed")
        return piece


@dataclass(frozen=True)
class _Head:
    status: int
    length: int
    closes: bool

    @classmethod
    def parse(cls, head: bytes) -> _Head | None:
        """None for anything but an answer in HTTP/1.1 with one content length."""
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ", 2)
        if words[0] != b"HTTP/1.1" or len(words) < 2 or len(words[1]) != 3 or not words[1].isdigit():
            return None
        lengths, closes = [], False
        for line in lines:
            name, _, value = line.partition(b":")
            name, value = name.strip().lower(), value.strip()
            if name == b"content-length":
                lengths.append(value)
            elif name == b"transfer-encoding" or (name == b"content-encoding" and value != b"identity"):
                return None
            elif name == b"connection":
                closes = value.lower() == b"close"
        if len(lengths) != 1 or not lengths[0].isdigit() or int(words[1]) < 200:
            return None
        return cls(int(words[1]), int(lengths[0]), closes)
