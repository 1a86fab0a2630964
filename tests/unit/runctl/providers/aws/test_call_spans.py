"""Every attempt of a call to AWS is a span below that of the call; retries are told, answers are not."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from runctl_auto.agent.tracing.spans import Recorder, Span, SpanContext, recording
from runctl_auto.providers.aws.clients import client_maker
from runctl_auto.providers.aws.retry import call

PARENT = SpanContext("a" * 32, "b" * 16)
BUSY = b"<Error><Code>SlowDown</Code><Message>planted-secret</Message></Error>"


class Raw:
    """The body of an answer."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> list[bytes]:
        return [self._content]


@pytest.fixture
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret-key")


@pytest.mark.usefixtures("_keys")
def test_a_call_that_is_retried_shows_each_attempt() -> None:
    taken: list[Span] = []
    answers = [(503, BUSY), (200, b"")]

    def answer(request: Any, **_: Any) -> AWSResponse:
        status, content = answers.pop(0)
        return AWSResponse(request.url, status, {}, Raw(content))

    with recording(Recorder(PARENT, taken.append)):
        s3 = client_maker()("s3", "eu-west-1")
        s3.meta.events.register("before-send.s3.HeadBucket", answer)
        s3.meta.events.register("before-send.s3.DeleteObject", answer)
        call(
            lambda: s3.delete_object(Bucket="my-sets", Key="planted-secret-name"),
            "Deletion",
            sleep=lambda _: None,
        )
    first, second, whole = taken
    assert [each.name for each in taken] == ["s3 DeleteObject", "s3 DeleteObject", "cloud call"]
    assert (first.error, second.error, whole.error) == ("SlowDown", None, None)
    assert first.attributes["http.response.status_code"] == 503
    assert second.attributes["cloud.region"] == "eu-west-1"
    assert {first.parent, second.parent} == {whole.context.span}
    assert [each.name for each in whole.events] == ["retry"]
    assert first.kind == "client"
    assert "planted" not in repr(taken)


@pytest.mark.usefixtures("_keys")
def test_a_call_that_gets_no_answer_is_told_by_the_type_of_its_error() -> None:
    taken: list[Span] = []

    def fail(**_: Any) -> None:
        raise ConnectionResetError("planted-secret")

    with recording(Recorder(PARENT, taken.append)):
        s3 = client_maker()("s3", "eu-west-1")
        s3.meta.events.register("before-send.s3.ListBuckets", fail)
        with pytest.raises(ConnectionResetError):
            s3.list_buckets()
    assert [each.error for each in taken] == ["ConnectionResetError"]


@pytest.mark.usefixtures("_keys")
def test_a_client_that_is_made_where_nobody_records_is_as_ever() -> None:
    s3 = client_maker()("s3", "eu-west-1")
    taken: list[Span] = []
    s3.meta.events.register("before-send.s3.ListBuckets", lambda **_: 1 / 0)
    with recording(Recorder(PARENT, taken.append)), pytest.raises(ZeroDivisionError):
        s3.list_buckets()
    assert taken == []
