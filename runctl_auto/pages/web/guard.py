"""Whom the dashboard serves: who has its address, and no other page in a browser.

The token in the path is the only proof. A page of another origin cannot read answers (no CORS), a name that
leads to this machine by DNS is refused by ``Host``, and nothing can be changed at all.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_LOCAL = "localhost"


@dataclass(frozen=True)
class Names:
    """What ``Host`` may be. On loopback: ``localhost`` and loopback addresses, at any port, since a tunnel
    has its own. Else also every address, and the machine's ``names``: only names can be made to lead
    elsewhere.
    """

    loopback: bool = True
    names: frozenset[str] = frozenset()

    def allow(self, host: str) -> bool:
        name = host_name(host)
        if name is None:
            return False
        if name == _LOCAL or name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.loopback


def host_name(host: str) -> str | None:
    """The name or address of a ``Host`` header in small letters, without its port; None for none."""
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        return name.lower() if closed and (not port or port[:1] == ":") else None
    name, _, port = host.partition(":")
    return name.rstrip(".").lower() if name and (not port or port.isdigit()) else None


def is_loopback(host: str) -> bool:
    """Whether a server that listens on ``host`` is reached from this machine only."""
    if host == _LOCAL:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_token() -> str:
    """128 bits that nobody can guess, as part of an address."""
    return secrets.token_urlsafe(16)


class Guard:
    """An ASGI application that hands on what it permits, and adds ``HEADERS`` to every answer."""

    def __init__(self, app: ASGIApp, token: str, names: Names) -> None:
        self._app = app
        self._token = token.encode()
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, guarded)
            return
        _, _, rest = scope["path"].removeprefix("/").partition("/")
        inner = {**scope, "path": f"/{rest}", "raw_path": None, "root_path": ""}
        await self._app(inner, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._names.allow(hosts[0]):
            return _told("This is not the address of the dashboard.", 421)
        if scope["method"] not in ("GET", "HEAD"):
            return _told("Nothing can be changed here.", 405)
        if "origin" in headers or _is_of_another_page(headers):
            return _told("Other pages may not ask for this.", 403)
        first, slash, _ = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(first.encode("utf-8", "replace"), self._token):
            return _told("Open the address that `runctl dashboard` printed.", 404)
        if not slash:
            return Response(status_code=308, headers={"Location": f"/{first}/"})
        return None


def _is_of_another_page(headers: Headers) -> bool:
    """Whether a browser says that a page of another origin asks. It may have a link that a person follows."""
    is_followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not is_followed


def _told(text: str, code: int) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=code)


def own_names(hostnames: Iterable[str]) -> frozenset[str]:
    """Names of this machine as ``Host`` has them."""
    return frozenset(name for each in hostnames if (name := host_name(each)) is not None)
