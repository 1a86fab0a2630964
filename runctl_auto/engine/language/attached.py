"""A language host beside a command: started with it, attached to its engines, ended with it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from .errors import LanguageHostError

_FOLDER = Path(__file__).resolve().parent
_START_SECONDS = 60.0
_END_SECONDS = 5.0
_SHOWN_CHARACTERS = 4000


class LanguageHost:
    """The process that serves Python programs and policy packs to engines of this command.

    An engine uses it with ``PULUMI_DEBUG_LANGUAGES=python:PORT``. Several engines may use it, one after the
    other or at once. It serves the given folders only, to this process and what that has started only, and
    ends with this process, also when that is killed. Safe to use from several threads.
    """

    def __init__(self, process: subprocess.Popen[str], errors: IO[bytes]) -> None:
        self._process, self._errors = process, errors
        self._lock = threading.Lock()
        self._port: int | None = None

    @classmethod
    def start(
        cls,
        environment: Mapping[str, str],
        *,
        programs: Sequence[Path],
        packs: Sequence[Path] = (),
        packages: Sequence[str] = (),
        modules: Sequence[str] = (),
        search: Sequence[Path] = (),
        python: str = sys.executable,
    ) -> LanguageHost:
        """Starts a host; returns at once, while it starts.

        Programs get exactly ``environment`` and what Pulumi adds for a run; policy packs get the engine's.
        ``programs`` and ``packs`` are the folders it serves. ``packages`` are modules of provider SDKs, whose
        plugins the engine is told to have ready, without those that PULUMI_DEBUG_PROVIDERS attaches.
        ``modules`` are imported beforehand, with the folders ``search`` first on the import path: each
        program and pack is then forked from that process, where the system can, and otherwise started anew,
        as all are without ``modules``. ``python`` runs host, programs and packs.

        Raises ``LanguageHostError`` when the process cannot be started.
        """
        settings = {
            "programs": [str(each) for each in programs],
            "packs": [str(each) for each in packs],
            "packages": list(packages),
            "modules": list(modules),
            "search": [str(each) for each in search],
        }
        errors = tempfile.TemporaryFile(prefix="runctl-language-host-")  # noqa: SIM115 - closed with the host
        try:
            process = subprocess.Popen(
                [python, "-I", str(_FOLDER), "attached"],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            errors.close()
            raise LanguageHostError(
                f"The language host could not be started with {python}: {error}"
            ) from error
        host = cls(process, errors)
        try:
            _input(process).write(json.dumps(settings) + "\n")
            _input(process).flush()
        except OSError as error:
            failure = host._failure("ended while it started")
            host.close()
            raise failure from error
        return host

    def port(self, seconds: float = _START_SECONDS) -> int:
        """The port it serves on. Blocks until it serves, ``seconds`` at most the first time.

        Raises ``LanguageHostError`` with what the host wrote when it does not come to serve.
        """
        with self._lock:
            if self._port is None:
                self._port = self._read_port(seconds)
            return self._port

    def has_ended(self) -> bool:
        """Whether the process is no more: it was closed, killed, or failed. Does not block."""
        return self._process.poll() is not None

    def close(self) -> None:
        """Ends the host and everything it started. Blocks until it has ended; may be called again."""
        process = self._process
        with contextlib.suppress(OSError, ValueError):
            _input(process).close()  # the host takes this for the end of the command
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._errors.close()

    def __enter__(self) -> LanguageHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_port(self, seconds: float) -> int:
        stdout = self._process.stdout
        if stdout is None or stdout.closed:
            raise LanguageHostError("The language host has been closed.")
        deadline = time.monotonic() + seconds
        if not select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise self._failure(f"did not serve within {seconds:g} s")
        line = stdout.readline().strip()
        if not line.isdigit():
            raise self._failure("ended before it served")
        return int(line)

    def _failure(self, what: str) -> LanguageHostError:
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()[-_SHOWN_CHARACTERS:]
        return LanguageHostError(
            f"The language host for Python {what}. It wrote: {said or 'nothing'}",
            next_step="Check that the Python of runctl can import grpc and pulumi.",
        )


def _input(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdin is not None  # noqa: S101 - opened as a pipe
    return process.stdin
