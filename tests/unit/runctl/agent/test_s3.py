from __future__ import annotations

import contextlib
import hashlib
import io
from pathlib import Path

import pytest
from support.scripted_web import ScriptedWeb

from runctl_auto.agent.errors import (
    CredentialsError,
    FileChangedError,
    RetriesExhaustedError,
    S3Error,
    UnreachableError,
)
from runctl_auto.agent.retrying import Retrier, RetryPolicy
from runctl_auto.agent.s3 import S3, FileSlice
from runctl_auto.agent.s3_request import Bucket, S3Requests
from runctl_auto.agent.sigv4 import Credentials

DENIED = (403, b"<Error><Code>AccessDenied</Code></Error>")
SLOW = (503, b"<Error><Code>SlowDown</Code></Error>")


def make(clock, *answers: object, **options) -> tuple[S3, ScriptedWeb]:
    web = ScriptedWeb(list(answers))
    sender = S3Requests(web, Bucket("b", "us-east-1", "1", "http://s3"), lambda: Credentials("a", "s"))
    retrier = Retrier(RetryPolicy(jitter=0), clock=clock, sleep=clock.wait, chance=lambda: 0.5)
    return S3(sender, retrier, **options), web


@pytest.mark.parametrize(
    "error", [SLOW, (500, b""), (429, b""), UnreachableError("reset"), CredentialsError("no")]
)
def test_passing_errors_are_retried(clock, error: object) -> None:
    s3, web = make(clock, error, error, (200, b"x"))
    assert s3.get("k") == b"x"
    assert len(web.asked) == 3
    assert clock.waits == pytest.approx([0.1, 0.2])


def test_three_attempts_and_no_more(clock) -> None:
    s3, web = make(clock, SLOW, SLOW, SLOW)
    with pytest.raises(RetriesExhaustedError):
        s3.get("k")
    assert len(web.asked) == 3


def test_a_refusal_is_final(clock) -> None:
    s3, web = make(clock, DENIED)
    with pytest.raises(S3Error, match="AccessDenied"):
        s3.get("k")
    assert len(web.asked) == 1


def test_right_after_boot_a_refusal_is_forgiven(clock) -> None:
    s3, web = make(clock, *[DENIED] * 6, (200, b"x"), forgive_until=clock.now + 120)
    assert s3.get("k") == b"x"
    assert len(web.asked) == 7


def test_forgiveness_ends(clock) -> None:
    end = clock.now + 120
    s3, _ = make(clock, *[DENIED] * 50, forgive_until=end)
    with pytest.raises((S3Error, RetriesExhaustedError), match="AccessDenied"):
        s3.get("k")
    assert clock.now <= end


def test_patience_retries_longer(clock) -> None:
    s3, web = make(clock, *[SLOW] * 6, (200, b""))
    s3.patient(60).put("k", b"x")
    assert len(web.asked) == 7


def test_once_the_network_is_gone_for_two_minutes_a_call_is_made_once(clock) -> None:
    lost = [UnreachableError("no route")] * 100
    s3, web = make(clock, *lost)
    began = clock.now
    with pytest.raises(RetriesExhaustedError):
        s3.patient(120).put("k", b"x")
    clock.now = began + 120
    asked = len(web.asked)
    for _ in range(5):
        with pytest.raises(UnreachableError):
            s3.patient(120).put("k", b"x")
    assert len(web.asked) == asked + 5
    assert clock.now == began + 120, "nothing was waited for"


@pytest.mark.parametrize("answer", [(200, b""), (404, b"<Error><Code>NoSuchKey</Code></Error>")])
def test_any_answer_ends_the_outage(clock, answer: object) -> None:
    lost = UnreachableError("no route")
    s3, web = make(clock, lost, lost, lost, answer, lost, lost, (200, b""))
    with pytest.raises(RetriesExhaustedError):
        s3.put("k", b"x")
    clock.now += 1000
    with contextlib.suppress(S3Error):
        s3.patient(1).put("k", b"x")
    s3.put("k", b"x")
    assert len(web.asked) == 7


def test_stale_credentials_are_forgotten_and_the_request_repeated(clock) -> None:
    forgotten: list[bool] = []
    stale = (400, b"<Error><Code>ExpiredToken</Code></Error>")
    s3, _ = make(clock, stale, (200, b"x"), forget_credentials=lambda: forgotten.append(True))
    assert s3.get("k") == b"x"
    assert forgotten == [True]


def listing(*keys: str, token: str = "") -> tuple[int, bytes]:
    contents = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    folders = "<CommonPrefixes><Prefix>p/00000001/</Prefix></CommonPrefixes>"
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    return 200, f"<ListBucketResult {space}>{contents}{folders}{more}</ListBucketResult>".encode()


def test_a_listing_goes_on_to_its_last_page(clock) -> None:
    s3, web = make(clock, listing("p/a", token="next=="), listing("p/b"))
    assert s3.list_objects("p/") == {"p/a": 1, "p/b": 1}
    assert "continuation-token=next%3D%3D" in web.asked[1].url


def test_folders_are_named_without_their_prefix(clock) -> None:
    s3, web = make(clock, listing())
    assert s3.list_folders("p/") == ["00000001"]
    assert "delimiter=%2F" in web.asked[0].url


def test_an_object_that_is_not_listed_is_not_asked_for(clock) -> None:
    s3, web = make(clock, listing("key-and-more"))
    assert s3.find("key") is None
    assert len(web.asked) == 1


def test_an_object_that_is_listed_is_read(clock) -> None:
    s3, _ = make(clock, listing("key"), (200, b"x"))
    assert s3.find("key") == b"x"


def test_an_object_that_goes_between_listing_and_reading_is_absent(clock) -> None:
    s3, _ = make(clock, listing("key"), (404, b"<Error><Code>NoSuchKey</Code></Error>"))
    assert s3.find("key") is None


def test_a_broken_download_is_begun_again(clock, tmp_path: Path) -> None:
    short = (200, b"hal", {"Content-Length": "5"})
    s3, _ = make(clock, short, (200, b"whole", {"Content-Length": "5"}))
    digest = s3.download("k", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert digest == hashlib.sha256(b"whole").hexdigest()


def stored(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_an_upload_is_streamed_with_its_hash(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"x" * 3_000_000)
    s3, web = make(clock, SLOW, (200, b""))
    with path.open("rb") as file:
        digest = s3.upload("k", file, 3_000_000)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert [asked.body for asked in web.asked] == [path.read_bytes()] * 2, "the second try sends all again"
    assert web.asked[0].headers["x-amz-content-sha256"] == digest
    assert web.asked[0].headers["content-length"] == "3000000"


def test_an_empty_file_is_stored(clock, tmp_path: Path) -> None:
    s3, web = make(clock, (200, b""))
    with stored(tmp_path / "f", b"").open("rb") as file:
        assert s3.upload("k", file, 0) == hashlib.sha256(b"").hexdigest()
    assert web.asked[0].headers["content-length"] == "0"


def test_a_file_that_changes_between_hash_and_upload_is_noticed(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"old")

    class Changing(ScriptedWeb):
        def send(self, *arguments, **options):
            path.write_bytes(b"new")
            return super().send(*arguments, **options)

    web = Changing([(200, b"")])
    s3 = S3(S3Requests(web, Bucket("b", "us-east-1", "1"), lambda: Credentials("a", "s")))
    with path.open("rb") as file, pytest.raises(FileChangedError):
        s3.upload("k", file, 3)


def test_a_file_that_becomes_shorter_is_noticed(tmp_path: Path) -> None:
    with stored(tmp_path / "f", b"abc").open("rb") as file, pytest.raises(FileChangedError):
        b"".join(FileSlice(file, 0, 4))


BEGUN = (200, b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
ENDED = (200, b"<CompleteMultipartUploadResult/>")


def test_a_large_file_goes_up_in_parts(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"aaaabbbbcc")
    parts = [(200, b"", {"ETag": f'"{number}"'}) for number in (1, 2, 3)]
    s3, web = make(clock, BEGUN, *parts, ENDED, part_bytes=4)
    with path.open("rb") as file:
        assert s3.upload("k", file, 10) == hashlib.sha256(b"aaaabbbbcc").hexdigest()
    assert [asked.body for asked in web.asked[1:4]] == [b"aaaa", b"bbbb", b"cc"]
    assert [asked.url.partition("?")[2] for asked in web.asked[1:4]] == [
        f"partNumber={number}&uploadId=u1" for number in (1, 2, 3)
    ]
    assert b'<PartNumber>3</PartNumber><ETag>"3"</ETag>' in web.asked[4].body


def test_parts_of_a_failed_upload_are_given_up(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"aaaabbbb")
    s3, web = make(clock, BEGUN, DENIED, (204, b""), part_bytes=4)
    with path.open("rb") as file, pytest.raises(S3Error):
        s3.upload("k", file, 8)
    assert (web.asked[-1].method, web.asked[-1].url) == ("DELETE", "http://s3/b/k?uploadId=u1")


def test_an_error_inside_a_successful_answer_is_an_error(clock, tmp_path: Path) -> None:
    path = stored(tmp_path / "f", b"aaaabbbb")
    failed = (200, b"<Error><Code>InternalError</Code><Message>again</Message></Error>")
    s3, _ = make(
        clock, BEGUN, (200, b"", {"ETag": "1"}), (200, b"", {"ETag": "2"}), failed, ENDED, part_bytes=4
    )
    with path.open("rb") as file:
        s3.upload("k", file, 8)


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
    assert s3.get("k") == b"x"
