"""A lock of the system on an open file: it ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
from typing import Protocol


class Open(Protocol):
    """An open file, or anything else with a descriptor."""

    def fileno(self) -> int: ...


def take(file: Open) -> bool:
    """Takes the lock on ``file`` unless another process, or another opening of it here, has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
