"""Calls of RunPod's API: what is repeated, what is not, and what each status means."""

from __future__ import annotations

import pytest
from support.runpod_account import KEY, RunpodUnderTest

from runctl_auto.errors import (
    AccessDeniedError,
    BalanceSpentError,
    CloudError,
    CredentialsError,
    NotFoundError,
    PlacementRefusedError,
    RetriesExhaustedError,
    ThrottledError,
    UnreachableError,
)
from runctl_auto.providers.runpod.access import RunpodAccess
from runctl_auto.providers.runpod.client import Answer, RunpodClient
from runctl_auto.providers.runpod.errors import class_of

VOLUME = {"name": "runctl-v", "size": 10, "dataCenter": "US-KS-2"}


def test_a_read_is_repeated_after_a_passing_failure(runpod: RunpodUnderTest) -> None:
    runpod.fail("failing", times=2)
    assert runpod.client.read("/v2/templates") == {"templates": []}
    assert runpod.slept == [0.1, 0.2]


def test_retry_after_is_kept(runpod: RunpodUnderTest) -> None:
    runpod.fail("throttled", times=2)
    assert runpod.client.read("/v2/templates") == {"templates": []}
    assert runpod.slept == [1, 1]


def test_a_creation_waits_when_it_was_refused_unseen(runpod: RunpodUnderTest) -> None:
    runpod.fail("throttled", times=1)
    assert runpod.client.create_once("/v2/network-volumes", VOLUME)["name"] == "runctl-v"
    assert runpod.slept == [1]


def test_a_creation_that_failed_is_not_repeated(runpod: RunpodUnderTest) -> None:
    runpod.fail("failing-after")
    with pytest.raises(UnreachableError):
        runpod.client.create_once("/v2/network-volumes", VOLUME)
    assert len(runpod.sent) == 1
    assert runpod.slept == []


def test_throttled_to_the_end(runpod: RunpodUnderTest) -> None:
    runpod.fail("throttled", times=9)
    with pytest.raises(ThrottledError) as caught:
        runpod.client.read("/v2/templates")
    assert caught.value.code == "429"
    assert len(runpod.sent) == 4


def test_failing_to_the_end_tells_the_attempts(runpod: RunpodUnderTest) -> None:
    runpod.fail("failing", times=9)
    with pytest.raises(RetriesExhaustedError) as caught:
        runpod.client.read("/v2/templates")
    assert caught.value.attempts == 4
    assert isinstance(caught.value.__cause__, UnreachableError)


def test_too_long_a_wait_is_an_error_at_once() -> None:
    slept: list[float] = []

    def send(*_: object) -> Answer:
        return Answer(429, {"retry-after": "3600"}, b"{}")

    client = RunpodClient(RunpodAccess("https://api.example", KEY), send, sleep=slept.append)
    with pytest.raises(ThrottledError):
        client.read("/v2/pods")
    assert slept == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("key-revoked", CredentialsError),
        ("balance-spent", BalanceSpentError),
        ("forbidden", AccessDeniedError),
    ],
)
def test_what_does_not_pass_is_raised_at_once(
    runpod: RunpodUnderTest, kind: str, error: type[CloudError]
) -> None:
    runpod.fail(kind, times=9)
    with pytest.raises(error) as caught:
        runpod.client.read("/v2/pods", {"includeClusterPods": True})
    assert len(runpod.sent) == 1
    assert caught.value.next_step


def test_a_violation_is_told_and_never_repeated(runpod: RunpodUnderTest) -> None:
    runpod.account.create_volume({**VOLUME})
    (volume,) = runpod.account.all("networkVolumes")
    with pytest.raises(CloudError, match="the body: is empty") as caught:
        runpod.client.change(f"/v2/network-volumes/{volume['id']}", {})
    assert caught.value.code == "422"
    assert len(runpod.sent) == 1


def test_what_is_not_there(runpod: RunpodUnderTest) -> None:
    with pytest.raises(NotFoundError):
        runpod.client.delete("/v2/templates/none")


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, PlacementRefusedError), (422, CloudError), (409, CloudError), (503, UnreachableError)],
)
def test_statuses_of_a_new_pod(status: int, error: type[CloudError]) -> None:
    assert class_of(status, "POST", "/v2/pods") is error


def test_400_is_no_lack_of_capacity_elsewhere() -> None:
    assert class_of(400, "DELETE", "/v2/templates/x") is CloudError


def test_no_answer_at_all() -> None:
    def send(*_: object) -> Answer:
        raise ConnectionRefusedError

    client = RunpodClient(RunpodAccess("https://api.example", KEY), send, sleep=lambda _: None)
    with pytest.raises(RetriesExhaustedError, match="did not answer GET /v2/pods: ConnectionRefusedError"):
        client.read("/v2/pods")


@pytest.mark.parametrize("body", [b"no json", b"[]"])
def test_an_answer_that_is_no_object(body: bytes) -> None:
    client = RunpodClient(RunpodAccess("https://api.example", KEY), lambda *_: Answer(200, {}, body))
    with pytest.raises(CloudError, match="no JSON object"):
        client.read("/v2/pods")


def test_no_error_holds_the_key(runpod: RunpodUnderTest) -> None:
    runpod.fail("key-revoked", times=9)
    with pytest.raises(CredentialsError) as caught:
        runpod.client.read("/v2/templates")
    assert KEY not in repr(caught.value.as_json()) + repr(RunpodAccess("https://api.example", KEY))


def test_events_after_the_last_one_seen(runpod: RunpodUnderTest) -> None:
    pod = runpod.account.create_pod({"name": "p", "image": "i", "gpu": {"id": "NVIDIA A40"}})
    runpod.hosts.consoles[pod["id"]] = b"one\ntwo\nthree\nunfinished"
    path = f"/v2/pods/{pod['id']}/logs"
    text = runpod.client.events(path, {"tail": 2})
    assert [line for line in ("one", "two", "three", "unfinished") if f'"{line}"' in text] == ["two", "three"]
    second = text.split("\n")[0].removeprefix("id: ")
    assert '"two"' not in runpod.client.events(path, {"tail": 2}, last=second)
