"""HTTP: one request, one response, no redirects followed; an error status is returned like any other."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import IO, Union
from urllib.parse import urlsplit

from runctl_auto.agent.errors import UnreachableError

Body = Union[bytes, Iterable[bytes]]  # noqa: UP007 (evaluated on Python 3.9)


class Response:
    """A response: `status`, `headers` by lower-case name, and a body that is read once, then closed."""

    def __init__(self, status: int, headers: Mapping[str, str], stream: IO[bytes]) -> None:
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes of the body (all when negative), empty at its end."""
        try:
            # Before Python 3.10 an HTTP body takes no negative size.
            return self._stream.read() if size < 0 else self._stream.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"the connection broke while reading: {error}") from error

    def readinto(self, buffer: memoryview) -> int:
        """Fills `buffer` with bytes of the body, or part of it; how many, 0 at the end of the body."""
        try:
            take = getattr(self._stream, "readinto", None)
            if take is not None:
                return int(take(buffer) or 0)
            piece = self._stream.read(len(buffer))
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"the connection broke while reading: {error}") from error
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _EveryStatusIsAnAnswer(urllib.request.HTTPErrorProcessor):
    def http_response(self, request, response):  # type: ignore[no-untyped-def]  # noqa: ARG002
        return response

    https_response = http_response


class Web:
    """Sends requests; blocks until the response headers arrive, at most about `timeout` seconds.

    `ca_bundle` replaces the system's certificates, as AWS_CA_BUNDLE does for AWS's own tools. Proxies of the
    environment are used except for loopback and link-local addresses.
    """

    def __init__(self, ca_bundle: str | None = None) -> None:
        self._ca_bundle = ca_bundle
        self._openers: dict[bool, urllib.request.OpenerDirector] = {}

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        timeout: float = 30,
    ) -> Response:
        """The response; raises UnreachableError when there is none. A chunked body needs Content-Length."""
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            answer = self._opener(is_local(url)).open(request, timeout=timeout)
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise UnreachableError(f"{method} {url.partition('?')[0]}: {reason}") from error
        return Response(answer.status, answer.headers, answer)

    def _opener(self, local: bool) -> urllib.request.OpenerDirector:
        if local not in self._openers:
            handlers: list[urllib.request.BaseHandler] = [
                urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self._ca_bundle)),
                _EveryStatusIsAnAnswer(),
            ]
            if local:
                handlers.append(urllib.request.ProxyHandler({}))
            self._openers[local] = urllib.request.build_opener(*handlers)
        return self._openers[local]


def is_local(url: str) -> bool:
    """Whether the address is loopback or link-local."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_link_local
