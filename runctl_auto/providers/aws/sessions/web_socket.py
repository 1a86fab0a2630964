"""Web sockets by the library ``websockets``, of the extra ``runctl[session]``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping

from runctl_auto.errors import ExtraMissingError
from runctl_auto.local.extras import installed_with

_OPEN_SECONDS = 10.0
_MOST_BYTES = 1 << 20


def require_web_sockets() -> None:
    """Raises ``ExtraMissingError`` when the library is not installed."""
    if importlib.util.find_spec("websockets") is None:
        raise ExtraMissingError(
            "Sessions need Amazon's Session Manager plugin or the extra runctl[session].",
            where={"missing": "session-manager-plugin, websockets"},
            next_step=f"Install it with {installed_with('session')}",
        )


class WebSocket:
    """Implements ``channel.Socket``."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    def send(self, data: bytes | str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            self._connection.send(data)  # type: ignore[attr-defined]
        except ConnectionClosed as error:
            raise ConnectionError(str(error)) from error

    def receive(self) -> bytes | str:
        from websockets.exceptions import ConnectionClosed

        try:
            found: bytes | str = self._connection.recv()  # type: ignore[attr-defined]
        except (ConnectionClosed, EOFError) as error:
            raise ConnectionError(str(error)) from error
        return found

    def close(self) -> None:
        self._connection.close()  # type: ignore[attr-defined]


def open_web_socket(url: str, headers: Callable[[str], Mapping[str, str]]) -> WebSocket:
    """Opens ``url`` with signed ``headers``. Raises OSError."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    try:
        connection = connect(
            url,
            additional_headers=dict(headers(url)),
            compression=None,
            open_timeout=_OPEN_SECONDS,
            close_timeout=1.0,
            max_size=_MOST_BYTES,
            ping_interval=60,
            ping_timeout=None,
            user_agent_header=None,
            proxy=True,
        )
    except (WebSocketException, TimeoutError, EOFError) as error:
        raise ConnectionError(str(error)) from error
    return WebSocket(connection)
