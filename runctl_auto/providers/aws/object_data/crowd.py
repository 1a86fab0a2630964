"""Many small requests at once on one thread, each on a connection of its own that a selector wakes.

Threads that wait for small answers spend more on the interpreter's lock than on the answers. Only what goes
well is done here: whatever else happens to a request, it is given up, and the caller repeats it where errors
have names and repeats have pauses.
"""

from __future__ import annotations

import errno
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

SILENT_SECONDS = 60.0
MOST_LOST = 16
"""After so many lost requests in a row no more are begun: what is wrong concerns them all."""
_HEADER = 16 << 10
_FIRST = 80 << 10
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Tag = TypeVar("Tag")


@dataclass(frozen=True)
class Route:
    """Addresses of one host to connect to; with ``tls``, by that name."""

    addresses: Sequence[tuple[int, Any]]
    name: str
    tls: ssl.SSLContext | None = None

    @classmethod
    def to(cls, name: str, port: int, tls: ssl.SSLContext | None) -> Route:
        """Resolves the name. Raises OSError."""
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        return cls([(family, address) for family, _, _, _, address in found], name, tls)


@dataclass(frozen=True)
class Asked(Generic[Tag]):
    """A request with the caller's ``tag``. The answer has a body of ``most`` bytes at most."""

    tag: Tag
    head: bytes
    body: bytes | memoryview = b""
    most: int = 64 << 10


Answered = Callable[[Any, int, Mapping[str, str], memoryview], None]
"""Takes the tag of a request, status, header fields by lower-case name, and the body, valid for the call."""


class Crowd:
    """Sends requests on ``at_once`` connections. Not thread-safe."""

    def __init__(
        self,
        route: Route,
        at_once: int,
        answered: Answered,
        *,
        clock: Callable[[], float] = time.monotonic,
        look_seconds: float = 1.0,
    ) -> None:
        self._route = route
        self._at_once = at_once
        self._answered = answered
        self._clock = clock
        self._look_seconds = look_seconds
        self._selector = selectors.DefaultSelector()
        self._opened = 0
        self._now = self._looked_at = clock()
        self._lost_in_a_row = 0
        self._asked: Iterator[Asked[Any]] = iter(())

    def run(self, asked: Iterator[Asked[Any]]) -> None:
        """Sends all requests; those without an answer are not told of. Takes one when a connection is free.

        Raises what ``asked`` and ``answered`` raise.
        """
        self._asked = asked
        lines = [_Line() for _ in range(self._at_once)]
        try:
            for line in lines:
                self._begin(line)
            while self._selector.get_map():
                ready = self._selector.select(self._look_seconds)
                self._now = self._clock()
                for key, _ in ready:
                    self._go_on(key.data)
                self._end_silent(lines)
        finally:
            for line in lines:
                self._close(line)
            self._selector.close()

    def _begin(self, line: _Line) -> None:
        """Sends the next request on a line; without one, closes it."""
        while self._lost_in_a_row < MOST_LOST:
            asked = next(self._asked, None)
            if asked is None:
                break
            line.take(asked, self._now)
            try:
                if line.socket is None:
                    self._open(line)
                self._advance(line)
            except OSError:
                self._lose(line)
                continue
            if line.asked is not None:
                return
        self._close(line)

    def _open(self, line: _Line) -> None:
        family, address = self._route.addresses[self._opened % len(self._route.addresses)]
        self._opened += 1
        line.socket = socket.socket(family, socket.SOCK_STREAM)
        line.socket.setblocking(False)
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found = line.socket.connect_ex(address)
        if found not in (0, errno.EINPROGRESS):
            raise OSError(found, "cannot connect")
        line.is_connecting = self._route.tls is not None
        line.is_secured = False

    def _go_on(self, line: _Line) -> None:
        if line.asked is None:  # the server closed a connection that was at rest
            self._close(line)
            return
        try:
            self._advance(line)
        except OSError:
            self._lose(line)
        if line.asked is None:
            self._begin(line)

    def _advance(self, line: _Line) -> None:
        """As far as it goes without waiting. Afterwards the line has an answer, or is to be woken."""
        try:
            self._secure(line)
            if line.unsent:
                line.send()
                self._wake(line, is_to_write=False)
                return
            while not line.is_answered():
                line.receive()
        except _NOT_YET as wait:
            self._wake(line, is_to_write=bool(line.unsent) and not isinstance(wait, ssl.SSLWantReadError))
            return
        except OSError as error:
            if error.errno != errno.ENOTCONN or not line.unsent:
                raise
            self._wake(line, is_to_write=True)
            return
        self._end(line)

    def _secure(self, line: _Line) -> None:
        context = self._route.tls
        if context is None or line.is_secured:
            return
        if line.is_connecting:
            found = line.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if found:
                raise OSError(found, "cannot connect")
            try:
                line.socket.getpeername()
            except OSError as error:
                raise BlockingIOError from error
            self._sleep(line)
            line.socket = context.wrap_socket(
                line.socket, server_hostname=self._route.name, do_handshake_on_connect=False
            )
            line.is_connecting = False
        line.socket.do_handshake()
        line.is_secured = True

    def _end(self, line: _Line) -> None:
        asked, line.asked = line.asked, None
        assert asked is not None  # noqa: S101 - the line had one
        closes = line.headers.get("connection", "").lower() == "close"
        if closes:
            self._close(line)
        self._lost_in_a_row = 0 if 200 <= line.status < 300 else self._lost_in_a_row + 1
        self._answered(asked.tag, line.status, line.headers, line.body())

    def _lose(self, line: _Line) -> None:
        line.asked = None
        self._lost_in_a_row += 1
        self._close(line)

    def _end_silent(self, lines: Sequence[_Line]) -> None:
        if self._now - self._looked_at < self._look_seconds:
            return
        self._looked_at = self._now
        for line in lines:
            if line.asked is not None and self._now - line.heard_at > SILENT_SECONDS:
                self._lose(line)
                self._begin(line)

    def _wake(self, line: _Line, *, is_to_write: bool) -> None:
        line.heard_at = self._now
        wanted = selectors.EVENT_WRITE if is_to_write else selectors.EVENT_READ
        if line.watched == wanted:
            return
        if line.watched:
            self._selector.modify(line.socket, wanted, line)
        else:
            self._selector.register(line.socket, wanted, line)
        line.watched = wanted

    def _sleep(self, line: _Line) -> None:
        if line.watched:
            self._selector.unregister(line.socket)
            line.watched = 0

    def _close(self, line: _Line) -> None:
        if line.socket is not None:
            self._sleep(line)
            line.socket.close()
            line.socket = None


class _Line:
    """One connection and what is on it."""

    def __init__(self) -> None:
        self.socket: Any = None
        self.asked: Asked[Any] | None = None
        self.unsent: list[memoryview] = []
        self.is_connecting = self.is_secured = False
        self.watched = 0
        self.heard_at = 0.0
        self.status = 0
        self.headers: dict[str, str] = {}
        self._buffer = memoryview(bytearray(_FIRST))
        self._filled = 0
        self._begin = self._end = 0

    def take(self, asked: Asked[Any], now: float) -> None:
        self.asked = asked
        if asked.body:
            self.unsent = [memoryview(asked.head), memoryview(asked.body)]
        else:
            self.unsent = [memoryview(asked.head)]
        self.heard_at = now
        self.status = self._filled = self._begin = 0

    def send(self) -> None:
        """Raises one of ``_NOT_YET`` while not all is sent."""
        while self.unsent:
            if len(self.unsent) > 1 and not isinstance(self.socket, ssl.SSLSocket):
                count = self.socket.sendmsg(self.unsent)
            else:
                count = self.socket.send(self.unsent[0])
            while self.unsent and count >= len(self.unsent[0]):
                count -= len(self.unsent.pop(0))
            if count:
                self.unsent[0] = self.unsent[0][count:]

    def receive(self) -> None:
        if self._filled == len(self._buffer):
            raise OSError("the answer is larger than what was asked for")
        count = self.socket.recv_into(self._buffer[self._filled :])
        if not count:
            raise OSError("the server closed the connection")
        self._filled += count

    def is_answered(self) -> bool:
        """Whether the answer is complete. Raises OSError for one that cannot be taken here."""
        if not self.status and not (self._filled and self._has_header()):
            return False
        if self._filled > self._end:
            raise OSError("the server sent more than its answer")
        return self._filled == self._end

    def body(self) -> memoryview:
        return self._buffer[self._begin : self._end]

    def _has_header(self) -> bool:
        start = bytes(self._buffer[: min(self._filled, _HEADER)])
        at = start.find(b"\r\n\r\n")
        if at < 0:
            if self._filled >= _HEADER:
                raise OSError("the header of the answer is too long")
            return False
        first, *lines = start[:at].decode("latin-1").split("\r\n")
        if not first.startswith("HTTP/1.1 "):
            raise OSError("the server does not speak HTTP")
        self.headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        told = self.headers.get("content-length", "")
        if not told.isdigit() or "transfer-encoding" in self.headers or not first[9:12].isdigit():
            raise OSError("the answer has no length")
        assert self.asked is not None  # noqa: S101
        if int(told) > self.asked.most:
            raise OSError("the answer is larger than what was asked for")
        self.status = int(first[9:12])
        self._begin = at + 4
        self._end = self._begin + int(told)
        if self._end > len(self._buffer):
            larger = memoryview(bytearray(self._end))
            larger[: self._filled] = self._buffer[: self._filled]
            self._buffer = larger
        return True
