"""Many statuses at once: quickly where it goes smoothly, in the ordinary way where it does not."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from runctl_auto.agent.keys import status_key
from runctl_auto.errors import AccessDeniedError
from runctl_auto.providers.aws import statuses
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.statuses import RunPlace, read_statuses
from runctl_auto.run.status import RunStatus


def document(phase: str) -> bytes:
    return json.dumps({"schema": 1, "phase": phase}).encode()


@dataclass
class Connections:
    """What the kept connections answer, by bucket, and what they were asked."""

    answers: dict[str, tuple[int, bytes] | None]
    sent: list[str] = field(default_factory=list)

    def ask(self, request: bytes, at_most: int) -> tuple[int, bytes] | None:
        text = request.decode("ascii")
        self.sent.append(text)
        bucket = text.split("/")[1]
        if bucket not in self.answers:
            raise ConnectionResetError("broken")
        return self.answers[bucket]


@dataclass
class Proxies:
    proxy: str | None = None

    def proxy_url_for(self, url: str) -> str | None:
        return self.proxy


@dataclass
class Client:
    """A client as far as its address and credentials go, and the ordinary way beside them."""

    ordinary: dict[str, bytes | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    endpoint_url: str = "https://s3.example"
    proxy: str | None = None
    verify: Any = True
    is_plain: bool = True

    def __post_init__(self) -> None:
        self.meta = SimpleNamespace(
            endpoint_url=self.endpoint_url, config=SimpleNamespace(read_timeout=60, connect_timeout=60)
        )
        if self.is_plain:
            session = SimpleNamespace(_proxy_config=Proxies(self.proxy), _cert_file=None, _verify=self.verify)
            self._endpoint = SimpleNamespace(http_session=session)
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


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    made = Connections({})
    monkeypatch.setattr(statuses, "KeptConnection", lambda connect: made)
    return made


def read(client: Client, *buckets: str) -> list[Any]:
    cloud = Cloud(lambda service, region: client, "us-east-1", sleep=lambda _: None)
    places = [RunPlace("us-east-1", bucket, "111122223333", f"run-{bucket}") for bucket in buckets]
    return read_statuses(places, lambda region: cloud)


def test_smooth_answers_need_one_signed_request_each(connections: Connections) -> None:
    connections.answers = {"a": (200, document("running")), "b": (404, b"<Error/>")}
    client = Client()
    first, second = read(client, "a", "b")
    assert (first.run, first.phase) == ("run-a", "running")
    assert second is None
    assert client.asked == []
    request = next(each for each in connections.sent if "/a/" in each)
    line, *headers = request.removesuffix("\r\n\r\n").split("\r\n")
    sent = dict(each.split(": ", 1) for each in headers)
    assert line == f"GET /a/{status_key('run-a')} HTTP/1.1"
    assert (sent["host"], sent["x-amz-expected-bucket-owner"]) == ("s3.example", "111122223333")
    assert (
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-expected-bucket-owner;x-amz-security-token"
        in sent["authorization"]
    )
    assert sent["x-amz-security-token"] == "token"


def test_whatever_else_is_asked_again_in_the_ordinary_way(connections: Connections) -> None:
    connections.answers = {
        "a": (503, b"slow down"),
        "b": (301, b""),
        "c": (200, b""),
        "d": (200, document("failed")),
        "e": None,
    }
    ordinary = {
        "a": document("running"),
        "b": "AccessDenied",
        "c": document("setup"),
        "e": document("running"),
    }
    client = Client(ordinary)
    found = read(client, "a", "b", "c", "d", "e")
    assert isinstance(found[0], RunStatus)
    assert isinstance(found[1], AccessDeniedError)
    assert found[2].phase == "setup"
    assert found[3].phase == "failed"
    assert client.asked == ["a", "b", "c", "e"]


def test_a_broken_connection_is_no_answer(connections: Connections) -> None:
    client = Client({"a": document("running"), "b": document("setup")})
    assert [each.phase for each in read(client, "a", "b")] == ["running", "setup"]
    assert len(connections.sent) == 2


@pytest.mark.parametrize("buckets", [("a",), ("a", "b")])
@pytest.mark.parametrize(
    "client",
    [
        {"is_plain": False},
        {"proxy": "http://proxy.example:3128"},
        {"verify": False},
        {"verify": "/nowhere/ca.pem"},
        {"endpoint_url": "https://gateway.example/s3"},
    ],
    ids=str,
)
def test_a_client_of_another_kind_is_asked_in_the_ordinary_way(
    connections: Connections, buckets: tuple[str, ...], client: dict[str, Any]
) -> None:
    made = Client({"a": document("running"), "b": document("running")}, **client)
    assert [each.phase for each in read(made, *buckets)] == ["running"] * len(buckets)
    assert connections.sent == []


def test_a_status_that_cannot_be_read_is_told_for_its_job_alone(connections: Connections) -> None:
    connections.answers = {"a": (200, b"nonsense"), "b": (200, document("running"))}
    first, second = read(Client(), "a", "b")
    assert "cannot be read" in first.unreadable
    assert second.phase == "running"


def maker(endpoint: str) -> Any:
    """Makes no client: variables tell all."""

    def make(service: str, region: str) -> Any:
        raise AssertionError("a client was made")

    make.endpoint_url = endpoint  # type: ignore[attr-defined]
    return make


def test_on_this_machine_no_client_is_made(
    connections: Connections, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It takes longer than all the requests."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    connections.answers = {"a": (200, document("running")), "b": (404, b"")}
    cloud = Cloud(maker("http://127.0.0.1:4566"), "us-east-1", sleep=lambda _: None)
    places = [RunPlace("us-east-1", bucket, "111122223333", f"run-{bucket}") for bucket in ("a", "b")]
    first, second = read_statuses(places, lambda region: cloud)
    assert isinstance(first, RunStatus)
    assert (first.phase, second) == ("running", None)
    assert "host: 127.0.0.1:4566" in connections.sent[0]


@pytest.mark.parametrize(
    "endpoint",
    ["https://s3.example", "http://10.0.0.1:9000", "https://127.0.0.1:4566", "http://127.0.0.1/s3"],
)
def test_elsewhere_the_client_tells_of_proxies_and_certificates(
    connections: Connections, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    cloud = Cloud(maker(endpoint), "us-east-1", sleep=lambda _: None)
    with pytest.raises(AssertionError, match="a client was made"):
        read_statuses([RunPlace("us-east-1", each, "1", "r") for each in ("a", "b")], lambda region: cloud)
