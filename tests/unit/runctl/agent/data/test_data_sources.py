"""Data sources: what is brought, where it goes, what is fetched again, and what a break costs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from support.agent_stand_ins import Clock

from runctl_auto.agent.data.data_sources import DataSources
from runctl_auto.agent.errors import AgentError, IntegrityError, UnreachableError
from runctl_auto.agent.spec import DataSpec
from runctl_auto.agent.store.retrying import Retrier
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.web import Response, Web

MODIFIED = "2026-01-31T12:00:00.000Z"


class Stream:
    """The body of an answer; breaks after ``whole`` bytes when that is not all."""

    def __init__(self, body: bytes, whole: int | None = None) -> None:
        self.body, self.whole, self.at = body, whole, 0

    def read(self, size: int = -1) -> bytes:
        if self.whole is not None and self.at >= self.whole:
            raise OSError("connection reset")
        end = len(self.body) if size < 0 else self.at + size
        if self.whole is not None:
            end = min(end, self.whole)
        piece, self.at = self.body[self.at : end], min(end, len(self.body))
        return piece

    def close(self) -> None:
        pass


class DataWeb(Web):
    """S3 as data sources see it: listings, GET with If-Match and Range."""

    def __init__(self, **objects: bytes) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = dict(objects)
        self.etags: dict[str, str] = {}
        self.gets: list[tuple[str, str]] = []
        self.breaks: list[int] = []
        self.regions: list[str] = []
        self.lives_in: str | None = None
        self.headers: dict[str, str] = {}
        self.before_get: Callable[[str], None] = lambda key: None

    def etag(self, key: str) -> str:
        return self.etags.get(key, f'"{hashlib.md5(self.objects[key]).hexdigest()}"')

    def send(self, method: str, url: str, headers: Any, body: Any = None, timeout: float = 30) -> Response:
        parts = urlsplit(url)
        assert "x-amz-expected-bucket-owner" not in headers
        region = headers["authorization"].split("/")[2]
        self.regions.append(region)
        if self.lives_in and region != self.lives_in:
            return self.answer(301, b"<Error><Code>PermanentRedirect</Code></Error>", region=self.lives_in)
        query = parse_qs(parts.query)
        if "list-type" in query:
            return self.answer(200, self.listing(query.get("prefix", [""])[0]))
        return self.get(unquote(parts.path).split("/", 2)[2], headers)

    def get(self, key: str, headers: Any) -> Response:
        self.before_get(key)
        asked = headers.get("range", "")
        self.gets.append((key, asked))
        if headers["if-match"] != self.etag(key):
            return self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        stream = Stream(self.objects[key][start:], self.breaks.pop(0) if self.breaks else None)
        return Response(206 if asked else 200, self.headers, stream)  # type: ignore[arg-type]

    def listing(self, prefix: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key])}</Size>"
            f"<ETag>{escape(self.etag(key))}</ETag><LastModified>{MODIFIED}</LastModified></Contents>"
            for key in sorted(self.objects)
            if key.startswith(prefix)
        )
        return f'<ListBucketResult xmlns="http://s3">{found}</ListBucketResult>'.encode()

    def answer(self, status: int, body: bytes, region: str | None = None) -> Response:
        headers = {"x-amz-bucket-region": region} if region else {}
        return Response(status, headers, Stream(body))  # type: ignore[arg-type]


class Stage:
    def __init__(self, folder: Path, web: DataWeb) -> None:
        self.work = folder / "work"
        self.folder = folder
        self.web = web
        self.said: list[str] = []
        self.told: list[dict[str, int]] = []
        self.clock = Clock()
        self.check: Callable[[], None] = lambda: None

    def bucket(self, name: str, region: str | None) -> S3:
        place = Bucket(name, region or "us-east-1", "", "http://127.0.0.1:1")
        requests = S3Requests(self.web, place, lambda: Credentials("a", "s", "t"))
        return S3(requests, Retrier(clock=self.clock, sleep=self.clock.wait))

    def __call__(self, prefix: str = "set", path: str = "data") -> None:
        sources = DataSources(
            self.bucket,
            self.folder / "data.tmp",
            say=self.said.append,
            progress=self.told.append,
            check=lambda: self.check(),  # noqa: PLW0108 (a test changes it meanwhile)
            clock=self.clock,
        )
        sources.stage([DataSpec("sets", prefix, path)], self.work)

    def files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.work)): path.read_bytes()
            for path in sorted(self.work.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def web() -> DataWeb:
    return DataWeb(
        **{"set/a.bin": b"aaaa", "set/deep/b.bin": b"bb", "set/": b"", "set/empty": b"", "settle/c": b"c"}
    )


@pytest.fixture
def stage(tmp_path: Path, web: DataWeb) -> Stage:
    return Stage(tmp_path, web)


def test_all_below_the_prefix_goes_to_the_folder_and_nothing_beside_it(stage: Stage) -> None:
    stage()
    assert stage.files() == {"data/a.bin": b"aaaa", "data/deep/b.bin": b"bb", "data/empty": b""}
    assert stage.told[0] == {"files": 0, "files_total": 3, "bytes": 0, "bytes_total": 6}
    assert stage.told[-1] == {"files": 3, "files_total": 3, "bytes": 6, "bytes_total": 6}
    assert stage.said == ["data: 3 of 3 files to fetch, 6 bytes", "data: all 3 files are there, 6 bytes"]
    assert not (stage.folder / "data.tmp").exists()


def test_a_name_that_is_no_folder_is_one_file(stage: Stage) -> None:
    stage("set/deep/b.bin", "data/one")
    assert stage.files() == {"data/one/b.bin": b"bb"}


def test_a_whole_bucket(stage: Stage) -> None:
    stage("")
    assert set(stage.files()) == {"data/set/a.bin", "data/set/deep/b.bin", "data/set/empty", "data/settle/c"}


def test_what_is_there_is_not_fetched_again(stage: Stage, web: DataWeb) -> None:
    stage()
    web.gets.clear()
    stage()
    assert web.gets == []
    assert stage.said[-2] == "data: 0 of 3 files to fetch, 0 bytes"


def test_what_was_changed_here_is_fetched_again(stage: Stage, web: DataWeb) -> None:
    stage()
    web.gets.clear()
    (stage.work / "data/a.bin").write_bytes(b"zzzz")
    os.utime(stage.work / "data/deep/b.bin", (1, 1))
    stage()
    assert sorted(key for key, _ in web.gets) == ["set/a.bin", "set/deep/b.bin"]
    assert stage.files()["data/a.bin"] == b"aaaa"


def test_a_broken_connection_goes_on_where_it_was_as_often_as_needed(stage: Stage, web: DataWeb) -> None:
    web.objects = {"set/big": bytes(range(200)) * 5}
    web.breaks = [100] * 9
    stage()
    assert stage.files() == {"data/big": web.objects["set/big"]}
    assert web.gets == [("set/big", f"bytes={start}-" if start else "") for start in range(0, 1000, 100)]
    assert stage.told[-1]["bytes"] == 1000


def test_another_agent_goes_on_with_what_an_earlier_one_began(stage: Stage, web: DataWeb) -> None:
    web.objects = {"set/big": b"x" * 500}
    web.breaks = [200, 0, 0, 0]
    with pytest.raises(AgentError):
        stage()
    web.gets.clear()
    web.breaks = []
    stage()
    assert web.gets == [("set/big", "bytes=200-")]
    assert stage.files() == {"data/big": b"x" * 500}


def test_two_contents_are_never_mixed(stage: Stage, web: DataWeb) -> None:
    web.objects = {"set/big": b"x" * 500}
    web.breaks = [200, 0, 0, 0]
    with pytest.raises(AgentError):
        stage()
    web.objects = {"set/big": b"y" * 500}
    web.breaks = []
    stage()
    assert stage.files() == {"data/big": b"y" * 500}


def test_an_object_that_changes_meanwhile_is_told(stage: Stage, web: DataWeb) -> None:
    web.before_get = lambda key: web.etags.__setitem__(key, '"other"')
    with pytest.raises(AgentError, match="412 PreconditionFailed"):
        stage()


def test_content_that_is_not_what_was_stored_is_refused(stage: Stage, web: DataWeb) -> None:
    web.etags["set/a.bin"] = f'"{"0" * 32}"'
    with pytest.raises(IntegrityError, match=r"set/a\.bin"):
        stage()
    assert "data/a.bin" not in stage.files()


@pytest.mark.parametrize("how", ["of several parts", "encrypted with a key"])
def test_an_etag_that_is_no_md5_is_not_taken_for_one(stage: Stage, web: DataWeb, how: str) -> None:
    web.etags["set/a.bin"] = f'"{"0" * 32}-7"' if how == "of several parts" else f'"{"0" * 32}"'
    web.headers = {} if how == "of several parts" else {"x-amz-server-side-encryption": "aws:kms"}
    stage()
    assert stage.files()["data/a.bin"] == b"aaaa"


@pytest.mark.parametrize("key", ["set/../../etc/passwd", "set//x", "set/./x"])
def test_no_name_leads_out_of_the_folder(stage: Stage, web: DataWeb, key: str) -> None:
    web.objects = {key: b"x"}
    with pytest.raises(AgentError, match="cannot be a file"):
        stage()
    assert stage.files() == {}


def test_a_source_that_holds_nothing_is_told(stage: Stage) -> None:
    with pytest.raises(AgentError, match="s3://sets/nothing holds nothing"):
        stage("nothing")


def test_a_bucket_elsewhere_is_asked_where_it_is(stage: Stage, web: DataWeb) -> None:
    web.lives_in = "eu-west-1"
    stage()
    assert web.regions[0] == "us-east-1"
    assert set(web.regions[1:]) == {"eu-west-1"}
    assert len(stage.files()) == 3


def test_what_cannot_be_reached_ends_it(stage: Stage, web: DataWeb) -> None:
    def unreachable(key: str) -> None:
        raise UnreachableError("no route")

    web.before_get = unreachable
    with pytest.raises(AgentError, match="no route"):
        stage()


def test_a_wish_to_stop_is_heard_between_pieces(stage: Stage, web: DataWeb) -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    web.before_get = lambda key: setattr(stage, "check", stop)
    with pytest.raises(Stopped):
        stage()


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    stage: Stage, web: DataWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 5

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(AgentError, match=r"needs 6 bytes and the disk has 5 bytes free: .*resources.disk"):
        stage()
    assert web.gets == []


def test_progress_is_told_now_and_then(stage: Stage, web: DataWeb) -> None:
    def slowly(key: str) -> None:
        stage.clock.now += 6

    web.before_get = slowly
    stage()
    assert any(text.startswith("data: ") and " of 6 bytes" in text for text in stage.said[1:-1])
