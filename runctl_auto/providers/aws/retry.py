"""Retries calls to AWS on transient errors, and types the error of those that fail.

Every call to AWS outside the engine goes through ``call``. The service's error code decides whether an error
is transient (``errors.passes``); a permanent error is raised at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from runctl_auto.agent.tracing import spans
from runctl_auto.errors import CloudError, RetriesExhaustedError, ThrottledError, UnreachableError
from runctl_auto.local.retry import DATA_CALLS, AttemptsExhausted, RetryPolicy, repeat
from runctl_auto.providers.aws.errors import class_of_code, error_code, next_step_for, passes, translate

Result = TypeVar("Result")


def call(
    operation: Callable[[], Result],
    what: str,
    *,
    policy: RetryPolicy = DATA_CALLS,
    where: Mapping[str, str] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    fraction: Callable[[], float] = random.random,
) -> Result:
    """Result of ``operation``, retried while its error is transient. Blocks for the waits between.

    Raises the typed error of the cause: at once for a permanent one; after the last attempt,
    ``ThrottledError`` for throttling and ``RetriesExhaustedError`` otherwise, with the last cause chained.
    """
    with spans.span("cloud call", what=what):
        return _typed(
            lambda: repeat(operation, passes, policy=policy, sleep=sleep, fraction=fraction),
            what,
            policy,
            where,
        )


def _typed(
    repeated: Callable[[], Result], what: str, policy: RetryPolicy, where: Mapping[str, str] | None
) -> Result:
    try:
        return repeated()
    except AttemptsExhausted as exhausted:
        raise _exhausted(exhausted.last, what, policy.attempts, where) from exhausted.last
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
