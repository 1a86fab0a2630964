"""A kept HTTP connection to S3: one request at a time, as few instructions for each as possible.

``http.client`` opens it (TLS, proxies). Requests and responses are written and read here: its parser of
header fields costs more than all the rest of a request for a small object.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from runctl_auto.providers.aws.object_data.crowd import Route

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""How long a connection may stay silent before it counts as broken."""
_TOGETHER = 256 << 10
"""A body up to this size is sent in one call with the header."""
_LINE = 65536
_PIECE = 256 << 10
"""What is passed on of a body at once. With less, threads hand the interpreter to each other too often: 2 GB
down took 1.06 of the time with 128 KiB, 1.02 with 512 KiB, 1.18 with 1 MiB (medians of seven rounds).
"""


Pieces = Callable[[], Iterable["bytes | memoryview"]]
"""Gives the pieces of a body, from the beginning on each call."""


class ConnectionBroken(Exception):
    """The connection broke. ``unanswered``: before a single byte of the response arrived."""

    def __init__(self, text: str, *, unanswered: bool = False) -> None:
        super().__init__(text)
        self.unanswered = unanswered


class TakingFailed(Exception):
    """What takes a flow raised ``why``: the connection is not at fault."""

    def __init__(self, why: Exception) -> None:
        super().__init__(str(why))
        self.why = why


@dataclass(frozen=True)
class Answer:
    """A response that was read to its end. ``headers`` by lower-case name; ``count`` bytes went into the
    buffer given for the body, else ``body`` holds them.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    count: int = 0


@dataclass(frozen=True)
class Flow:
    """A body of at most ``size`` bytes that is taken piece by piece, each with its offset."""

    size: int
    take: Callable[[int, memoryview], None]


Into = memoryview | Flow


class Wire(Protocol):
    """One connection, for one thread."""

    def exchange(
        self,
        head: bytes,
        pieces: Pieces,
        size: int,
        into: Into | None,
        *,
        once: bool = False,
        silence: float = ANSWER_SECONDS,
    ) -> Answer:
        """Sends a request, reads the whole response. Raises ``ConnectionBroken``; then it is closed.

        The body of a success goes into ``into``, if given; what does not fit is an error. What ``take`` of a
        flow raises is passed on. The other side may be silent for ``silence`` seconds. A request is sent
        again when a kept connection turns out to be closed, but not if it may be sent ``once`` only.
        """

    def close(self) -> None: ...


@dataclass(frozen=True)
class Host:
    """Where to connect to. ``ca_bundle`` is the file of trusted certificates."""

    name: str
    port: int
    tls: bool
    ca_bundle: str | None = None

    @property
    def header(self) -> str:
        """The value of the header field ``host``."""
        return self.name if self.port == (443 if self.tls else 80) else f"{self.name}:{self.port}"

    @classmethod
    def of(cls, url: str, ca_bundle: str | None = None) -> Host:
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        return cls(parts.hostname or "", parts.port or (443 if tls else 80), tls, ca_bundle)


@dataclass
class Opener:
    """Opens connections to one host, through the proxy that the environment names for it."""

    host: Host
    proxies: Callable[[], Mapping[str, str]] = urllib.request.getproxies
    bypasses: Callable[[str], Any] = urllib.request.proxy_bypass
    _context: ssl.SSLContext | None = field(default=None, init=False)
    _asked_proxy: tuple[str | None] | None = field(default=None, init=False)

    def __call__(self) -> Wire:
        return SocketWire(self._opened)

    def route(self) -> Route | None:
        """The addresses of the host; None where a proxy leads to it, or it has none."""
        if self._proxy() is not None:
            return None
        try:
            return Route.to(self.host.name, self.host.port, self._tls() if self.host.tls else None)
        except OSError:
            return None

    def _proxy(self) -> str | None:
        if self._asked_proxy is None:
            found = None
            if not self.bypasses(self.host.header):
                found = self.proxies().get("https" if self.host.tls else "http")
            self._asked_proxy = (found,)
        return self._asked_proxy[0]

    def _opened(self) -> Any:
        host = self.host
        proxy = self._proxy()
        if proxy is None and not host.tls:
            made_plain = socket.create_connection((host.name, host.port), CONNECT_SECONDS)
            made_plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made_plain.settimeout(ANSWER_SECONDS)
            return made_plain
        at = urlsplit(proxy) if proxy else None
        name, port = (at.hostname or "", at.port or 8080) if at else (host.name, host.port)
        if host.tls:
            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                name, port, timeout=CONNECT_SECONDS, context=self._tls()
            )
        else:
            made = http.client.HTTPConnection(name, port, timeout=CONNECT_SECONDS)
        if at:
            made.set_tunnel(host.name, host.port)
        made.connect()
        made.sock.settimeout(ANSWER_SECONDS)
        return made.sock

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self.host.ca_bundle)
        return self._context


class SocketWire:
    """A connection over a socket that ``open_socket`` makes when it is needed."""

    def __init__(self, open_socket: Callable[[], Any]) -> None:
        self._open = open_socket
        self._socket: Any = None
        self._stream: IO[bytes] | None = None
        self._silence = ANSWER_SECONDS

    def exchange(
        self,
        head: bytes,
        pieces: Pieces,
        size: int,
        into: Into | None,
        *,
        once: bool = False,
        silence: float = ANSWER_SECONDS,
    ) -> Answer:
        if once:
            self.close()
        reused = self._socket is not None
        try:
            return self._exchange(head, pieces, size, into, silence)
        except TakingFailed as failed:
            self.close()
            raise failed.why from failed
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise ConnectionBroken(str(error) or type(error).__name__) from error
        except ConnectionBroken as broken:
            self.close()
            # A server closes connections that were idle for some seconds; nothing was processed then.
            if not (broken.unanswered and reused):
                raise
        except BaseException:
            self.close()
            raise
        return self.exchange(head, pieces, size, into, silence=silence)

    def close(self) -> None:
        stream, opened = self._stream, self._socket
        self._stream = self._socket = None
        for each in (stream, opened):
            if each is not None:
                each.close()

    def _exchange(self, head: bytes, pieces: Pieces, size: int, into: Into | None, silence: float) -> Answer:
        if self._socket is None:
            self._socket, self._silence = self._open(), ANSWER_SECONDS
            self._stream = self._socket.makefile("rb", 64 << 10)
        if silence != self._silence:
            self._socket.settimeout(silence)
            self._silence = silence
        stream = self._stream
        assert stream is not None  # noqa: S101 - opened with the socket
        self._send(head, pieces, size)
        first = self._first_line(stream)
        status = int(first[9:12])
        while status == 100:
            _headers(stream)
            status = int(stream.readline(_LINE)[9:12])
        headers = _headers(stream)
        answer = _read(stream, status, headers, into, bodiless=head.startswith(b"HEAD "))
        if headers.get("connection", "").lower() == "close" or first.startswith(b"HTTP/1.0"):
            self.close()
        return answer

    def _send(self, head: bytes, pieces: Pieces, size: int) -> None:
        try:
            if size <= _TOGETHER:
                self._socket.sendall(b"".join((head, *pieces())))
                return
            self._socket.sendall(head)
            for each in pieces():
                self._socket.sendall(each)
        except (BrokenPipeError, ConnectionResetError) as error:
            # A server that refuses closes early: what it said may still be there to read.
            if size <= _TOGETHER:
                raise ConnectionBroken(str(error), unanswered=True) from error

    def _first_line(self, stream: IO[bytes]) -> bytes:
        try:
            line = stream.readline(_LINE)
        except ConnectionResetError as error:
            raise ConnectionBroken(str(error), unanswered=True) from error
        if not line:
            raise ConnectionBroken("the server closed the connection without an answer", unanswered=True)
        if not line.startswith(b"HTTP/1."):
            raise ConnectionBroken(f"the server does not speak HTTP: {line[:40]!r}")
        return line


def _headers(stream: IO[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    while True:
        line = stream.readline(_LINE)
        if line in (b"\r\n", b"\n"):
            return found
        name, colon, value = line.partition(b":")
        if not colon:
            raise ConnectionBroken("the connection broke in the header of the answer")
        found[name.decode("latin-1").lower()] = value.strip().decode("latin-1")


def _read(
    stream: IO[bytes], status: int, headers: Mapping[str, str], into: Into | None, *, bodiless: bool
) -> Answer:
    if bodiless or status in (204, 304):
        return Answer(status, headers)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _chunked(stream)
        if into is None or not 200 <= status < 300:
            return Answer(status, headers, body)
        _refuse_long(len(body), into)
        if isinstance(into, Flow):
            into.take(0, memoryview(body))
        else:
            into[: len(body)] = body
        return Answer(status, headers, count=len(body))
    size = int(headers["content-length"]) if "content-length" in headers else 0
    if into is None or not 200 <= status < 300:
        body = stream.read(size)
        _refuse_short(len(body), size)
        return Answer(status, headers, body)
    _refuse_long(size, into)
    if isinstance(into, Flow):
        _flow(stream, into, size)
        return Answer(status, headers, count=size)
    count = 0
    while count < size:
        got = stream.readinto(into[count:size])  # type: ignore[attr-defined]
        _refuse_short(count + (got or 0), size if not got else count + got)
        count += got
    return Answer(status, headers, count=count)


def _flow(stream: IO[bytes], into: Flow, size: int) -> None:
    buffer = memoryview(bytearray(min(_PIECE, size)))
    count = 0
    while count < size:
        got = stream.readinto1(buffer[: size - count])  # type: ignore[attr-defined]
        _refuse_short(count + got, size if not got else count + got)
        try:
            into.take(count, buffer[:got])
        except (OSError, ValueError) as error:
            raise TakingFailed(error) from error
        count += got


def _refuse_long(size: int, into: Into) -> None:
    if size > (into.size if isinstance(into, Flow) else len(into)):
        raise ConnectionBroken("the answer is larger than what was asked for")


def _refuse_short(found: int, size: int) -> None:
    if found < size:
        raise ConnectionBroken(f"the connection broke after {found} of {size} bytes")


def _chunked(stream: IO[bytes]) -> bytes:
    found: list[bytes] = []
    while True:
        size = int(stream.readline(_LINE).partition(b";")[0], 16)
        if size == 0:
            while stream.readline(_LINE) not in (b"\r\n", b"\n", b""):
                pass
            return b"".join(found)
        piece = stream.read(size)
        _refuse_short(len(piece), size)
        found.append(piece)
        stream.readline(_LINE)
