"""What a session is used for: a terminal, or connections to a port."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable

from runctl_auto.errors import MachineNotReachableError
from runctl_auto.providers.aws.sessions.channel import Channel, Connect, Resume
from runctl_auto.providers.aws.sessions.messages import Flag, Payload
from runctl_auto.providers.aws.sessions.mux import MuxClient
from runctl_auto.providers.reach import OpenedSession


class _Link:
    """What terminal and port have in common."""

    _channel: Channel

    def wait(self, seconds: float | None = None) -> bool:
        return self._channel.closed.wait(seconds)

    @property
    def why(self) -> str:
        return self._channel.why

    def close(self) -> None:
        self._channel.terminate()


class ChannelTerminal(_Link):
    """Implements ``providers.reach.TerminalLink``."""

    def __init__(
        self, session: OpenedSession, connect: Connect, resume: Resume, write: Callable[[bytes], None]
    ) -> None:
        self._write = write
        self._channel = Channel(session, connect, resume, self._take)

    def open(self) -> None:
        self._channel.open()

    def type(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self._channel.send(Payload.OUTPUT, data)

    def resize(self, rows: int, columns: int) -> None:
        size = json.dumps({"cols": columns, "rows": rows}).encode()
        with contextlib.suppress(ConnectionError):
            self._channel.send(Payload.SIZE, size)

    def _take(self, kind: int, data: bytes) -> None:
        if kind in (Payload.OUTPUT, Payload.STDERR, Payload.ERROR):
            self._write(data)


class ChannelPort(_Link):
    """Implements ``providers.reach.PortLink``."""

    def __init__(
        self, session: OpenedSession, connect: Connect, resume: Resume, refused: Callable[[], None]
    ) -> None:
        self._session = session
        self._refused = refused
        self._channel = Channel(session, connect, resume, self._take)
        self._mux = MuxClient(lambda data: self._channel.send(Payload.OUTPUT, data))
        self._watch = threading.Thread(target=self._end_connections, daemon=True)

    def open(self) -> None:
        offered = self._channel.open()
        if not offered.carries_many:
            self._channel.terminate()
            raise MachineNotReachableError(
                f"The Systems Manager agent {offered.agent_version} of machine {self._session.machine} "
                "carries one connection at a time.",
                where={"machine": self._session.machine},
                next_step="Install Amazon's Session Manager plugin, which speaks with it, or an image with a "
                "newer agent.",
            )
        self._watch.start()

    def carry(self, connection: socket.socket) -> None:
        self._mux.carry(connection)

    def _take(self, kind: int, data: bytes) -> None:
        if kind == Payload.OUTPUT:
            self._mux.take(data)
        elif kind == Payload.FLAG and int.from_bytes(data[:4], "big") == Flag.CONNECT_TO_PORT_ERROR:
            self._refused()

    def _end_connections(self) -> None:
        self._channel.closed.wait()
        self._mux.close()
