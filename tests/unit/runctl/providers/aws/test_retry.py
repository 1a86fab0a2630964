"""Retries: what may pass is repeated, with the waits of the policy; the rest is raised at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    CredentialsError,
    NotFoundError,
    RetriesExhaustedError,
    ThrottledError,
    UnreachableError,
)
from runctl_auto.local.retry import CONTROL_CALLS, DATA_CALLS, RetryPolicy
from runctl_auto.providers.aws import retry


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "DescribeThings",
    )


class Failing:
    """Raises the given errors, one a call, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def called(operation: Callable[[], str], policy: RetryPolicy = DATA_CALLS) -> tuple[str, list[float]]:
    waits: list[float] = []
    answer = retry.call(operation, "things", policy=policy, sleep=waits.append, fraction=lambda: 0.5)
    return answer, waits


@pytest.mark.parametrize(
    "error",
    [
        client_error("Throttling"),
        client_error("RequestLimitExceeded"),
        client_error("SlowDown", 503),
        client_error("InternalError", 500),
        client_error("SomethingNew", 502),
        EndpointConnectionError(endpoint_url="http://x"),
    ],
    ids=lambda error: str(error)[:40],
)
def test_what_passes_is_repeated(error: Exception) -> None:
    operation = Failing(error, error)
    answer, waits = called(operation)
    assert answer == "answer"
    assert operation.calls == 3
    assert waits == [0.1, 0.2]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("AccessDenied", 403), AccessDeniedError),
        (client_error("UnauthorizedOperation", 403), AccessDeniedError),
        (client_error("ExpiredToken"), CredentialsError),
        (client_error("NoSuchKey", 404), NotFoundError),
        (client_error("InvalidVolume.NotFound"), NotFoundError),
        (client_error("NeverHeardOf"), CloudError),
        (NoCredentialsError(), CredentialsError),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_pass_is_raised_at_once(error: Exception, kind: type[CloudError]) -> None:
    operation = Failing(error)
    with pytest.raises(CloudError) as raised:
        called(operation)
    assert type(raised.value) is kind
    assert raised.value.__cause__ is error
    assert operation.calls == 1


def test_control_calls_get_five_attempts_with_doubling_waits() -> None:
    operation = Failing(*[client_error("Throttling")] * 4)
    _, waits = called(operation, CONTROL_CALLS)
    assert operation.calls == 5
    assert waits == [0.1, 0.2, 0.4, 0.8]


def test_exhausted_throttling_is_throttling_and_tells_the_attempts() -> None:
    last = client_error("Throttling")
    with pytest.raises(ThrottledError, match="3 times") as raised:
        called(Failing(*[client_error("Throttling")] * 2, last))
    assert raised.value.__cause__ is last


def test_exhausted_faults_tell_the_attempts_and_the_code() -> None:
    with pytest.raises(RetriesExhaustedError) as raised:
        called(Failing(*[client_error("InternalError", 500)] * 3))
    assert (raised.value.attempts, raised.value.code) == (3, "InternalError")


def test_an_endpoint_that_never_answers_is_unreachable() -> None:
    with pytest.raises(UnreachableError):
        called(Failing(*[EndpointConnectionError(endpoint_url="http://x")] * 3))


def test_a_mistake_of_our_own_is_not_disguised_as_the_clouds() -> None:
    with pytest.raises(KeyError):
        called(Failing(KeyError("bug")))


@given(attempt=st.integers(1, 40), fraction=st.floats(0, 1))
def test_waits_stay_within_jitter_and_cap(attempt: int, fraction: float) -> None:
    policy = RetryPolicy()
    plain = min(30.0, 0.1 * 2 ** (attempt - 1))
    wait = policy.wait_after(attempt, fraction)
    assert plain * 0.9 - 1e-9 <= wait <= min(30.0, plain * 1.1 + 1e-9)
