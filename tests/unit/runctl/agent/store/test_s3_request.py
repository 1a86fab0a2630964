from __future__ import annotations

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import NotFoundError, S3Error
from runctl_auto.agent.store.s3_request import Bucket, S3Requests, encoded_query
from runctl_auto.agent.store.sigv4 import Credentials

OWNER = "123456789012"


def requests(*answers: object) -> tuple[S3Requests, ScriptedWeb]:
    web = ScriptedWeb(list(answers))
    return S3Requests(web, Bucket("b", "us-east-1", OWNER), lambda: Credentials("a", "s", "t")), web


@pytest.mark.parametrize(
    ("region", "endpoint", "url"),
    [
        ("us-east-1", None, "https://b.s3.us-east-1.amazonaws.com/a%20b/c"),
        ("cn-north-1", None, "https://b.s3.cn-north-1.amazonaws.com.cn/a%20b/c"),
        ("us-east-1", "http://127.0.0.1:5000/", "http://127.0.0.1:5000/b/a%20b/c"),
    ],
)
def test_addresses(region: str, endpoint: str | None, url: str) -> None:
    assert Bucket("b", region, OWNER, endpoint).url("a b/c") == url


@pytest.mark.parametrize(
    ("region", "endpoint", "url"),
    [
        ("us-east-1", None, "https://s3.us-east-1.amazonaws.com/my.sets.org/a"),
        ("cn-north-1", None, "https://s3.cn-north-1.amazonaws.com.cn/my.sets.org/a"),
        ("us-east-1", "http://127.0.0.1:5000", "http://127.0.0.1:5000/my.sets.org/a"),
    ],
)
def test_a_bucket_with_dots_is_in_the_path(region: str, endpoint: str | None, url: str) -> None:
    """S3's wildcard certificate is for one label before its name."""
    assert Bucket("my.sets.org", region, OWNER, endpoint).url("a") == url


def test_a_query_is_sorted_and_encoded() -> None:
    assert encoded_query([("prefix", "a/b"), ("list-type", "2")]) == "list-type=2&prefix=a%2Fb"


def test_every_request_states_the_owner_and_signs_it() -> None:
    sender, web = requests((200, b""))
    sender.send("GET", "key")
    assert web.asked[0].headers["x-amz-expected-bucket-owner"] == OWNER
    assert "x-amz-expected-bucket-owner" in web.asked[0].headers["authorization"]


def test_a_missing_object_is_told_apart() -> None:
    sender, _ = requests((404, b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"))
    with pytest.raises(NotFoundError, match="s3://b/key: S3 answered 404 NoSuchKey: gone"):
        sender.send("GET", "key")


def test_a_missing_bucket_is_no_missing_object() -> None:
    sender, _ = requests((404, b"<Error><Code>NoSuchBucket</Code></Error>"))
    with pytest.raises(S3Error) as raised:
        sender.send("GET", "key")
    assert not isinstance(raised.value, NotFoundError)
    assert (raised.value.status, raised.value.code) == (404, "NoSuchBucket")


def test_an_error_without_a_document_keeps_its_status() -> None:
    sender, _ = requests((503, b""))
    with pytest.raises(S3Error) as raised:
        sender.send("GET", "key")
    assert (raised.value.status, raised.value.code) == (503, "503")


def test_only_what_carries_a_body_tells_its_length() -> None:
    sender, web = requests((200, b""), (204, b""), (200, b""))
    sender.send("GET", "key")
    sender.send("DELETE", "key")
    sender.send("PUT", "key", body=b"abc")
    assert ["content-length" in asked.headers for asked in web.asked] == [False, False, True]
    assert web.asked[2].headers["content-length"] == "3"


def test_an_object_is_written_with_its_checksum() -> None:
    sender, web = requests((200, b""), (200, b""), (200, b""))
    sender.send("PUT", "key", body=b"abc")
    sender.send("PUT", "key", query=(("partNumber", "1"), ("uploadId", "u")), body=b"abc")
    sender.send("GET", "key")
    name = "x-amz-checksum-sha256"
    assert web.asked[0].headers[name] == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    assert f";{name};" in web.asked[0].headers["authorization"]
    assert [name in asked.headers for asked in web.asked[1:]] == [False, False]
