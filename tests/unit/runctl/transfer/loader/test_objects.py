"""Reading objects: what is asked of obstore, which stands aside here."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import types
from typing import Any, ClassVar

import pytest

from runctl_auto.transfer.loader import objects
from runctl_auto.transfer.loader.objects import IN_FLIGHT, ObjectReader
from runctl_auto.transfer.loader.reading import CLIENTS, Piece


class Store:
    """Stands for obstore's S3Store; counts the requests that are under way."""

    made: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    content: ClassVar[dict[str, bytes]] = {}
    under_way = most = 0
    ranges: ClassVar[list[Any]] = []

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        Store.made = (arguments, settings)

    def list(self) -> Any:
        yield [{"path": name, "size": len(body)} for name, body in self.content.items()]

    async def get_async(self, name: str) -> Any:
        Store.under_way += 1
        Store.most = max(Store.most, Store.under_way)
        await asyncio.sleep(0)
        Store.under_way -= 1
        return types.SimpleNamespace(bytes_async=lambda: self._body(name))

    async def _body(self, name: str) -> bytes:
        return self.content[name]

    async def get_ranges_async(self, name: str, *, starts: Any, lengths: Any) -> Any:
        Store.ranges.append((name, list(starts), list(lengths)))
        return [memoryview(self.content[name])[a : a + b] for a, b in zip(starts, lengths, strict=True)]


@pytest.fixture(autouse=True)
def _obstore(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("obstore.store")
    module.S3Store = Store  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "obstore", types.ModuleType("obstore"))
    monkeypatch.setitem(sys.modules, "obstore.store", module)
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_REGION",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    ):
        monkeypatch.delenv(name, raising=False)
    Store.made, Store.content, Store.ranges, Store.under_way, Store.most = None, {}, [], 0, 0
    monkeypatch.setattr(objects, "CLIENTS", CLIENTS)
    CLIENTS.clear()


def test_the_content_comes_in_the_order_of_the_pieces_with_so_many_requests_at_once() -> None:
    Store.content = {str(number): str(number).encode() for number in range(100)}
    names = [str(number) for number in reversed(range(100))]
    found = ObjectReader("s3://sets/a").read([Piece(name) for name in names])
    assert found == [name.encode() for name in names]
    assert 1 < Store.most <= IN_FLIGHT


def test_neighbours_in_a_shard_are_one_request() -> None:
    Store.content = {"s0": b"abcdef", "s1": b"xyz"}
    pieces = [Piece("s0", 4, 2), Piece("s1", 0, 1), Piece("s0", 0, 3)]
    assert ObjectReader("s3://sets").read(pieces) == [b"ef", b"x", b"abc"]
    assert sorted(Store.ranges) == [("s0", [4, 0], [2, 3]), ("s1", [0], [1])]


def test_folders_are_no_samples() -> None:
    Store.content = {"b": b"22", "a/": b"", "a/1": b"1"}
    assert ObjectReader("s3://sets/x").names() == [("a/1", 1), ("b", 2)]


def test_the_client_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ObjectReader("s3://sets/a/b").names()
    assert Store.made is not None
    arguments, settings = Store.made
    assert (arguments, settings["prefix"], settings["region"]) == (("sets",), "a/b", "us-east-1")
    assert not {"endpoint", "metadata_endpoint"} & settings.keys()
    assert "allow_http" not in settings["client_options"]

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:2/")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    ObjectReader("s3://sets").names()
    _, settings = Store.made
    assert (settings["prefix"], settings["region"]) == (None, "eu-west-1")
    assert (settings["endpoint"], settings["metadata_endpoint"]) == (
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
    )
    assert settings["client_options"]["allow_http"] is True


def test_a_process_that_made_a_client_is_known_and_another_one_makes_its_own() -> None:
    reader = ObjectReader("s3://sets/a")
    assert pickle.loads(pickle.dumps(reader)).source == reader.source
    assert Store.made is None, "passing it on makes no client"
    reader.names()
    assert {os.getpid()} == CLIENTS
    copy = pickle.loads(pickle.dumps(reader))
    assert copy._store is None, "a client is never passed on"
