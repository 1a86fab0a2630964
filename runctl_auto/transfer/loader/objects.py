"""Reads samples from S3, many at once, with obstore."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from runctl_auto.transfer.loader.reading import CLIENTS, Piece

REGION = "us-east-1"
IN_FLIGHT = 32


class ObjectReader:
    """Reads the objects below ``s3://BUCKET/PREFIX``.

    A process that has used obstore and is then forked leaves a client in the child that hangs. So each
    process makes its own client when it first reads, and what is read at the start is read by another one
    (``index_elsewhere``).
    """

    makes_client = True

    def __init__(self, source: str) -> None:
        self.source = source
        self._process = 0
        self._store: Any = None
        self._loop: Any = None

    def __getstate__(self) -> dict[str, object]:
        return {"source": self.source, "_process": 0, "_store": None, "_loop": None}

    def names(self) -> list[tuple[str, int]]:
        self._open()
        found = [(each["path"], each["size"]) for page in self._store.list() for each in page]
        return sorted((name, size) for name, size in found if name and not name.endswith("/"))

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        self._open()
        found: list[bytes] = self._loop.run_until_complete(self._read_all(pieces))
        return found

    def _open(self) -> None:
        if self._process == os.getpid():
            return
        from obstore.store import S3Store

        bucket, _, prefix = self.source.removeprefix("s3://").partition("/")
        settings: dict[str, Any] = {"region": os.environ.get("AWS_REGION") or REGION}
        options: dict[str, Any] = {"timeout": "10m", "pool_max_idle_per_host": str(IN_FLIGHT)}
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            settings["endpoint"] = endpoint
            options["allow_http"] = True
        metadata = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        if metadata:
            settings["metadata_endpoint"] = metadata.rstrip("/")
        self._store = S3Store(bucket, prefix=prefix or None, client_options=options, **settings)
        self._loop = asyncio.new_event_loop()
        self._process = os.getpid()
        CLIENTS.add(self._process)

    async def _read_all(self, pieces: Sequence[Piece]) -> list[bytes]:
        free = asyncio.Semaphore(IN_FLIGHT)
        content: list[bytes] = [b""] * len(pieces)

        async def one(number: int, piece: Piece) -> None:
            async with free:
                content[number] = await self._get(piece)

        async def run_of(numbers: list[int]) -> None:
            async with free:
                name = pieces[numbers[0]].name
                starts = [pieces[each].start for each in numbers]
                lengths = [pieces[each].size for each in numbers]
                found = await self._store.get_ranges_async(name, starts=starts, lengths=lengths)
                for number, part in zip(numbers, found, strict=True):
                    content[number] = bytes(part)

        whole, parts = [], {}  # type: ignore[var-annotated]
        for number, piece in enumerate(pieces):
            if piece.size < 0:
                whole.append(one(number, piece))
            else:
                parts.setdefault(piece.name, []).append(number)
        await asyncio.gather(*whole, *(run_of(numbers) for numbers in parts.values()))
        return content

    async def _get(self, piece: Piece) -> bytes:
        answer = await self._store.get_async(piece.name)
        return bytes(await answer.bytes_async())
