"""Servers on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

_MAX_MESSAGE = 400 * 1024 * 1024
_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.so_reuseport", 0),
)


class LoopbackServer:
    """A running gRPC server; `address` is where it listens."""

    def __init__(self, add: Callable[[grpc.Server], Any], threads: int) -> None:
        pool = ThreadPoolExecutor(threads, thread_name_prefix="rpc")
        self._server = grpc.server(pool, options=_OPTIONS)
        add(self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """Ends the server; requests in flight get a moment to end."""
        self._server.stop(0.2).wait()
