"""Where the data are: files that runctl has put there."""

from __future__ import annotations

from runctl_auto.transfer.loader.files import FileReader
from runctl_auto.transfer.loader.reading import Reader, where_data_are

SOURCE = "s3://bucket/prefix"
PATH = "data"


def open_reader() -> Reader:
    """The files at the data's path; elsewhere than on a machine of runctl, at ``PATH``."""
    return FileReader(where_data_are(SOURCE).get("path", PATH))
