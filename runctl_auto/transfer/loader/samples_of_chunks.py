"""Many samples in each chunk of a data set that litdata wrote: index.json and chunk-*.bin."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from runctl_auto.transfer.loader.reading import Piece, Reader

Index = dict[str, Any]
"""``formats``: the kind of each field; ``places``: of each sample its chunk, first byte and size."""


def index_of(reader: Reader) -> Index:
    """The places of all samples. Reads the head of each chunk."""
    (text,) = reader.read([Piece("index.json")])
    told: dict[str, Any] = json.loads(text)
    if told["config"].get("compression"):
        raise ValueError("chunks that are compressed as a whole cannot be read in pieces")
    chunks = told["chunks"]
    heads = reader.read([Piece(each["filename"], 0, 4 * (each["chunk_size"] + 2)) for each in chunks])
    places: list[tuple[str, int, int]] = []
    for chunk, head in zip(chunks, heads, strict=True):
        count, *offsets = struct.unpack(f"<{len(head) // 4}I", head)
        name, expected = chunk["filename"], chunk["chunk_size"]
        if count != expected:
            raise ValueError(f"{name} holds {count} samples, not the {expected} of the index")
        places += [(name, start, end - start) for start, end in pairwise(offsets)]
    return {"formats": told["config"]["data_format"], "places": places}


class Samples:
    """The samples of all chunks, each as the bytes of its fields. ``formats`` are the kinds of the fields."""

    def __init__(self, reader: Reader, index: Index) -> None:
        self.reader = reader
        self.formats: list[str] = index["formats"]
        self._pieces = [Piece(*place) for place in index["places"]]
        self.names = [f"{each.name}:{each.start}" for each in self._pieces]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, numbers: Sequence[int]) -> list[tuple[str, list[bytes]]]:
        """The name of each sample, and the content of its fields in order."""
        content = self.reader.read([self._pieces[number] for number in numbers])
        fields = [self._fields(part) for part in content]
        return [(self.names[number], part) for number, part in zip(numbers, fields, strict=True)]

    def _fields(self, content: bytes) -> list[bytes]:
        at = 4 * len(self.formats)
        fields = []
        for size in struct.unpack(f"<{len(self.formats)}I", content[:at]):
            fields.append(content[at : at + size])
            at += size
        return fields
