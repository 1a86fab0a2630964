"""Starts tasks as children of a warm parent, which has imported their modules already."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from . import warm_wire
from .errors import LanguageHostError
from .processes import FOLDER, GRACE_SECONDS, Command, NewProcesses, Running


@dataclass(frozen=True)
class Preload:
    """Modules that the warm parent imports; ``search`` are folders that come first on the import path while
    it does so. A module that cannot be imported is left to the program."""

    modules: Sequence[str]
    search: Sequence[str] = ()


def can_fork() -> bool:
    """Whether this system has what a warm parent needs. The libraries of macOS do not bear ``fork``."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds") and sys.platform != "darwin"


class WarmProcesses:
    """Starts tasks as forks of one process. What the warm parent cannot start is started anew.

    ``python`` and ``environment`` are those of the warm parent: a task of another interpreter is started
    anew. Starting the parent does not block; a task waits until its imports are done.
    """

    def __init__(
        self, python: str, environment: Mapping[str, str], preload: Preload, lifeline: int, anew: NewProcesses
    ) -> None:
        self._python, self._anew = python, anew
        self._lock = threading.Lock()
        self._tasks: dict[int, _WarmTask] = {}
        self._last = 0
        self._connection, other_end = socket.socketpair()
        settings = {
            "socket": other_end.fileno(),
            "lifeline": lifeline,
            "modules": list(preload.modules),
            "search": list(preload.search),
        }
        try:
            self._process = subprocess.Popen(
                [python, "-u", str(FOLDER), "warm", json.dumps(settings)],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=2,  # what an import prints belongs to no program
                pass_fds=(other_end.fileno(), lifeline),
            )
        finally:
            other_end.close()
        threading.Thread(target=self._read_answers, daemon=True).start()

    def start(self, command: Command) -> Running:
        """Starts a task; blocks until it runs. Raises ``LanguageHostError`` when it cannot be started."""
        if command.python != self._python:
            return self._anew.start(command)
        try:
            return self._fork(command)
        except (LanguageHostError, OSError) as error:
            sys.stderr.write(f"A task is started anew, since the warm parent did not start it: {error}\n")
            return self._anew.start(command)

    def close(self) -> None:
        """Ends the warm parent, which kills its children. Blocks until it has ended."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # it may still be importing
            self._process.wait()

    def _fork(self, command: Command) -> _WarmTask:
        pipes = [os.pipe(), os.pipe()]
        with self._lock:
            self._last += 1
            started = _WarmTask(self, self._last, os.fdopen(pipes[0][0], "rb"), os.fdopen(pipes[1][0], "rb"))
            request = {
                "number": started.number,
                "folder": str(command.folder),
                "environment": dict(command.environment),
                "task": dict(command.task),
            }
            try:
                self._tasks[started.number] = started
                warm_wire.send(self._connection, request, [writing for _, writing in pipes])
            except OSError:
                self._tasks.pop(started.number, None)
                started.discard()
                raise
            finally:
                for _, writing in pipes:
                    os.close(writing)
        started.wait_for_start()
        return started

    def signal(self, number: int, signal_number: int) -> None:
        """Sends a signal to the group of a task that has not ended."""
        with self._lock, contextlib.suppress(OSError):
            warm_wire.send(self._connection, {"number": number, "signal": signal_number})

    def _read_answers(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._connection.makefile("rb") as lines:
            for line in lines:
                self._take(json.loads(line))
        with self._lock:
            left = list(self._tasks.values())
            self._tasks.clear()
        for each in left:
            each.abandon()

    def _take(self, answer: Mapping[str, Any]) -> None:
        number = answer["number"]
        if "process" in answer:
            with self._lock:
                started = self._tasks.get(number)
            if started is not None:
                started.has_started(answer["process"])
            return
        with self._lock:
            ended = self._tasks.pop(number, None)
        if ended is not None and "code" in answer:
            ended.has_ended(answer["code"])
        elif ended is not None:
            ended.was_refused(answer["refused"])


class _WarmTask:
    def __init__(self, parent: WarmProcesses, number: int, stdout: BinaryIO, stderr: BinaryIO) -> None:
        self._parent, self.number = parent, number
        self.stdout, self.stderr = stdout, stderr
        self._started, self._ended = threading.Event(), threading.Event()
        self._stopping = threading.Lock()
        self._process: int | None = None
        self._code = 0
        self._refused = ""

    def wait(self) -> int:
        self._ended.wait()
        return self._code

    def stop(self) -> None:
        if not self._ended.is_set() and self._stopping.acquire(blocking=False):
            self._parent.signal(self.number, signal.SIGTERM)
            threading.Thread(target=self._kill_after_grace, daemon=True).start()

    def wait_for_start(self) -> None:
        """Blocks until the task runs. Raises ``LanguageHostError`` when the warm parent refused it."""
        self._started.wait()
        if self._refused:
            self.discard()
            raise LanguageHostError(self._refused)

    def discard(self) -> None:
        """Closes the streams of a task that was not started."""
        self.stdout.close()
        self.stderr.close()

    def has_started(self, process: int) -> None:
        self._process = process
        self._started.set()

    def has_ended(self, code: int) -> None:
        self._code = code
        self._started.set()
        self._ended.set()

    def was_refused(self, reason: str) -> None:
        self._refused = reason
        self._started.set()
        self._ended.set()

    def abandon(self) -> None:
        """The warm parent is gone: kills the task's group, or lets it be started anew if it never ran."""
        if self._process is None:
            self.was_refused("it has ended")
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process, signal.SIGKILL)
        self.has_ended(-signal.SIGKILL)

    def _kill_after_grace(self) -> None:
        if not self._ended.wait(GRACE_SECONDS):
            self._parent.signal(self.number, signal.SIGKILL)
