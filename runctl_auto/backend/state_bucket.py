"""The bucket in which a backend keeps the state of stacks: no job may read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from components.data_access import DataLocation


def state_bucket(url: str) -> str | None:
    """The bucket of an ``s3://`` backend; None for other backends."""
    parts = urlsplit(url)
    return parts.netloc if parts.scheme == "s3" and parts.netloc else None


def sources_of_state(sources: Iterable[str], backend: str | None) -> Iterator[tuple[int, str]]:
    """Those data sources, with their positions, that lie in the bucket of the ``backend``, whatever their
    prefix: a job that reads a state reads the names, and the sealed secrets, of all jobs.
    """
    bucket = None if backend is None else state_bucket(backend)
    for index, source in enumerate(sources):
        if bucket is not None and DataLocation.of(source).bucket == bucket:
            yield index, source
