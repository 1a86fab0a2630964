"""What a data source holds: how many objects, of which size and kind; of a large one only the beginning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from components.data_access import DataLocation
from runctl_auto.providers.objects import ObjectData

MOST_LISTED = 10_000
"""Objects of a source that ``up`` looks at: ten requests."""


@dataclass(frozen=True)
class DataListing:
    """``is_complete`` is False when the source holds more. ``suffixes`` counts the ends of names."""

    size: int
    files: int
    is_complete: bool
    suffixes: Counter[str] = field(default_factory=Counter)
    has_chunk_index: bool = False
    """Whether there is an ``index.json`` beside ``chunk-*.bin`` files."""


def list_data(open_bucket: Callable[[str], ObjectData], source: str, most: int | None) -> DataListing:
    """The first ``most`` objects of ``source`` (None: all). Raises ``CloudError``."""
    at = DataLocation.of(source)
    size = files = 0
    suffixes: Counter[str] = Counter()
    names = set()
    for each in open_bucket(at.bucket).listed(f"{at.prefix}/" if at.prefix else ""):
        if each.key.endswith("/"):
            continue
        if most is not None and files >= most:
            return DataListing(size, files, False, suffixes)
        name = PurePosixPath(each.key)
        suffixes[name.suffix.lower()] += 1
        if name.name == "index.json":
            names.add("index")
        elif name.name.startswith("chunk-") and name.suffix == ".bin":
            names.add("chunk")
        size += each.size
        files += 1
    return DataListing(size, files, True, suffixes, has_chunk_index=len(names) == 2)
