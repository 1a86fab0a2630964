"""Repeats calls that may pass: exponential waits with jitter, a bounded number of attempts, injected sleep.

Every cloud call outside the engine goes through ``call``. What may pass is decided by the service's error
code (``cloud_errors.passes``); a permanent error is raised at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from runctl_auto.errors import CloudError, RetriesExhaustedError, ThrottledError, UnreachableError
from runctl_auto.providers.aws.errors import class_of_code, error_code, next_step_for, passes, translate

Result = TypeVar("Result")


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long apart; seconds. ``jitter`` is a fraction of each wait, to both sides."""

    attempts: int = 3
    first_wait: float = 0.1
    factor: float = 2.0
    cap: float = 30.0
    jitter: float = 0.1

    def wait_after(self, attempt: int, fraction: float) -> float:
        """Seconds to wait after failed attempt ``attempt`` (from 1); ``fraction`` 0..1 places the jitter."""
        wait = min(self.cap, self.first_wait * self.factor ** (attempt - 1))
        return min(self.cap, wait * (1 + self.jitter * (2 * fraction - 1)))


DATA_CALLS = RetryPolicy()
CONTROL_CALLS = RetryPolicy(attempts=5)


def call(
    operation: Callable[[], Result],
    what: str,
    *,
    policy: RetryPolicy = DATA_CALLS,
    where: Mapping[str, str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    fraction: Callable[[], float] = random.random,
) -> Result:
    """Result of ``operation``, repeated while its error may pass. Blocks for the waits between.

    Raises the typed error of the cause: at once for a permanent one; when the attempts ran out,
    ``ThrottledError`` for throttling and ``RetriesExhaustedError`` for the rest, with the last cause chained.
    """
    import tenacity

    def wait(state: tenacity.RetryCallState) -> float:
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
        raise _exhausted(last, what, policy.attempts, where) from last
    except CloudError:
        raise
    except Exception as error:
        if not _is_cloud_failure(error):
            raise
        raise translate(error, what, where) from error


def _is_cloud_failure(error: Exception) -> bool:
    return error_code(error) is not None or type(error).__module__.startswith("botocore")


def _exhausted(last: BaseException, what: str, attempts: int, where: Mapping[str, str] | None) -> CloudError:
    code = error_code(last)
    sentence = f"{what} failed {attempts} times, last with: {last}"
    if isinstance(last, ThrottledError) or (code and class_of_code(code) is ThrottledError):
        return ThrottledError(sentence, code=code, where=where, next_step=next_step_for(ThrottledError))
    if isinstance(translate(last, what), UnreachableError):
        return UnreachableError(sentence, code=code, where=where, next_step=next_step_for(UnreachableError))
    return RetriesExhaustedError(
        sentence,
        attempts=attempts,
        code=code,
        where=where,
        next_step="Repeat the command later; if it goes on, look at the service's health page.",
    )
