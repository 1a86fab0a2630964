"""WebSocket (RFC 6455) over a blocking socket, as far as a session's data channel needs it.

One connection may be read by one thread and written by several. Messages in fragments are put together;
compression is never agreed on.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import struct
import threading
from dataclasses import dataclass, field

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CONTINUATION = 0
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LARGEST = 1 << 20
_LONGEST_HEAD = 16 * 1024
_CHUNK = 256 * 1024


class Closed(ConnectionError):
    """The connection is closed, or the peer broke the protocol."""


def accept_value(key: str) -> str:
    """The value of Sec-WebSocket-Accept for a request's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()  # noqa: S324 - the protocol's


@dataclass
class WebSocket:
    """An open connection. A client masks what it sends, a server does not."""

    connection: socket.socket
    masks: bool = False
    _received: bytearray = field(default_factory=bytearray)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def send(self, data: bytes, kind: int = BINARY) -> None:
        """Send one message. Raises Closed."""
        frame = _frame(kind, data, self.masks)
        try:
            with self._writing:
                self.connection.sendall(frame)
        except OSError as error:
            raise Closed(str(error)) from error

    def receive(self) -> tuple[int, bytes]:
        """The next message: TEXT or BINARY, and its content. Blocks; answers pings. Raises Closed."""
        whole, first = bytearray(), 0
        while True:
            last, kind, data = self._frame()
            if kind == PING:
                self.send(data, PONG)
            elif kind == CLOSE:
                self.close()
                raise Closed("the peer closed the connection")
            elif kind != PONG:
                first = first or kind
                whole += data
                if len(whole) > _LARGEST:
                    raise Closed("a message is too large")
                if last:
                    return first, bytes(whole)

    def close(self) -> None:
        """Idempotent; wakes a reader."""
        try:
            with self._writing:
                self.connection.sendall(_frame(CLOSE, b"\x03\xe8", self.masks))
        except OSError:
            pass
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _frame(self) -> tuple[bool, int, bytes]:
        head = self._take(2)
        length = head[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._take(8))
        if length > _LARGEST:
            raise Closed("a frame is too large")
        mask = self._take(4) if head[1] & 0x80 else b""
        data = self._take(length)
        return bool(head[0] & 0x80), head[0] & 0x0F, _masked(data, mask) if mask else data

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            try:
                part = self.connection.recv(_CHUNK)
            except OSError as error:
                raise Closed(str(error)) from error
            if not part:
                raise Closed("the connection ended")
            self._received += part
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken


def connect(host: str, port: int, path: str, headers: dict[str, str], timeout: float = 10.0) -> WebSocket:
    """Open a connection as a client. Raises Closed."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    try:
        connection = socket.create_connection((host, port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
            part = connection.recv(4096)
            if not part:
                break
            head += part
        connection.settimeout(None)
    except OSError as error:
        raise Closed(str(error)) from error
    answer, _, rest = head.partition(b"\r\n\r\n")
    if b" 101 " not in answer.split(b"\r\n", 1)[0] or accept_value(key).encode() not in answer:
        connection.close()
        raise Closed(f"the upgrade was refused: {answer[:200]!r}")
    return WebSocket(connection, masks=True, _received=bytearray(rest))


def _frame(kind: int, data: bytes, masks: bool) -> bytes:
    bit = 0x80 if masks else 0
    if len(data) < 126:
        head = struct.pack(">BB", 0x80 | kind, bit | len(data))
    elif len(data) < 1 << 16:
        head = struct.pack(">BBH", 0x80 | kind, bit | 126, len(data))
    else:
        head = struct.pack(">BBQ", 0x80 | kind, bit | 127, len(data))
    if not masks:
        return head + data
    mask = os.urandom(4)
    return head + mask + _masked(data, mask)


def _masked(data: bytes, mask: bytes) -> bytes:
    if not data:
        return data
    repeated = (mask * (len(data) // 4 + 1))[: len(data)]
    mixed = int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")
    return mixed.to_bytes(len(data), "big")
