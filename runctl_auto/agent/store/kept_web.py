"""HTTP over connections that are kept: many requests to one host pay for one handshake a thread."""

from __future__ import annotations

import http.client
import io
import select
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable  # noqa: UP035 (evaluated on Python 3.9)
from urllib.parse import urlsplit

from runctl_auto.agent.errors import UnreachableError
from runctl_auto.agent.store.web import Body, Response, Web, is_local

SMALL_BYTES = 64 * 1024
"""A response body of at most this size is read at once, so that the connection is free again."""

Place = tuple[str, str, int]
"""Scheme, host, port. (Evaluated on Python 3.9.)"""

Connect = Callable[[str, str, int, float], http.client.HTTPConnection]
"""Makes a connection: scheme, host, port, timeout in seconds."""


@dataclass(frozen=True)
class _Request:
    method: str
    target: str
    body: Body | None
    headers: Mapping[str, str]

    def send(self, connection: http.client.HTTPConnection) -> None:
        """Sends it; if the other side stops reading, its answer says why."""
        try:
            connection.request(self.method, self.target, body=self.body, headers=dict(self.headers))
        except (BrokenPipeError, ConnectionResetError):
            if connection.sock is None:
                raise


class KeptWeb(Web):
    """As `Web`; each thread keeps one connection a host. Where a proxy applies, `Web` sends the request."""

    def __init__(self, ca_bundle: str | None = None, connect: Connect | None = None) -> None:
        super().__init__(ca_bundle)
        self._context: ssl.SSLContext | None = None
        self._connect = connect or self._new_connection
        self._kept = threading.local()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        timeout: float = 30,
    ) -> Response:
        address = urlsplit(url)
        host = address.hostname or ""
        if not is_local(url) and _has_proxy(address.scheme, host):
            return super().send(method, url, headers, body, timeout)
        port = address.port or (443 if address.scheme == "https" else 80)
        place = (address.scheme, host, port)
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        request = _Request(method, target, body, headers)
        kept = self._take(place, timeout)
        if kept is not None:
            try:
                return self._ask(place, kept, request)
            except UnreachableError:
                # The other side may just have closed it. A body that is not bytes cannot be sent again.
                if body is not None and not isinstance(body, bytes):
                    raise
        return self._ask(place, self._connect(*place, timeout), request)

    def _ask(self, place: Place, connection: http.client.HTTPConnection, request: _Request) -> Response:
        try:
            request.send(connection)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            scheme, host, port = place
            where = f"{scheme}://{host}:{port}{request.target.partition('?')[0]}"
            raise UnreachableError(f"{request.method} {where}: {error or repr(error)}") from error
        except BaseException:
            connection.close()
            raise
        return self._response(place, connection, answer)

    def _response(
        self,
        place: Place,
        connection: http.client.HTTPConnection,
        answer: http.client.HTTPResponse,
    ) -> Response:
        length = answer.length
        if length is None or length > SMALL_BYTES:
            return _Streamed(answer, connection, lambda: self._connections().__setitem__(place, connection))
        try:
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise UnreachableError(f"the connection broke while reading: {error}") from error
        if answer.will_close:
            connection.close()
        else:
            self._connections()[place] = connection
        return Response(answer.status, dict(answer.headers.items()), io.BytesIO(content))

    def _take(self, place: Place, timeout: float) -> http.client.HTTPConnection | None:
        kept = self._connections().pop(place, None)
        if kept is None or kept.sock is None or _has_ended(kept):
            if kept is not None:
                kept.close()
            return None
        kept.sock.settimeout(timeout)
        return kept

    def _connections(self) -> dict[Place, http.client.HTTPConnection]:
        if not hasattr(self._kept, "connections"):
            self._kept.connections = {}
        found: dict[Place, http.client.HTTPConnection] = self._kept.connections
        return found

    def _new_connection(
        self, scheme: str, host: str, port: int, timeout: float
    ) -> http.client.HTTPConnection:
        if scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=timeout)
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._ca_bundle)
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)


class _Streamed(Response):
    """A response that is read piece by piece. Once it is closed, `keep` is called if its connection can serve
    again; else that is closed too.
    """

    def __init__(
        self,
        answer: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        keep: Callable[[], None],
    ) -> None:
        super().__init__(answer.status, dict(answer.headers.items()), answer)
        self._answer = answer
        self._connection = connection
        self._keep = keep

    def close(self) -> None:
        is_whole = self._answer.isclosed() and not self._answer.will_close
        super().close()
        if is_whole:
            self._keep()
        else:
            self._connection.close()


def _has_ended(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has closed an idle connection, or sent what nobody asked for."""
    waiting = select.poll()
    waiting.register(connection.sock, select.POLLIN)
    return bool(waiting.poll(0))


def _has_proxy(scheme: str, host: str) -> bool:
    return scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)
