"""Large objects in ranges: each byte in its place, one version of the object, continued after a kill."""

from __future__ import annotations

import base64
import hashlib
import io
import random
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runctl_auto.agent.data.ranged_file import RangedFile
from runctl_auto.agent.errors import IntegrityError, RetriesExhaustedError, S3Error
from runctl_auto.agent.store.object_sums import sum_of
from runctl_auto.agent.store.ranges import download_ranges
from runctl_auto.agent.store.retrying import Retrier
from runctl_auto.agent.store.s3 import S3, StoredObject
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.web import Body, Response, Web

WHOLE = random.Random(0).randbytes(1003)
STEP = 100


class OneObject(Web):
    """A bucket with one object, which can be replaced, cut short or damaged on its way."""

    def __init__(self, content: bytes = WHOLE) -> None:
        super().__init__()
        self.content = content
        self.etag = '"one"'
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.spoil: Callable[[str, bytes], bytes] = lambda asked, content: content
        self._lock = threading.Lock()

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Body | None = None, timeout: float = 30
    ) -> Response:
        if method == "HEAD":
            return Response(200, self.headers, io.BytesIO())
        asked = headers["range"]
        with self._lock:
            self.asked.append(asked)
        if headers.get("if-match", self.etag) != self.etag:
            return Response(412, {}, io.BytesIO(b"<Error><Code>PreconditionFailed</Code></Error>"))
        first, last = (int(text) for text in asked.removeprefix("bytes=").split("-"))
        found = self.content[first : last + 1]
        if not found:
            return Response(416, {}, io.BytesIO(b"<Error><Code>InvalidRange</Code></Error>"))
        told = {
            "content-length": str(len(found)),
            "content-range": f"bytes {first}-{first + len(found) - 1}/{len(self.content)}",
            "etag": self.etag,
        }
        return Response(206, told, io.BytesIO(self.spoil(asked, found)))


def bucket(web: OneObject) -> S3:
    place = Bucket("b", "us-east-1", "", "http://127.0.0.1:1")
    requests = S3Requests(web, place, lambda: Credentials("a", "s"))
    return S3(requests, Retrier(sleep=lambda _: None))


@pytest.mark.parametrize("at_most", [1, 99, 100, 101, 1003, 5000])
def test_the_first_bytes_and_their_hash(tmp_path: Path, at_most: int) -> None:
    web = OneObject()
    found = download_ranges(bucket(web), "k", tmp_path / "f", at_most, step=STEP, at_once=4)
    expected = WHOLE[:at_most]
    assert (tmp_path / "f").read_bytes() == expected
    assert found == hashlib.sha256(expected).hexdigest()
    assert len(web.asked) == -(-len(expected) // STEP)


def test_an_empty_object(tmp_path: Path) -> None:
    found = download_ranges(bucket(OneObject(b"")), "k", tmp_path / "f", 5000, step=STEP, at_once=4)
    assert (found, (tmp_path / "f").read_bytes()) == (hashlib.sha256().hexdigest(), b"")


def test_an_object_that_is_replaced_meanwhile_is_refused(tmp_path: Path) -> None:
    web = OneObject()

    def replace(asked: str, content: bytes) -> bytes:
        web.etag = '"two"'
        return content

    web.spoil = replace
    with pytest.raises(S3Error, match="PreconditionFailed"):
        download_ranges(bucket(web), "k", tmp_path / "f", 5000, step=STEP, at_once=4)


def test_a_range_that_breaks_is_fetched_again(tmp_path: Path) -> None:
    web = OneObject()
    broken = iter((True, True))
    web.spoil = lambda asked, content: content[:7] if "300-" in asked and next(broken, False) else content
    download_ranges(bucket(web), "k", tmp_path / "f", 5000, step=STEP, at_once=4)
    assert (tmp_path / "f").read_bytes() == WHOLE
    assert web.asked.count("bytes=300-399") == 3


def ranged(folder: Path, web: OneObject, arrived: Callable[[int], object]) -> RangedFile:
    stored = StoredObject("k", len(WHOLE), '"one"', "")
    return RangedFile(bucket(web), stored, folder / "part", arrived, step=STEP)


def crc32(content: bytes) -> dict[str, str]:
    return {"x-amz-checksum-crc32": base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()}


def test_ranges_that_are_there_are_not_fetched_again(tmp_path: Path) -> None:
    web = OneObject()
    web.headers = crc32(WHOLE)
    counts: list[int] = []
    first = ranged(tmp_path, web, counts.append)
    assert list(first.missing()) == list(range(11))
    assert not first.fetch(10)
    assert not first.fetch(3)
    with (tmp_path / "part.ranges").open("a") as listed:
        listed.write("7")  # cut off by the kill
    again = ranged(tmp_path, web, counts.append)
    assert list(again.missing()) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert [again.fetch(number) for number in again.missing()] == [False] * 8 + [True]
    assert (tmp_path / "part").read_bytes() == WHOLE
    assert sum(counts) == len(WHOLE) + STEP + 3
    again.forget()
    assert [each.name for each in tmp_path.iterdir()] == ["part"]


def test_a_file_that_was_complete_before_the_kill_is_completed(tmp_path: Path) -> None:
    web = OneObject()
    first = ranged(tmp_path, web, lambda _: None)
    assert [first.fetch(number) for number in first.missing()][-1]
    again = ranged(tmp_path, web, lambda _: None)
    assert [again.fetch(number) for number in again.missing()] == [True]


def test_another_content_than_the_checksum_is_not_kept(tmp_path: Path) -> None:
    web = OneObject()
    web.headers = crc32(b"another")
    file = ranged(tmp_path, web, lambda _: None)
    with pytest.raises(IntegrityError, match="another content"):
        [file.fetch(number) for number in file.missing()]
    assert list(tmp_path.iterdir()) == []


def test_bytes_of_a_range_that_is_fetched_again_count_once(tmp_path: Path) -> None:
    web = OneObject()
    web.spoil = lambda asked, content: content[:-1]
    counts: list[int] = []
    with pytest.raises(RetriesExhaustedError):
        ranged(tmp_path, web, counts.append).fetch(0)
    assert sum(counts) == STEP - 1


@pytest.mark.parametrize(
    ("headers", "etag", "algorithm"),
    [
        ({"x-amz-checksum-crc32": "AAAAAA=="}, '"x"', "crc32"),
        ({"x-amz-checksum-sha256": "AAAA", "x-amz-checksum-crc32": "AAAAAA=="}, '"x"', "crc32"),
        ({"x-amz-checksum-sha1": "AAAA"}, '"x"', "sha1"),
        ({"x-amz-checksum-crc64nvme": "AAAA"}, '"' + "0" * 32 + '"', "md5"),
        ({"x-amz-checksum-crc32": "AAAAAA==-3"}, '"' + "0" * 32 + '-3"', None),
        ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "COMPOSITE"}, '"x-3"', None),
        ({"x-amz-server-side-encryption": "aws:kms"}, '"' + "0" * 32 + '"', None),
        ({"x-amz-checksum-sha1": "no base64"}, '"x"', None),
    ],
)
def test_which_checksum_is_compared(headers: dict[str, str], etag: str, algorithm: str | None) -> None:
    found = sum_of(headers, etag)
    assert (found.algorithm if found else None) == algorithm
