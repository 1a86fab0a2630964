"""Asks an ASGI application without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message


@dataclass(frozen=True)
class Answer:
    """``headers`` by name in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def data(self) -> Any:
        return json.loads(self.body)


def ask(
    app: ASGIApp, address: str, headers: Sequence[tuple[str, str]] = (), *, method: str = "GET"
) -> Answer:
    """The answer to one request. ``headers`` replace the usual ``Host``."""
    return asyncio.run(_ask(app, address, headers or [("host", "127.0.0.1:1")], method))


async def _ask(app: ASGIApp, address: str, headers: Sequence[tuple[str, str]], method: str) -> Answer:
    path, _, query = address.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "server": ("127.0.0.1", 1),
        "client": ("127.0.0.1", 2),
        "state": {},
    }
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        told.append(message)

    await app(scope, receive, send)
    start = told[0]
    body = b"".join(each.get("body", b"") for each in told[1:])
    return Answer(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, body)
