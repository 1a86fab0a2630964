"""Where the data are: as the agent says, since the strategy is settled when the job begins."""

from __future__ import annotations

from runctl_auto.transfer.loader.caching import CachingReader
from runctl_auto.transfer.loader.files import FileReader
from runctl_auto.transfer.loader.objects import ObjectReader
from runctl_auto.transfer.loader.reading import Reader, where_data_are

SOURCE = "s3://bucket/prefix"
PATH = "data"


def open_reader() -> Reader:
    """Files or objects, by the strategy of the run; files at ``PATH`` where no agent tells it."""
    told = where_data_are(SOURCE)
    strategy = told.get("strategy", "stage")
    if strategy == "direct":
        return ObjectReader(SOURCE)
    if strategy == "cache":
        return CachingReader(ObjectReader(SOURCE), told["cache"])
    return FileReader(told.get("path", PATH))
