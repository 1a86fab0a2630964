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
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress

SHARED_FROM = 256
"""With fewer pieces a process costs more than it moves."""
MOST_PROCESSES = 4
_TOLD = struct.Struct("<IB")
_CHUNK = struct.Struct("<I")
_FEWEST_IN_A_CHUNK = 32
_MOST_CHUNKS = 8000
"""Their numbers fit into the buffer of a pipe."""
_TOLD_AT_ONCE = 64

Tell = Callable[[int, int], None]
"""Tells of a piece by its index that it was done, and how (0 to 255)."""
Work = Callable[[Iterator[int], Tell, int], None]
"""Does pieces, by index, and tells of each that was done; the number is how many processes do so at once."""


def share_out(count: int, work: Work, tell: Tell, *, processes: int | None = None) -> None:
    """Does ``count`` pieces in several processes, and tells of those that were done, in this one. Blocks.

    A piece may be left undone; it is not told of then. In the other processes an exception ends the share.
    """
    number = _processes() if processes is None else processes
    if count < SHARED_FROM or number < 2 or not _may_fork():
        work(iter(range(count)), tell, 1)
        return
    team = _Team(count, work, number)
    try:
        for _ in range(number):
            team.start()
        team.listen(tell)
    finally:
        team.end()


def _processes() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_PROCESSES, usable)


def _may_fork() -> bool:
    return sys.platform == "linux"


class _Team:
    def __init__(self, count: int, work: Work, number: int) -> None:
        self._number = number
        self._count = count
        self._work = work
        self._size = max(_FEWEST_IN_A_CHUNK, -(-count // _MOST_CHUNKS))
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
        gc.collect()
        gc.freeze()  # memory that is not written to stays shared
        with warnings.catch_warnings():
            # Other threads only show the progress; what is forked uses nothing that they lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        if not process:
            self._be_member(telling, (heard, *self._members))
        gc.unfreeze()
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
                    for index, how in _TOLD.iter_unpack(told[:whole]):
                        tell(index, how)
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


class _Report:
    def __init__(self, to: int) -> None:
        self._to = to
        self._told = bytearray()

    def tell(self, index: int, how: int) -> None:
        self._told += _TOLD.pack(index, how)
        if len(self._told) >= _TOLD_AT_ONCE * _TOLD.size:
            self.send()

    def send(self) -> None:
        told = memoryview(bytes(self._told))
        self._told.clear()
        while told:
            told = told[os.write(self._to, told) :]
