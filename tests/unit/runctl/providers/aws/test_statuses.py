"""Many statuses at once: quickly where it goes smoothly, in the ordinary way where it does not."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from runctl_auto.agent.contract import status_key
from runctl_auto.errors import AccessDeniedError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.statuses import RunPlace, read_statuses
from runctl_auto.run.status import RunStatus


def document(phase: str) -> bytes:
    return json.dumps({"schema": 1, "phase": phase}).encode()


class Raw(io.BytesIO):
    """A body that is read from its connection as it is asked for."""

    def drain_conn(self) -> None:
        self.read()


@dataclass
class Connections:
    """The client's own connections: answers by bucket, and what was asked."""

    answers: dict[str, tuple[int, bytes]]
    sent: list[Any] = field(default_factory=list)

    def send(self, request: Any) -> Any:
        self.sent.append(request)
        status, content = self.answers[request.url.split("/")[3]]
        return SimpleNamespace(status_code=status, raw=Raw(content))


@dataclass
class Client:
    """A client with connections (a real one has them), and the ordinary way beside them."""

    connections: Connections | None
    ordinary: dict[str, bytes | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    meta: Any = field(default_factory=lambda: SimpleNamespace(endpoint_url="https://s3.example"))

    def __post_init__(self) -> None:
        if self.connections is not None:
            self._endpoint = SimpleNamespace(http_session=self.connections)
            self._request_signer = SimpleNamespace(_credentials=Credentials("key", "secret", "token"))

    def get_object(self, Bucket: str, Key: str, ExpectedBucketOwner: str) -> Any:
        self.asked.append(Bucket)
        answer = self.ordinary[Bucket]
        if isinstance(answer, str):
            raise ClientError(
                {"Error": {"Code": answer, "Message": answer}, "ResponseMetadata": {"HTTPStatusCode": 403}},
                "GetObject",
            )
        return {"Body": io.BytesIO(answer)}


def read(client: Client, *buckets: str) -> list[Any]:
    cloud = Cloud(lambda service, region: client, "us-east-1", sleep=lambda _: None)
    places = [RunPlace("us-east-1", bucket, "111122223333", f"run-{bucket}") for bucket in buckets]
    return read_statuses(places, lambda region: cloud)


def test_smooth_answers_need_one_signed_request_each() -> None:
    connections = Connections({"a": (200, document("running")), "b": (404, b"<Error/>")})
    client = Client(connections)
    first, second = read(client, "a", "b")
    assert (first.run, first.phase) == ("run-a", "running")
    assert second is None
    assert client.asked == []
    request = next(each for each in connections.sent if "/a/" in each.url)
    assert request.url == f"https://s3.example/a/{status_key('run-a')}"
    assert request.headers["x-amz-expected-bucket-owner"] == "111122223333"
    assert "SignedHeaders=host;x-amz" in str(request.headers["Authorization"])
    assert request.headers["X-Amz-Security-Token"] == "token"


def test_whatever_else_is_asked_again_in_the_ordinary_way() -> None:
    connections = Connections(
        {"a": (503, b"slow down"), "b": (301, b""), "c": (200, b""), "d": (200, document("failed"))}
    )
    client = Client(connections, {"a": document("running"), "b": "AccessDenied", "c": document("setup")})
    found = read(client, "a", "b", "c", "d")
    assert isinstance(found[0], RunStatus)
    assert isinstance(found[1], AccessDeniedError)
    assert found[2].phase == "setup"
    assert found[3].phase == "failed"
    assert client.asked == ["a", "b", "c"]


def test_a_broken_connection_is_no_answer() -> None:
    client = Client(Connections({}), {"a": document("running"), "b": document("setup")})
    assert [each.phase for each in read(client, "a", "b")] == ["running", "setup"]


@pytest.mark.parametrize("buckets", [("a",), ("a", "b")])
def test_a_client_without_connections_is_asked_in_the_ordinary_way(buckets: tuple[str, ...]) -> None:
    client = Client(None, {"a": document("running"), "b": document("running")})
    assert [each.phase for each in read(client, *buckets)] == ["running"] * len(buckets)


def test_a_status_that_cannot_be_read_is_told_for_its_job_alone() -> None:
    connections = Connections({"a": (200, b"nonsense"), "b": (200, document("running"))})
    first, second = read(Client(connections), "a", "b")
    assert "cannot be read" in first.unreadable
    assert second.phase == "running"


def test_no_more_of_a_status_is_read_than_one_can_have() -> None:
    connections = Connections({"a": (200, b" " * 100_000_000), "b": (200, document("running"))})
    client = Client(connections)
    first, _ = read(client, "a", "b")
    assert "is larger than 524288 bytes" in first.unreadable
    assert client.asked == []


def test_no_jobs_no_requests() -> None:
    assert read_statuses([], lambda region: pytest.fail("asked")) == []
