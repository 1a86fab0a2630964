"""Many samples in each tar file (shard): the files whose names are equal up to the first dot."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

from runctl_auto.transfer.loader.reading import Piece, Reader

Index = list[tuple[str, str, dict[str, tuple[int, int]]]]
"""Of each sample: its shard, its name, and where its files are, by their suffix."""


def index_of(reader: Reader) -> Index:
    """The places of all samples. Reads each shard once."""
    index: Index = []
    for shard, _ in reader.names():
        if not shard.endswith(".tar"):
            continue
        (content,) = reader.read([Piece(shard)])
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            _add(index, shard, archive)
    return index


def _add(index: Index, shard: str, archive: tarfile.TarFile) -> None:
    before = None
    for member in archive:
        if not member.isfile():
            continue
        folder, slash, file = member.name.rpartition("/")
        stem, _, suffix = file.partition(".")
        name = f"{folder}{slash}{stem}"
        if name != before:
            index.append((shard, name, {}))
            before = name
        index[-1][2][suffix] = (member.offset_data, member.size)


class Samples:
    """The samples of all shards."""

    def __init__(self, reader: Reader, index: Index) -> None:
        self.reader = reader
        self.names = [f"{shard}:{name}" for shard, name, _ in index]
        self._pieces = [
            {suffix: Piece(shard, start, size) for suffix, (start, size) in places.items()}
            for shard, _, places in index
        ]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, numbers: Sequence[int]) -> list[tuple[str, dict[str, bytes]]]:
        """The name of each sample, and the content of its files by their suffix."""
        wanted = [(number, suffix) for number in numbers for suffix in self._pieces[number]]
        content = self.reader.read([self._pieces[number][suffix] for number, suffix in wanted])
        fields: dict[int, dict[str, bytes]] = {number: {} for number in numbers}
        for (number, suffix), part in zip(wanted, content, strict=True):
            fields[number][suffix] = part
        return [(self.names[number], fields[number]) for number in numbers]
