"""Serves one text over HTTP to those that scrape it: GET and HEAD of ``/metrics``, nothing else."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6
from typing import Any

from runctl_auto.observe.metrics.exposition import CONTENT_TYPE

_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_SECONDS = 10


class ScrapeServer(ThreadingHTTPServer):
    """Answers with what ``text`` returns. ``hosts`` are the further names by which it may be asked.

    A request with another ``Host`` than the server's own names, or with an ``Origin``, is refused: a page in
    a browser cannot read it by a name that it made lead here.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: str, port: int, text: Callable[[], str], hosts: Collection[str] = ()) -> None:
        if ":" in address:
            self.address_family = AF_INET6
        self.text = text
        super().__init__((address, port), _Handler)
        names = {*hosts, *(_LOCAL_NAMES if is_loopback(address) else (address,))}
        self.hosts = frozenset(each.lower() for each in names)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves early is no event."""

    @property
    def url(self) -> str:
        host, port = self.server_address[0], self.server_address[1]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}/metrics"


def is_loopback(address: str) -> bool:
    """Whether nobody on another machine reaches the address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class _Handler(BaseHTTPRequestHandler):
    server: ScrapeServer
    timeout = _SECONDS
    server_version = "runctl"
    sys_version = ""
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        if not self._is_for_us():
            self._send(403, b"refused\n", "text/plain", with_body)
        elif self.path.partition("?")[0] != "/metrics":
            self._send(404, b"only /metrics\n", "text/plain", with_body)
        else:
            self._send(200, self.server.text().encode("utf-8", "replace"), CONTENT_TYPE, with_body)

    def _is_for_us(self) -> bool:
        if self.headers.get("Origin") is not None:
            return False
        given = self.headers.get_all("Host") or []
        return len(given) == 1 and host_name(given[0]) in self.server.hosts

    def _send(self, code: int, body: bytes, kind: str, with_body: bool) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        self.close_connection = True
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line."""


def host_name(host: str) -> str:
    """The name in a ``Host`` header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()
