"""Where the data are: objects in S3, kept in a folder of this machine when they were read once."""

from __future__ import annotations

from runctl_auto.transfer.loader.caching import CachingReader
from runctl_auto.transfer.loader.objects import ObjectReader
from runctl_auto.transfer.loader.reading import Reader, where_data_are

SOURCE = "s3://bucket/prefix"
PATH = "data"


def open_reader() -> Reader:
    """The objects of the source, kept where the agent says; elsewhere, in a hidden folder beside ``PATH``."""
    return CachingReader(ObjectReader(SOURCE), where_data_are(SOURCE).get("cache") or f"{PATH}.cache")
