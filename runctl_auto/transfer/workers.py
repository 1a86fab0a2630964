"""Threads that move parts and small files; a bounded queue keeps memory and open files few."""

from __future__ import annotations

import errno
import mmap
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from runctl_auto.errors import (
    CloudError,
    CredentialsError,
    ExtraMissingError,
    LocalDiskFullError,
    RunctlError,
    ThrottledError,
    UnreachableError,
)

PART_BYTES = 8 << 20
"""A part, and the largest file that is moved by one request; each thread has a buffer of this size."""

_AHEAD = 4
"""Tasks that wait for each thread at most."""

Task = Callable[[memoryview], None]
"""Work for one thread, given the buffer that it may use."""


class Workers:
    """``count`` threads, each with a buffer of ``buffer_bytes``. An error that a task raises stops all."""

    def __init__(self, count: int, buffer_bytes: int = PART_BYTES) -> None:
        self._count = count
        self._buffer_bytes = buffer_bytes
        self._tasks: deque[Task] = deque()
        lock = threading.Lock()
        # Each change wakes one thread at most: to wake all for every small file costs more than to move it.
        self._to_do, self._room = threading.Condition(lock), threading.Condition(lock)
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None
        self._finishing = self._stopping = False

    def submit(self, task: Task) -> None:
        """Queues a task; blocks while the queue is full. Raises the error that stopped the threads, once all
        have ended, as ``finish`` does: none leaves a file half written.
        """
        if len(self._threads) < self._count:
            self._start()
        with self._room:
            while len(self._tasks) >= _AHEAD * self._count and not self._stopping:
                self._room.wait()
            if self._failure is None:
                self._tasks.append(task)
                self._to_do.notify()
                return
        self.finish()

    def finish(self) -> None:
        """Waits until all tasks have ended. Raises the error that stopped the threads."""
        with self._to_do:
            self._finishing = True
            self._to_do.notify_all()
        for each in self._threads:
            each.join()
        self._raise()

    def stop(self) -> None:
        """Lets the threads end after the request that each is in; tasks in the queue are dropped."""
        with self._to_do:
            self._stopping = True
            self._tasks.clear()
            self._to_do.notify_all()
            self._room.notify_all()

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, daemon=True, name=f"transfer-{len(self._threads)}")
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        buffer = memoryview(mmap.mmap(-1, self._buffer_bytes))  # takes memory only as it is used
        while (task := self._next()) is not None:
            try:
                task(buffer)
            except BaseException as error:
                self._failure = self._failure or error
                self.stop()

    def _next(self) -> Task | None:
        with self._to_do:
            while not (self._tasks or self._finishing or self._stopping):
                self._to_do.wait()
            if self._stopping or not self._tasks:
                return None
            task = self._tasks.popleft()
            if len(self._tasks) == self._count:
                self._room.notify()
            return task

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A file that was not transferred."""

    path: str
    why: str
    kind: str


@dataclass
class Failures:
    """Collects what went wrong with single files; what concerns all is raised. Thread-safe."""

    found: list[Failure] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, path: str, error: Exception) -> None:
        """Notes the error of one file, or raises it when no other file would fare better."""
        typed = typed_error(path, error)
        if _concerns_all(typed):
            if typed is error:
                raise typed
            raise typed from error
        with self._lock:
            self.found.append(Failure(path=path, why=str(typed), kind=typed.kind))


def typed_error(path: str, error: Exception) -> RunctlError:
    """The error with a type. Raises it unchanged when it is a defect of this program."""
    if isinstance(error, RunctlError):
        return error
    if not isinstance(error, OSError):
        raise error
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LocalDiskFullError(
            f"The disk is full: {path} could not be written.",
            where={"file": path},
            next_step="Make room and repeat the command; it continues where it was.",
        )
    return RunctlError(error.strerror or str(error), where={"file": path})


def _concerns_all(error: RunctlError) -> bool:
    if isinstance(error, CloudError) and error.code == "NoSuchBucket":
        return True
    return isinstance(
        error, (CredentialsError, LocalDiskFullError, ExtraMissingError, ThrottledError, UnreachableError)
    )
