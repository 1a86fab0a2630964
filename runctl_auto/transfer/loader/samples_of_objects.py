"""One sample for each file or object."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.transfer.loader.reading import Piece, Reader


def index_of(reader: Reader) -> list[str]:
    """The names of all samples. Lists, and reads nothing."""
    return [name for name, _ in reader.names()]


class Samples:
    """Every file is a sample."""

    def __init__(self, reader: Reader, index: list[str]) -> None:
        self.reader = reader
        self.names = index

    def __len__(self) -> int:
        return len(self.names)

    def read(self, numbers: Sequence[int]) -> list[tuple[str, bytes]]:
        """The name and content of each sample."""
        names = [self.names[number] for number in numbers]
        return list(zip(names, self.reader.read([Piece(name) for name in names]), strict=True))
