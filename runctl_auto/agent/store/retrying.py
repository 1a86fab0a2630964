"""Retries transient errors: exponential backoff with jitter, a bounded number of attempts."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from runctl_auto.agent.errors import AgentError, RetriesExhaustedError
from runctl_auto.agent.tracing import spans

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """Waits in seconds; each wait deviates from its computed length by at most the share `jitter`."""

    attempts: int = 3
    first_wait: float = 0.1
    factor: float = 2.0
    longest_wait: float = 30.0
    jitter: float = 0.1

    def wait(self, attempt: int, chance: float) -> float:
        """The wait after the failed `attempt` (from 1); `chance` is between 0 and 1."""
        wait = min(self.longest_wait, self.first_wait * self.factor ** min(attempt - 1, 32))
        return wait * (1 + self.jitter * (2 * chance - 1))


@dataclass(frozen=True)
class Retrier:
    """Retries calls that failed with a transient error. Clock, sleep and chance are injected by tests."""

    policy: RetryPolicy = RetryPolicy()
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = random.random

    def call(
        self,
        operation: Callable[[], T],
        is_passing: Callable[[AgentError], bool],
        patience: Callable[[AgentError], float] = lambda _: 0.0,
    ) -> T:
        """The result of `operation`. A permanent error is raised at once.

        After the policy's attempts it continues only while the clock is before `patience(error)`; then it
        raises RetriesExhaustedError with the number of attempts, caused by the last error.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return operation()
            except AgentError as error:
                if not is_passing(error):
                    raise
                wait = self.policy.wait(attempt, self.chance())
                spent = attempt >= self.policy.attempts
                if spent and self.clock() + wait > patience(error):
                    raise RetriesExhaustedError(f"{error} (given up after {attempt} attempts)") from error
                spans.event("retry", after=type(error).__name__)
                self.sleep(wait)
