"""Shares many small pieces of work out among processes: one process moves what one processor can.

Only where processes can be forked safely (Linux, while no other thread of this process moves data); elsewhere
the calling process does all. What a process that dies was about to do is done by nobody here: the caller sees
what is left.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import struct
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

SHARED_FROM = 256
"""With fewer pieces a process costs more than it moves."""
MOST_PROCESSES = 4
_TOLD = struct.Struct("<IQ")
_CHUNK = struct.Struct("<I")
_FEWEST_IN_A_CHUNK = 32
_MOST_CHUNKS = 8000
"""Their numbers fit into the buffer of a pipe."""
_FROZEN_BY_PYTHON = 10_000
"""Python 3.12 freezes some hundred objects when it starts; who does so itself freezes all there are."""
_TOLD_AT_ONCE = 64
_SILENT_SECONDS = 0.05
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""

Tell = Callable[[int, int], None]
"""Tells of a piece by its index that it was done, with what came of it (0 to 2**64 - 1). Thread-safe."""
Work = Callable[[Iterator[int], Tell, int], None]
"""Does pieces, by index, and tells of each that was done; the number is how many processes do so at once."""


def share_out(count: int, work: Work, tell: Tell, *, processes: int | None = None) -> None:
    """Does ``count`` pieces, in several processes if there are many; tells of those that were done. Blocks.

    A piece may be left undone; it is not told of then. In the other processes an exception ends the share.
    """
    number = usable_processes() if processes is None else processes
    if count < SHARED_FROM or number < 2:
        work(iter(range(count)), tell, 1)
    else:
        in_processes(count, work, tell, number=number, fewest_at_once=_FEWEST_IN_A_CHUNK)


def in_processes(count: int, work: Work, tell: Tell, *, number: int, fewest_at_once: int = 1) -> None:
    """As ``share_out``, always in ``number`` processes; each takes ``fewest_at_once`` pieces or more."""
    team = _Team(count, work, number, max(fewest_at_once, -(-count // _MOST_CHUNKS)))
    try:
        with _unwritten_memory():
            for _ in range(number):
                team.start()
        team.listen(tell)
    finally:
        team.end()


def usable_processes() -> int:
    """How many processes can be at work; 1 where none can be forked."""
    if sys.platform != "linux":
        return 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_PROCESSES, usable)


@contextmanager
def _unwritten_memory() -> Iterator[None]:
    """Garbage collections of forked processes write nothing to what there is: it stays shared."""
    if gc.get_freeze_count() > _FROZEN_BY_PYTHON:  # somebody else has seen to that
        yield
        return
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class _Team:
    def __init__(self, count: int, work: Work, number: int, size: int) -> None:
        self._number = number
        self._parent = os.getpid()
        self._count = count
        self._work = work
        self._size = size
        self._chunks, to_chunks = os.pipe()
        try:
            for chunk in range(-(-count // self._size)):
                os.write(to_chunks, _CHUNK.pack(chunk))
        finally:
            os.close(to_chunks)
        self._members: dict[int, int] = {}
        """The reading ends of what members tell, and their process ids."""

    def start(self) -> None:
        heard, telling = os.pipe()
        with warnings.catch_warnings():
            # Other threads only show the progress; what is forked uses nothing that they lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        if not process:
            self._be_member(telling, (heard, *self._members))
        os.close(telling)
        self._members[heard] = process

    def listen(self, tell: Tell) -> None:
        """Passes on what members tell until all have ended."""
        with selectors.DefaultSelector() as selector:
            rest = dict.fromkeys(self._members, b"")
            for heard in rest:
                selector.register(heard, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    heard = key.fd
                    found = os.read(heard, 64 << 10)
                    if not found:
                        selector.unregister(heard)
                    told = rest[heard] + found
                    whole = len(told) - len(told) % _TOLD.size
                    for index, result in _TOLD.iter_unpack(told[:whole]):
                        tell(index, result)
                    rest[heard] = told[whole:]

    def end(self) -> None:
        for heard, process in self._members.items():
            os.close(heard)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        self._members = {}
        os.close(self._chunks)

    def _be_member(self, telling: int, others: tuple[int, ...]) -> None:
        """What the forked process does; never returns. It ends when nobody listens to it any more."""
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the listening process decides
            _die_with(self._parent)
            for each in others:
                os.close(each)
            report = _Report(telling)
            self._work(self._pieces(), report.tell, self._number)
            report.send()
        finally:
            os._exit(0)

    def _pieces(self) -> Iterator[int]:
        while number := os.read(self._chunks, _CHUNK.size):
            start = _CHUNK.unpack(number)[0] * self._size
            yield from range(start, min(start + self._size, self._count))


def _die_with(parent: int) -> None:
    """Lets the kernel kill this process when its parent ends: nobody would hear of what it does."""
    import ctypes

    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


class _Report:
    def __init__(self, to: int) -> None:
        self._to = to
        self._told = bytearray()
        self._lock = threading.Lock()
        self._sent_at = time.monotonic()

    def tell(self, index: int, result: int) -> None:
        with self._lock:
            self._told += _TOLD.pack(index, result)
            is_late = time.monotonic() - self._sent_at > _SILENT_SECONDS
            if is_late or len(self._told) >= _TOLD_AT_ONCE * _TOLD.size:
                self.send()

    def send(self) -> None:
        self._sent_at = time.monotonic()
        told = memoryview(bytes(self._told))
        self._told.clear()
        while told:
            told = told[os.write(self._to, told) :]
