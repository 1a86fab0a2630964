"""Repeats a read of a stack that meets another engine's write.

An engine writes the attribute file of a state in place (``backend/attributes.py``). Whoever reads the state
at that moment is told "failed to load checkpoint: EOF"; a moment later it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runctl_auto.errors import EngineError

TRIES = 10
PAUSE_SECONDS = 0.2
_HALF_WRITTEN = "failed to load checkpoint: EOF"

ResultT = TypeVar("ResultT")


def reread(read: Callable[[], ResultT], sleep: Callable[[float], None]) -> ResultT:
    """The result of ``read``, which is repeated for two seconds while it meets half-written files. Raises
    what it raises.
    """
    for _ in range(TRIES - 1):
        try:
            return read()
        except EngineError as error:
            if _HALF_WRITTEN not in str(error):
                raise
        sleep(PAUSE_SECONDS)
    return read()
