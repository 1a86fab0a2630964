"""The lock files of a backend, wherever they lie: read without an engine, removed one by one.

Pulumi keeps them below ``.pulumi/locks/organization/<project>/<stack>/`` in a ``file://`` or ``s3://``
backend. ``pulumi cancel`` removes all of a stack; here each goes by itself: one taken meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from runctl_auto.cloud.access import ClientFactory, Cloud
from runctl_auto.engine.locks import LockOwner, parse_lock
from runctl_auto.errors import NotFoundError, NotSupportedError

_FOLDER = ".pulumi/locks/organization"
_S3_OPTIONS = frozenset(
    {
        "awssdk",
        "disableSSL",
        "endpoint",
        "region",
        "s3ForcePathStyle",
        "use_path_style",
    }
)


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


def lock_store(
    backend: str, project: str, stack: str, make_clients: Callable[[str | None], ClientFactory]
) -> LockStore:
    """The locks of a stack in the backend of this URL.

    ``make_clients`` makes clients for an endpoint, None for the usual one. Raises ``NotSupportedError`` for
    backends whose locks only their service or ``pulumi cancel`` can remove.
    """
    url = urlsplit(backend)
    below = f"{_FOLDER}/{project}/{stack}"
    if url.scheme == "file":
        return FileLocks(Path(unquote(url.path)) / below)
    if url.scheme == "s3":
        options = {name: values[-1] for name, values in parse_qs(url.query).items()}
        _refuse_others(options.keys() - _S3_OPTIONS, backend, stack)
        prefix = "/".join(part for part in (url.path.strip("/"), below) if part)
        cloud = Cloud(make_clients(_endpoint(options)), options.get("region") or "us-east-1")
        return S3Locks(cloud, url.netloc, prefix)
    raise NotSupportedError(
        f"The locks of a backend at {url.scheme}:// cannot be read without its engine.",
        where={"job": stack, "backend": backend},
        next_step=f"`runctl env {stack}` prints what `pulumi cancel -s {stack}` needs, which removes them.",
    )


def _endpoint(options: dict[str, str]) -> str | None:
    address = options.get("endpoint")
    if not address or "://" in address:
        return address
    scheme = "http" if options.get("disableSSL") == "true" else "https"
    return f"{scheme}://{address}"


def _refuse_others(unknown: set[str], backend: str, stack: str) -> None:
    if unknown:
        raise NotSupportedError(
            f"The backend's URL has an option that reading its locks does not know: {sorted(unknown)[0]}.",
            where={"job": stack, "backend": backend},
            next_step="Give region and credentials by AWS's own environment variables, or use "
            f"`pulumi cancel -s {stack}` (see `runctl env {stack}`).",
        )
