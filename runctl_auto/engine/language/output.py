"""The output of programs, on its way to the person who runs the engine."""

from __future__ import annotations

import io
import itertools
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, Protocol

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

MAX_MESSAGE = 400 * 1024 * 1024
_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
_LINE_LIMIT = 64 * 1024
_STREAM_NUMBERS = itertools.count(1 << 20)  # far from those that the engine gives its plugins


class Output(Protocol):
    """Takes what one program writes, line by line."""

    def out(self, line: str) -> None:
        """A line of its standard output."""

    def err(self, line: str) -> None:
        """A line of its standard error."""

    def close(self) -> None:
        """No more lines follow."""


class OwnStreams:
    """Writes to this process's streams, which the engine that started it shows as info and info#err."""

    def out(self, line: str) -> None:
        sys.stdout.write(line)
        sys.stdout.flush()

    def err(self, line: str) -> None:
        sys.stderr.write(line)
        sys.stderr.flush()

    def close(self) -> None:
        """The streams stay open for the next program."""


class EngineLog:
    """Sends lines to the log of the engine at ``address``, as info: the log knows no second severity for the
    standard error. When the engine is gone, lines are dropped."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)
        self._engine = engine_pb2_grpc.EngineStub(self._channel)
        self._out, self._err = next(_STREAM_NUMBERS), next(_STREAM_NUMBERS)

    def out(self, line: str) -> None:
        self._log(line, self._out)

    def err(self, line: str) -> None:
        self._log(line, self._err)

    def close(self) -> None:
        self._channel.close()

    def _log(self, line: str, stream: int) -> None:
        request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, streamId=stream)
        try:
            self._engine.Log(request)
        except (grpc.RpcError, ValueError):
            return  # the engine has ended, or the channel is closed


def forward(stream: BinaryIO, take: Callable[[str], None]) -> threading.Thread:
    """Passes the lines of ``stream`` to ``take``, without blank ones, in a thread that ends with the stream.

    Very long lines come in pieces.
    """

    def read() -> None:
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="replace", newline="\n")
        try:
            for line in iter(lambda: text.readline(_LINE_LIMIT), ""):
                if line.strip():
                    take(line)
        except ValueError:
            return  # the stream was closed

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
