from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path

import pytest
from support.scripted_web import ScriptedWeb, listing_answer

from runctl_auto.agent.errors import (
    FileChangedError,
    NotFoundError,
    S3Error,
)
from runctl_auto.agent.store.file_slice import FileSlice
from runctl_auto.agent.store.retrying import Retrier, RetryPolicy
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import PART_BYTES, S3Store
from runctl_auto.agent.store.sigv4 import Credentials

DENIED = (403, b"<Error><Code>AccessDenied</Code></Error>")
MISSING = (404, b"<Error><Code>NoSuchKey</Code></Error>")
SLOW = (503, b"<Error><Code>SlowDown</Code></Error>")


def make(clock, *answers: object, part_bytes: int = PART_BYTES, **options) -> tuple[S3Store, ScriptedWeb]:
    web = ScriptedWeb(list(answers))
    sender = S3Requests(web, Bucket("b", "us-east-1", "1", "http://s3"), lambda: Credentials("a", "s"))
    retrier = Retrier(RetryPolicy(jitter=0), clock=clock, sleep=clock.wait, chance=lambda: 0.5)
    return S3Store(S3(sender, retrier, **options), part_bytes, at_once=1), web


def crc32_of(text: bytes) -> str:
    return base64.b64encode(zlib.crc32(text).to_bytes(4, "big")).decode()


def test_folders_are_named_without_their_prefix(clock) -> None:
    store, web = make(clock, listing_answer())
    assert store.list_folders("p/") == ["00000001"]
    assert "delimiter=%2F" in web.asked[0].url


def test_an_object_that_is_not_listed_is_not_asked_for(clock) -> None:
    store, web = make(clock, listing_answer("key-and-more"))
    assert store.find("key", 1000) is None
    assert len(web.asked) == 1


def test_an_object_that_is_listed_is_read(clock) -> None:
    store, _ = make(clock, listing_answer("key"), (200, b"x"))
    assert store.find("key", 1000) == b"x"


def test_an_object_that_goes_between_listing_and_reading_is_absent(clock) -> None:
    store, web = make(clock, listing_answer("key"), *[MISSING] * 3)
    assert store.find("key", 1000) is None
    assert web.answers == []


def test_an_object_of_a_new_bucket_that_is_missing_now_and_then_is_asked_for_again(
    clock, tmp_path: Path
) -> None:
    store, _ = make(clock, listing_answer("key"), MISSING, (200, b"x"))
    assert store.find("key", 1000) == b"x"
    store, _ = make(clock, *[MISSING] * 10, (200, b"x"), *[MISSING] * 10, (200, b"y"))
    steady = store.patient(120)
    assert steady.get("key", 1000) == b"x"
    steady.download("key", tmp_path / "file", 1000)
    assert (tmp_path / "file").read_bytes() == b"y"


def test_an_object_that_stays_missing_is_said_to_be_missing(clock) -> None:
    store, _ = make(clock, *[MISSING] * 3)
    with pytest.raises(NotFoundError, match="404 NoSuchKey"):
        store.get("key", 1000)


def test_a_broken_download_is_begun_again(clock, tmp_path: Path) -> None:
    short = (200, b"hal", {"Content-Length": "5"})
    store, _ = make(clock, short, (200, b"whole", {"Content-Length": "5"}))
    digest = store.download("k", tmp_path / "file", 10**9)
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert digest == hashlib.sha256(b"whole").hexdigest()


def stored(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_an_upload_is_streamed_with_its_hash(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"x" * 3_000_000)
    store, web = make(clock, SLOW, (200, b""))
    with path.open("rb") as file:
        digest = store.upload("k", file, 3_000_000)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [asked.body for asked in web.asked] == [path.read_bytes()] * 2, "the second try sends all again"
    assert web.asked[0].headers["x-amz-content-sha256"] == digest
    assert web.asked[0].headers["content-length"] == "3000000"


def test_an_empty_file_is_stored(clock, tmp_path: Path) -> None:
    store, web = make(clock, (200, b""))
    with stored(tmp_path / "f", b"").open("rb") as file:
        assert store.upload("k", file, 0) == hashlib.sha256(b"").hexdigest()
    assert web.asked[0].headers["content-length"] == "0"


def test_a_file_that_changes_between_hash_and_upload_is_noticed(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"old")

    class Changing(ScriptedWeb):
        def send(self, *arguments, **options):
            path.write_bytes(b"new")
            return super().send(*arguments, **options)

    web = Changing([(200, b"")])
    store = S3Store(S3(S3Requests(web, Bucket("b", "us-east-1", "1"), lambda: Credentials("a", "s"))))
    with path.open("rb") as file, pytest.raises(FileChangedError):
        store.upload("k", file, 3)


def test_a_file_that_becomes_shorter_is_noticed(tmp_path: Path) -> None:
    with stored(tmp_path / "f", b"abc").open("rb") as file, pytest.raises(FileChangedError):
        b"".join(FileSlice(file, 0, 4))


BEGUN = (200, b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
ENDED = (200, b"<CompleteMultipartUploadResult/>")


def test_a_large_file_goes_up_in_parts(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"aaaabbbbcc")
    parts = [(200, b"", {"ETag": f'"{number}"'}) for number in (1, 2, 3)]
    store, web = make(clock, BEGUN, *parts, ENDED, part_bytes=4)
    with path.open("rb") as file:
        assert store.upload("k", file, 10) == hashlib.sha256(b"aaaabbbbcc").hexdigest()
    assert [asked.body for asked in web.asked[1:4]] == [b"aaaa", b"bbbb", b"cc"]
    assert [asked.url.partition("?")[2] for asked in web.asked[1:4]] == [
        f"partNumber={number}&uploadId=u1" for number in (1, 2, 3)
    ]
    assert b'<PartNumber>3</PartNumber><ETag>"3"</ETag>' in web.asked[4].body
    sums = [asked.headers["x-amz-checksum-crc32"] for asked in web.asked[1:5]]
    assert sums == [crc32_of(text) for text in (b"aaaa", b"bbbb", b"cc", b"aaaabbbbcc")]
    assert web.asked[0].headers["x-amz-checksum-type"] == "FULL_OBJECT"


def test_parts_of_a_failed_upload_are_given_up(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"aaaabbbb")
    store, web = make(clock, BEGUN, DENIED, (204, b""), part_bytes=4)
    with path.open("rb") as file, pytest.raises(S3Error):
        store.upload("k", file, 8)
    assert (web.asked[-1].method, web.asked[-1].url) == ("DELETE", "http://s3/b/k?uploadId=u1")


def test_an_error_inside_a_successful_answer_is_an_error(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"aaaabbbb")
    failed = (200, b"<Error><Code>InternalError</Code><Message>again</Message></Error>")
    store, _ = make(
        clock, BEGUN, (200, b"", {"ETag": "1"}), (200, b"", {"ETag": "2"}), failed, ENDED, part_bytes=4
    )
    with path.open("rb") as file:
        store.upload("k", file, 8)
