"""Shells and commands of a session: on a terminal of their own, or with their two outputs apart."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Mapping

from sandbox.hosts.guest import session_messages as messages

Send = Callable[[int, bytes], None]
"""Sends a payload of a type to the client. Raises OSError once the session has ended."""
_TERMINAL = "xterm-256color"
_FIRST_SIZE = (24, 80)


class Terminal:
    """A process on a terminal: what it writes is sent, what is taken is typed."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], send: Send) -> None:
        self._send = send
        self._master, slave = pty.openpty()
        self._resize(*_FIRST_SIZE)
        self._process = subprocess.Popen(
            arguments,
            env={**environment, "TERM": _TERMINAL},
            cwd=environment.get("HOME") or "/",
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - the shell needs its terminal before it starts
        )
        os.close(slave)

    def take(self, kind: int, data: bytes) -> None:
        if kind == messages.PAYLOAD_OUTPUT:
            view = memoryview(data)
            while view:
                view = view[os.write(self._master, view) :]
        elif kind == messages.PAYLOAD_SIZE:
            size = json.loads(data)
            self._resize(int(size["rows"]), int(size["cols"]))

    def pump(self) -> int:
        """Send all output; the exit code at the end. Blocks."""
        try:
            while data := os.read(self._master, messages.PAYLOAD_BYTES):
                self._send(messages.PAYLOAD_OUTPUT, data)
        except OSError:  # Linux: no process has the terminal open any more
            pass
        self.end()
        return self._process.wait()

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGHUP)

    def _resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Pipes:
    """A process without a terminal: its outputs are sent apart, and its code at the end."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], send: Send) -> None:
        self._send = send
        self._process = subprocess.Popen(
            arguments,
            env=dict(environment),
            cwd=environment.get("HOME") or "/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def take(self, kind: int, data: bytes) -> None:
        """A typed Ctrl-C interrupts the process; it reads nothing else."""
        if kind == messages.PAYLOAD_OUTPUT and b"\x03" in data:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGINT)

    def pump(self) -> int:
        streams = (
            (self._process.stdout, messages.PAYLOAD_OUTPUT),
            (self._process.stderr, messages.PAYLOAD_STDERR),
        )
        readers = [threading.Thread(target=self._copy, args=each, daemon=True) for each in streams]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        code = self._process.wait()
        told = 128 - code if code < 0 else code
        self._send(messages.PAYLOAD_EXIT_CODE, str(told).encode())
        return told

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _copy(self, stream: object, kind: int) -> None:
        try:
            while data := os.read(stream.fileno(), messages.PAYLOAD_BYTES):  # type: ignore[attr-defined]
                self._send(kind, data)
        except OSError:
            return
