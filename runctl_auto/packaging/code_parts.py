"""A large work folder as parts, so that a changed file changes few of them: which files are in which part.

Where a part ends depends on the name and size of its last file alone. A file that is added, changed or
removed therefore changes the part that it is in, and seldom the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from runctl_auto.packaging.work_folder import WorkFile

PARTS_FROM_BYTES = 64 << 20
"""A smaller work folder is one package."""
LEAST_PART_BYTES = 8 << 20
MOST_PARTS = 128
"""On average: each part is a resource of the stack."""
_LARGEST_PART = 4
"""A part that is so many times the usual size ends in any case."""
_HASH_RANGE = 1 << 64


def in_parts(files: Sequence[WorkFile]) -> list[tuple[WorkFile, ...]]:
    """The regular files of a folder in parts; empty for a folder that is one package."""
    regular = [file for file in files if file.link is None]
    usual = _usual_bytes(sum(file.size for file in regular))
    if usual is None:
        return []
    large = [(file,) for file in regular if file.size >= usual]
    return [*large, *_grouped((file for file in regular if file.size < usual), usual)]


def _usual_bytes(total: int) -> int | None:
    """The usual size of a part, None for one package. A power of two, so that it seldom changes, and that
    parts of the next size are made of whole parts of this one.
    """
    if total < PARTS_FROM_BYTES:
        return None
    usual = LEAST_PART_BYTES
    while total > usual * MOST_PARTS:
        usual *= 2
    return usual


def _grouped(files: Iterable[WorkFile], usual: int) -> Iterator[tuple[WorkFile, ...]]:
    group: list[WorkFile] = []
    size = 0
    for file in files:
        group.append(file)
        size += file.size
        if _ends_a_part(file, usual) or size >= _LARGEST_PART * usual:
            yield tuple(group)
            group, size = [], 0
    if group:
        yield tuple(group)


def _ends_a_part(file: WorkFile, usual: int) -> bool:
    """By chance of its name; the larger the file, the more likely."""
    digest = hashlib.sha256(file.name.encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") * usual < file.size * _HASH_RANGE
