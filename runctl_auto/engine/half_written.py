"""Repeats a read of a stack that meets another engine's write.

An engine writes the attribute file of a state in place (``backend/attributes.py``). Whoever reads the state
at that moment is told "failed to load checkpoint: EOF"; a moment later it is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from runctl_auto.errors import EngineError
from runctl_auto.local.retry import AttemptsExhausted, RetryPolicy, repeat

TRIES = 10
PAUSE_SECONDS = 0.2
_POLICY = RetryPolicy(attempts=TRIES, first_wait=PAUSE_SECONDS, factor=1.0, jitter=0.0)
_HALF_WRITTEN = "failed to load checkpoint: EOF"

ResultT = TypeVar("ResultT")


def reread(read: Callable[[], ResultT], sleep: Callable[[float], None]) -> ResultT:
    """The result of ``read``, which is repeated for two seconds while it meets half-written files. Raises
    what it raises.
    """
    try:
        return repeat(read, _is_half_written, policy=_POLICY, sleep=sleep)
    except AttemptsExhausted as exhausted:
        raise exhausted.last from None


def _is_half_written(error: BaseException) -> bool:
    return isinstance(error, EngineError) and _HALF_WRITTEN in str(error)
