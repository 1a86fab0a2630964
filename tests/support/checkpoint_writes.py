"""Numbered writes of a stack's checkpoint in a file backend: run an action just before or after the n-th.

Watches the folder with inotify, so that the action runs within a millisecond. A write creates a temporary
file (before), which is renamed to the checkpoint (after).
"""

from __future__ import annotations

import ctypes
import os
import re
import select
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_IN_MOVED_TO = 0x80
_IN_CREATE = 0x100
_HEADER = struct.Struct("iIII")


@dataclass(frozen=True)
class CheckpointWrites:
    """The writes of one stack's checkpoint below `state`, the backend's folder."""

    state: Path
    job: str

    def watch(self) -> OpenWatch:
        """Start counting; no later write is missed."""
        folder = self.state / ".pulumi" / "stacks" / "runctl"
        folder.mkdir(parents=True, exist_ok=True)
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = libc.inotify_init1(os.O_CLOEXEC)
        if (
            descriptor < 0
            or libc.inotify_add_watch(descriptor, os.fsencode(folder), _IN_MOVED_TO | _IN_CREATE) < 0
        ):
            raise OSError(ctypes.get_errno(), "inotify")
        return OpenWatch(descriptor, f"{self.job}.json")


class OpenWatch:
    """Counts writes from 1."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._temporary = re.compile(rf"{re.escape(name)}\.[0-9a-f]+\.tmp")

    def close(self) -> None:
        os.close(self._descriptor)

    def count(self) -> int:
        """Number of writes since the watch was opened or `count` was last called."""
        count = 0
        while events := list(self._events()):
            count += sum(self._is_write(mask, name, "after") for mask, name in events)
        return count

    def at(
        self,
        number: int,
        when: Literal["before", "after"],
        action: Callable[[], None],
        goes_on: Callable[[], bool],
        *,
        seconds: float = 240,
    ) -> bool:
        """Call `action` at the write `number`; False when the operation ended (`goes_on`) without it."""
        count = 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = not goes_on()
            for mask, name in self._events():
                count += self._is_write(mask, name, when)
                if count == number:
                    action()
                    return True
            if ended:
                return False
        raise AssertionError(f"write {number} did not come within {seconds} s; there were {count}")

    def _is_write(self, mask: int, name: str, when: str) -> bool:
        if when == "after":
            return bool(mask & _IN_MOVED_TO) and name == self._name
        return bool(mask & _IN_CREATE) and self._temporary.fullmatch(name) is not None

    def _events(self) -> Iterator[tuple[int, str]]:
        if not select.select([self._descriptor], [], [], 0.2)[0]:
            return
        data = os.read(self._descriptor, 65536)
        while data:
            _, mask, _, length = _HEADER.unpack_from(data)
            name = data[_HEADER.size : _HEADER.size + length].rstrip(b"\0").decode()
            yield mask, name
            data = data[_HEADER.size + length :]
