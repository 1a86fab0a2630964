"""The lock files of a backend, wherever they lie: read without an engine, removed one by one.

Pulumi keeps them below ``.pulumi/locks/organization/<project>/<stack>/`` in a ``file://`` or ``s3://``
backend. ``pulumi cancel`` removes all of a stack; here each goes by itself: one taken meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from runctl_auto.backend.files import MakeClients, s3_place
from runctl_auto.backend.locks import LockOwner, parse_lock
from runctl_auto.errors import NotFoundError, NotSupportedError
from runctl_auto.providers.aws.access import Cloud

_FOLDER = ".pulumi/locks/organization"


@dataclass(frozen=True)
class Lock:
    """One lock file; ``owner`` is None when it cannot be read."""

    place: str
    owner: LockOwner | None


class LockStore(Protocol):
    """The locks of one stack."""

    def locks(self) -> tuple[Lock, ...]:
        """Those that are there now, in the order of their names."""

    def remove(self, lock: Lock) -> None:
        """Removes one; one that is gone is fine. Stops nobody."""


@dataclass(frozen=True)
class FileLocks:
    """Locks in a folder."""

    folder: Path

    def locks(self) -> tuple[Lock, ...]:
        return tuple(self._read())

    def _read(self) -> Iterator[Lock]:
        for file in sorted(self.folder.glob("*.json")):
            try:
                text = file.read_bytes()
            except FileNotFoundError:
                continue
            yield Lock(str(file), parse_lock(text))

    def remove(self, lock: Lock) -> None:
        Path(lock.place).unlink(missing_ok=True)
        Path(f"{lock.place}.attrs").unlink(missing_ok=True)


@dataclass(frozen=True)
class S3Locks:
    """Locks in a bucket below a prefix."""

    cloud: Cloud
    bucket: str
    prefix: str

    def locks(self) -> tuple[Lock, ...]:
        return tuple(self._read())

    def _read(self) -> Iterator[Lock]:
        found = self.cloud.pages(
            "s3", "list_objects_v2", "Contents", Bucket=self.bucket, Prefix=f"{self.prefix}/"
        )
        for key in sorted(str(each["Key"]) for each in found):
            if not key.endswith(".json"):
                continue
            try:
                text = self.cloud.retried(partial(self._content, key), f"reading of {key}")
            except NotFoundError:
                continue
            yield Lock(f"s3://{self.bucket}/{key}", parse_lock(text))

    def _content(self, key: str) -> bytes:
        answer = self.cloud.client("s3").get_object(Bucket=self.bucket, Key=key)
        content: bytes = answer["Body"].read()
        return content

    def remove(self, lock: Lock) -> None:
        key = lock.place.removeprefix(f"s3://{self.bucket}/")
        self.cloud.call("s3", "delete_object", Bucket=self.bucket, Key=key)


def lock_store(backend: str, project: str, stack: str, make_clients: MakeClients) -> LockStore:
    """The locks of a stack in the backend of this URL.

    ``make_clients`` makes clients for an endpoint, None for the usual one. Raises ``NotSupportedError`` for
    backends whose locks only their service or ``pulumi cancel`` can remove.
    """
    url = urlsplit(backend)
    below = f"{_FOLDER}/{project}/{stack}"
    if url.scheme == "file":
        return FileLocks(Path(unquote(url.path)) / below)
    if url.scheme == "s3":
        try:
            cloud, bucket, prefix = s3_place(backend, make_clients)
        except NotSupportedError as error:
            raise NotSupportedError(
                error.what,
                where={"job": stack, "backend": backend},
                next_step=f"{error.next_step} Or use `pulumi cancel -s {stack}` (see `runctl env {stack}`).",
            ) from None
        return S3Locks(cloud, bucket, f"{prefix}{below}")
    raise NotSupportedError(
        f"The locks of a backend at {url.scheme}:// cannot be read without its engine.",
        where={"job": stack, "backend": backend},
        next_step=f"`runctl env {stack}` prints what `pulumi cancel -s {stack}` needs, which removes them.",
    )
