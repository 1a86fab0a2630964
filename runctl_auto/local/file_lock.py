"""An operating-system lock on an open file: released when the process that holds it ends, even by a crash."""

from __future__ import annotations

import fcntl
from typing import Protocol


class Open(Protocol):
    """An open file, or anything else with a descriptor."""

    def fileno(self) -> int: ...


def take(file: Open) -> bool:
    """Takes the lock on ``file`` unless another process, or another open file of this process, holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
