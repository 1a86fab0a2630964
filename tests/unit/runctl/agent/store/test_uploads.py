"""Many files go to the store over several connections, in few requests, with bounded memory."""

from __future__ import annotations

import io
import threading
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support.agent_stand_ins import MemoryStore

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.saving.file_tree import scan
from runctl_auto.agent.saving.snapshot import FrozenFile, freeze
from runctl_auto.agent.store.parallel import AT_ONCE
from runctl_auto.agent.store.retrying import Retrier
from runctl_auto.agent.store.s3 import CHUNK, S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import S3Store
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.uploads import PACK_BYTES, PACK_FROM, Uploads
from runctl_auto.agent.store.web import Body, Response, Web


def frozen(folder: Path, count: int, size: int) -> list[FrozenFile]:
    source = folder / "ck"
    source.mkdir()
    for number in range(count):
        (source / f"chunk-{number:05d}").write_bytes(number.to_bytes(4, "big") * (size // 4))
    return freeze(source, scan(source), folder / "scratch").files


class CountingWeb(Web):
    """Takes what is sent chunk by chunk and keeps nothing; the first requests wait for one another."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(together)
        self.lock = threading.Lock()
        self.running = self.most = self.requests = 0

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        timeout: float = 30,
    ) -> Response:
        with self.lock:
            self.requests += 1
            self.running += 1
            self.most = max(self.most, self.running)
            waits = self.requests <= self.barrier.parties
        if waits:
            self.barrier.wait(30)
        for chunk in () if body is None or isinstance(body, bytes) else body:
            assert len(chunk) <= CHUNK
        with self.lock:
            self.running -= 1
        return Response(200, {}, io.BytesIO(b""))


def store(web: Web) -> S3Store:
    bucket = Bucket("b", "us-east-1", "1", "http://s3")
    requests = S3Requests(web, bucket, lambda: Credentials("a", "s"))
    return S3Store(S3(requests, Retrier(sleep=lambda _: None)))


def test_so_many_connections_and_so_much_memory_at_most(tmp_path: Path) -> None:
    """48 MiB in files: all connections are in use at once, each with at most two chunks in memory."""
    files = frozen(tmp_path, 24, 2 * CHUNK)
    web = CountingWeb(AT_ONCE)
    tracemalloc.start()
    stored = Uploads(store(web), "p/").store(files, packs=tmp_path / "scratch")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(stored.files) == web.requests == 24
    assert web.most == AT_ONCE
    assert peak <= AT_ONCE * 2 * CHUNK + 4 * CHUNK


def test_thousands_of_small_files_are_few_requests(tmp_path: Path) -> None:
    (one,) = frozen(tmp_path, 1, 2000)
    files = [replace(one, path=f"chunk-{number}") for number in range(4000)]
    web = CountingWeb(1)
    stored = Uploads(store(web), "p/").store(files, packs=tmp_path / "scratch")
    assert len(stored.files) == 4000
    assert web.requests == -(-4000 * 2000 // PACK_BYTES)
    assert list((tmp_path / "scratch").glob("pack-*")) == []


def test_packs_are_made_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most one a connection, and the one being made, take room on the disk."""
    monkeypatch.setattr("runctl_auto.agent.store.uploads.PACK_BYTES", 1000)
    files = frozen(tmp_path, 2 * PACK_FROM, 400)
    target = MemoryStore()
    most: list[int] = []

    def look(key: str) -> None:
        most.append(len(list((tmp_path / "scratch").glob("pack-*"))))

    target.before_put = look
    Uploads(target, "p/", at_once=2).store(files, packs=tmp_path / "scratch")
    assert len(most) == PACK_FROM
    assert max(most) <= 3


def test_a_pack_that_cannot_be_stored_fails_the_save(tmp_path: Path) -> None:
    target = MemoryStore()
    target.fail_on("packs/")
    files = frozen(tmp_path, PACK_FROM, 400)
    with pytest.raises(AgentError):
        Uploads(target, "p/").store(files, packs=tmp_path / "scratch")
