"""Messages between the host and its warm parent, over a stream socket.

A request to start a task is four bytes of length, with the file descriptors, and that much JSON; one to
signal a task is the same without descriptors. The warm parent answers with lines of JSON.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

_LENGTH_BYTES = 4
_MOST_DESCRIPTORS = 3


def send(connection: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Sends a request. Blocking. Raises OSError when the other end is gone."""
    data = json.dumps(message).encode()
    length = len(data).to_bytes(_LENGTH_BYTES, "big")
    if descriptors:
        socket.send_fds(connection, [length], list(descriptors))
    else:
        connection.sendall(length)
    connection.sendall(data)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next request and its descriptors, which are the receiver's to close; None when the other end is
    gone. Blocking."""
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH_BYTES, _MOST_DESCRIPTORS)
    if not head:
        return None
    length = int.from_bytes(head + _exactly(connection, _LENGTH_BYTES - len(head)), "big")
    data = _exactly(connection, length)
    return (json.loads(data), descriptors) if len(data) == length else None


def _exactly(connection: socket.socket, count: int) -> bytes:
    """``count`` bytes, or fewer when the other end is gone."""
    parts = []
    while count:
        part = connection.recv(count)
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
