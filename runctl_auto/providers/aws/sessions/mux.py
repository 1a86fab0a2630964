"""Many connections in one port session, as the agent carries them: xtaci/smux, version 1, the opening end.

A frame has a version, a command, the length of its data and the number of its connection (`<BBHI`); those of
connections that a client opens are odd. The end of one direction ends both.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
from collections.abc import Callable

_HEAD = struct.Struct("<BBHI")
VERSION = 1
SYN, FIN, PSH, NOP = 0, 1, 2, 3
FRAME_BYTES = 16 * 1024
_QUEUED = 256


class BrokenStream(ValueError):
    """The bytes are no frames of this protocol."""


class Frames:
    """Puts frames together from the bytes of a stream."""

    def __init__(self) -> None:
        self._received = bytearray()

    def take(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """Command, number of the connection and data of each frame that is complete. Raises
        ``BrokenStream``."""
        self._received += data
        found = []
        while len(self._received) >= _HEAD.size:
            version, command, length, number = _HEAD.unpack_from(self._received)
            if version != VERSION or command > NOP:
                raise BrokenStream(f"a frame of version {version}, command {command}")
            end = _HEAD.size + length
            if len(self._received) < end:
                break
            found.append((command, number, bytes(self._received[_HEAD.size : end])))
            del self._received[:end]
        return found


def frame(command: int, number: int, data: bytes = b"") -> bytes:
    return _HEAD.pack(VERSION, command, len(data), number) + data


class MuxClient:
    """Carries connections. ``send`` gets the bytes of the stream; it blocks while too much is on its way, and
    raises OSError at the end of the session."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._frames = Frames()
        self._number = 1
        self._waiting: dict[int, queue.Queue[bytes | None]] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._lock = threading.Lock()

    def carry(self, connection: socket.socket) -> None:
        """Carries a connection in threads of its own, until either side ends it."""
        with self._lock:
            number, self._number = self._number, self._number + 2
            self._waiting[number] = queue.Queue(_QUEUED)
            self._sockets[number] = connection
        for work in (self._outwards, self._inwards):
            threading.Thread(target=work, args=(number, connection), daemon=True).start()

    def take(self, data: bytes) -> None:
        """Bytes of the stream from the machine. Blocks while a connection does not take its data."""
        for command, number, content in self._frames.take(data):
            waiting = self._waiting.get(number)
            if waiting is not None and command in (PSH, FIN):
                waiting.put(content if command == PSH else None)

    def close(self) -> None:
        """Ends all connections."""
        with self._lock:
            sockets, waiting = list(self._sockets.values()), list(self._waiting.values())
        for each in sockets:
            _end(each)
        for held in waiting:
            with contextlib.suppress(queue.Full):
                held.put_nowait(None)

    def _outwards(self, number: int, connection: socket.socket) -> None:
        try:
            self._send(frame(SYN, number))
            while data := connection.recv(FRAME_BYTES):
                self._send(frame(PSH, number, data))
        except OSError:
            pass
        with contextlib.suppress(OSError):
            self._send(frame(FIN, number))

    def _inwards(self, number: int, connection: socket.socket) -> None:
        waiting = self._waiting[number]
        alive = True
        while (data := waiting.get()) is not None:
            if alive:
                try:
                    connection.sendall(data)
                except OSError:
                    alive = False  # the rest is read and thrown away, so that others are not held up
                    _end(connection)
        _end(connection)
        with self._lock:
            self._waiting.pop(number, None)
            self._sockets.pop(number, None)
        connection.close()


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
