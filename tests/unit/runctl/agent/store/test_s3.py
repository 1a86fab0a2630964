from __future__ import annotations

import contextlib
import io

import pytest
from support.scripted_web import ScriptedWeb, listing_answer

from runctl_auto.agent.errors import (
    CredentialsError,
    RetriesExhaustedError,
    S3Error,
    UnreachableError,
)
from runctl_auto.agent.store.retrying import Retrier, RetryPolicy
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import PART_BYTES, S3Store
from runctl_auto.agent.store.sigv4 import Credentials

DENIED = (403, b"<Error><Code>AccessDenied</Code></Error>")
SLOW = (503, b"<Error><Code>SlowDown</Code></Error>")


def make(clock, *answers: object, part_bytes: int = PART_BYTES, **options) -> tuple[S3Store, ScriptedWeb]:
    web = ScriptedWeb(list(answers))
    sender = S3Requests(web, Bucket("b", "us-east-1", "1", "http://s3"), lambda: Credentials("a", "s"))
    retrier = Retrier(RetryPolicy(jitter=0), clock=clock, sleep=clock.wait, chance=lambda: 0.5)
    return S3(sender, retrier, **options), web


@pytest.mark.parametrize(
    "error", [SLOW, (500, b""), (429, b""), UnreachableError("reset"), CredentialsError("no")]
)
def test_passing_errors_are_retried(clock, error: object) -> None:
    s3, web = make(clock, error, error, (200, b"x"))
    assert s3.request("GET", "k") == b"x"
    assert len(web.asked) == 3
    assert clock.waits == pytest.approx([0.1, 0.2])


def test_three_attempts_and_no_more(clock) -> None:
    s3, web = make(clock, SLOW, SLOW, SLOW)
    with pytest.raises(RetriesExhaustedError):
        s3.request("GET", "k")
    assert len(web.asked) == 3


def test_a_refusal_is_final(clock) -> None:
    s3, web = make(clock, DENIED)
    with pytest.raises(S3Error, match="AccessDenied"):
        s3.request("GET", "k")
    assert len(web.asked) == 1


def test_right_after_boot_a_refusal_is_forgiven(clock) -> None:
    s3, web = make(clock, *[DENIED] * 6, (200, b"x"), forgive_until=clock.now + 120)
    assert s3.request("GET", "k") == b"x"
    assert len(web.asked) == 7


def test_forgiveness_ends(clock) -> None:
    end = clock.now + 120
    s3, _ = make(clock, *[DENIED] * 50, forgive_until=end)
    with pytest.raises((S3Error, RetriesExhaustedError), match="AccessDenied"):
        s3.request("GET", "k")
    assert clock.now <= end


def test_patience_retries_longer(clock) -> None:
    s3, web = make(clock, *[SLOW] * 6, (200, b""))
    s3.patient(60).request("PUT", "k", body=b"x")
    assert len(web.asked) == 7


def test_once_the_network_is_gone_for_two_minutes_a_call_is_made_once(clock) -> None:
    lost = [UnreachableError("no route")] * 100
    s3, web = make(clock, *lost)
    began = clock.now
    with pytest.raises(RetriesExhaustedError):
        s3.patient(120).request("PUT", "k", body=b"x")
    clock.now = began + 120
    asked = len(web.asked)
    for _ in range(5):
        with pytest.raises(UnreachableError):
            s3.patient(120).request("PUT", "k", body=b"x")
    assert len(web.asked) == asked + 5
    assert clock.now == began + 120, "nothing was waited for"


@pytest.mark.parametrize("answer", [(200, b""), (404, b"<Error><Code>NoSuchKey</Code></Error>")])
def test_any_answer_ends_the_outage(clock, answer: object) -> None:
    lost = UnreachableError("no route")
    s3, web = make(clock, lost, lost, lost, answer, lost, lost, (200, b""))
    with pytest.raises(RetriesExhaustedError):
        s3.request("PUT", "k", body=b"x")
    clock.now += 1000
    with contextlib.suppress(S3Error):
        s3.patient(1).request("PUT", "k", body=b"x")
    s3.request("PUT", "k", body=b"x")
    assert len(web.asked) == 7


def test_stale_credentials_are_forgotten_and_the_request_repeated(clock) -> None:
    forgotten: list[bool] = []
    stale = (400, b"<Error><Code>ExpiredToken</Code></Error>")
    s3, _ = make(clock, stale, (200, b"x"), forget_credentials=lambda: forgotten.append(True))
    assert s3.request("GET", "k") == b"x"
    assert forgotten == [True]


def test_a_listing_goes_on_to_its_last_page(clock) -> None:
    s3, web = make(clock, listing_answer("p/a", token="next=="), listing_answer("p/b"))
    assert [(each.key, each.size) for each in s3.list_stored("p/")] == [("p/a", 1), ("p/b", 1)]
    assert "continuation-token=next%3D%3D" in web.asked[1].url


def test_a_read_error_in_the_body_is_a_passing_one(clock) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError("reset")

    s3, web = make(clock, (200, b""), (200, b"x"))
    first = Breaking()
    real = web.send

    def send(*arguments, **options):
        answer = real(*arguments, **options)
        if len(web.asked) == 1:
            answer._stream = first
        return answer

    web.send = send  # type: ignore[method-assign]
    assert s3.request("GET", "k") == b"x"
