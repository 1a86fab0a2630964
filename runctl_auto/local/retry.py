"""Retries after transient errors: exponential backoff with jitter, a bounded number of attempts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from runctl_auto.agent.tracing import spans

Result = TypeVar("Result")


@dataclass(frozen=True)
class RetryPolicy:
    """Number of attempts and delays in seconds. ``jitter`` is a fraction of each delay, up or down."""

    attempts: int = 3
    first_wait: float = 0.1
    factor: float = 2.0
    cap: float = 30.0
    jitter: float = 0.1

    def wait_after(self, attempt: int, fraction: float) -> float:
        """Seconds to wait after failed attempt ``attempt`` (from 1); ``fraction`` 0..1 selects the jitter."""
        wait = min(self.cap, self.first_wait * self.factor ** (attempt - 1))
        return min(self.cap, wait * (1 + self.jitter * (2 * fraction - 1)))


DATA_CALLS = RetryPolicy()
CONTROL_CALLS = RetryPolicy(attempts=5)


class AttemptsExhausted(Exception):
    """Every attempt failed with a transient error; ``last`` is the error of the last one."""

    def __init__(self, last: BaseException) -> None:
        super().__init__(str(last))
        self.last = last


def repeat(
    operation: Callable[[], Result],
    passes: Callable[[BaseException], bool],
    *,
    policy: RetryPolicy = DATA_CALLS,
    sleep: Callable[[float], None] = time.sleep,
    fraction: Callable[[], float] = random.random,
) -> Result:
    """Result of ``operation``, retried while ``passes`` reports its error as transient. Blocks between
    attempts.

    Raises a permanent error itself, ``AttemptsExhausted`` after the last attempt.
    """
    import tenacity

    def wait(state: tenacity.RetryCallState) -> float:
        last = state.outcome.exception() if state.outcome is not None else None
        spans.event("retry", attempt=state.attempt_number, after=type(last).__name__)
        return policy.wait_after(state.attempt_number, fraction())

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(passes),
        stop=tenacity.stop_after_attempt(policy.attempts),
        wait=wait,
        sleep=sleep,
        reraise=False,
    )
    try:
        return attempts(operation)
    except tenacity.RetryError as exhausted:
        last = exhausted.last_attempt.exception()
        assert last is not None  # a result would have been returned  # noqa: S101
        raise AttemptsExhausted(last) from last
