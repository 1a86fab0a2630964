"""Server processes that print the port they listen on."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc

from sandbox.engine.deploy.shutting_down import end_process

_MAX_MESSAGE = 400 * 1024 * 1024
_CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
)
_START_SECONDS = 60.0
_LIFELINES: list[int] = []
"""Writing ends of pipes, open as long as this process lives."""


class ServerFailed(Exception):
    """A server process did not start; the message says which, and what it did instead."""


def open_channel(address: str) -> grpc.Channel:
    """A channel of its own to a server on this machine."""
    return grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)


def start_server(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None,
    what: str,
    on_output: Callable[[str, str], None],
) -> tuple[subprocess.Popen[str], int]:
    """Starts a server in a session of its own; the process and its port. Blocking until the port is known.

    `on_output` gets (severity, line with its end) of what it prints. Raises ServerFailed, naming `what`."""
    try:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ServerFailed(f"{what} could not be started: {error}") from error
    try:
        _end_with_the_engine(process)
        return process, _port(process, what, on_output)
    except BaseException:
        end_process(process)
        raise


def _end_with_the_engine(process: subprocess.Popen[str]) -> None:
    """Has the process and its group killed when this one is gone, however it went.

    A server that others wrote does not look for itself: a shell waits for the end of a pipe that only this
    process holds open."""
    reading, lifeline = os.pipe()
    try:
        subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -s KILL -- "-$1" 2>/dev/null', "sh", str(process.pid)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    finally:
        os.close(reading)
    _LIFELINES.append(lifeline)


def _port(process: subprocess.Popen[str], what: str, on_output: Callable[[str, str], None]) -> int:
    threading.Thread(target=_forward, args=(process.stderr, "info#err", on_output), daemon=True).start()
    assert process.stdout is not None  # noqa: S101
    watchdog = threading.Timer(_START_SECONDS, process.kill)
    watchdog.daemon = True
    watchdog.start()
    line = process.stdout.readline().strip()
    watchdog.cancel()
    if not line.isdigit():
        found = f"printed {line!r} instead of its port" if line else "ended or printed nothing"
        raise ServerFailed(f"{what} did not start: it {found}")
    threading.Thread(target=_forward, args=(process.stdout, "info", on_output), daemon=True).start()
    return int(line)


def _forward(stream: Any, severity: str, on_output: Callable[[str, str], None]) -> None:
    try:
        for line in stream:
            on_output(severity, line)
    except ValueError:
        return  # the stream was closed when the process was ended
