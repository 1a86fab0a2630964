"""A server that sends back what it gets, and a client that holds what comes back against what it sent."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

SERVER = """
import socket, threading
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
listener.listen(16)
open("echo.port", "w").write(str(listener.getsockname()[1]))
def serve(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.close()
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Echoed:
    sent: int
    received: int
    is_same: bool


def echo(port: int, size: int, halfway: Callable[[], None] = lambda: None) -> Echoed:
    """Sends `size` random bytes to a port of this machine and reads them back, both at once."""
    source = random.Random(size)
    out, back = hashlib.sha256(), hashlib.sha256()
    received = 0
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:

        def send() -> None:
            left = size
            while left:
                data = source.randbytes(min(left, _CHUNK))
                out.update(data)
                connection.sendall(data)
                left -= len(data)

        sender = threading.Thread(target=send)
        sender.start()
        is_first_half = True
        while received < size and (data := connection.recv(_CHUNK)):
            back.update(data)
            received += len(data)
            if is_first_half and received * 2 >= size:
                is_first_half = False
                halfway()
        sender.join()
    return Echoed(size, received, out.digest() == back.digest())
