"""Where the data are: objects in S3."""

from __future__ import annotations

from runctl_auto.transfer.loader.objects import ObjectReader
from runctl_auto.transfer.loader.reading import Reader

SOURCE = "s3://bucket/prefix"


def open_reader() -> Reader:
    """The objects of the source."""
    return ObjectReader(SOURCE)
