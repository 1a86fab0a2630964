"""Many connections in one stream, as xtaci/smux does it in its version 1: the accepting end.

A frame has a version, a command, the length of its data and the number of its connection (`<BBHI`).
"""

from __future__ import annotations

import queue
import socket
import struct
import threading
from collections.abc import Callable

_HEAD = struct.Struct("<BBHI")
_VERSION = 1
SYN, FIN, PSH, NOP = 0, 1, 2, 3
_FRAME_BYTES = 32 * 1024
_QUEUED = 128


class MuxServer:
    """Connects each connection of the client by `connect`, which raises OSError. `send` gets the bytes of the
    stream to the client, `refused` is called for each connection that could not be made."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        connect: Callable[[], socket.socket],
        refused: Callable[[], None],
    ) -> None:
        self._send = send
        self._connect = connect
        self._refused = refused
        self._received = bytearray()
        self._streams: dict[int, queue.Queue[bytes | None]] = {}
        self._sockets: dict[int, socket.socket] = {}
        self._sending = threading.Lock()

    def take(self, data: bytes) -> None:
        """Bytes of the stream from the client."""
        self._received += data
        while len(self._received) >= _HEAD.size:
            version, command, length, number = _HEAD.unpack_from(self._received)
            if version != _VERSION:
                raise ValueError(f"a frame of version {version}")
            if len(self._received) < _HEAD.size + length:
                return
            content = bytes(self._received[_HEAD.size : _HEAD.size + length])
            del self._received[: _HEAD.size + length]
            self._frame(command, number, content)

    def close(self) -> None:
        for each in list(self._sockets.values()):
            each.close()
        for waiting in list(self._streams.values()):
            waiting.put(None)

    def _frame(self, command: int, number: int, content: bytes) -> None:
        if command == SYN:
            self._streams[number] = queue.Queue(_QUEUED)
            threading.Thread(target=self._serve, args=(number,), daemon=True).start()
        elif number in self._streams and command in (PSH, FIN):
            self._streams[number].put(content if command == PSH else None)

    def _serve(self, number: int) -> None:
        waiting = self._streams[number]
        try:
            connection = self._connect()
        except OSError:
            self._refused()
            self._streams.pop(number, None)
            self._write(FIN, number)
            return
        self._sockets[number] = connection
        reader = threading.Thread(target=self._read, args=(number, connection), daemon=True)
        reader.start()
        try:
            while (data := waiting.get()) is not None:
                connection.sendall(data)
            # As smux does: an end of one direction ends both.
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            connection.close()
        reader.join()
        connection.close()
        self._streams.pop(number, None)
        self._sockets.pop(number, None)

    def _read(self, number: int, connection: socket.socket) -> None:
        try:
            while data := connection.recv(_FRAME_BYTES):
                self._write(PSH, number, data)
        except OSError:
            pass
        self._write(FIN, number)
        waiting = self._streams.get(number)
        if waiting is not None:
            waiting.put(None)

    def _write(self, command: int, number: int, data: bytes = b"") -> None:
        with self._sending:
            try:
                self._send(_HEAD.pack(_VERSION, command, len(data), number) + data)
            except OSError:
                return
