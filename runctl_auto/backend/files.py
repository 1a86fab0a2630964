"""The files of a backend, read without an engine, in a folder (``file://``) or in a bucket (``s3://``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from runctl_auto.errors import CloudError, NotSupportedError
from runctl_auto.providers.aws.access import ClientFactory, Cloud

ROOT = ".pulumi"
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

MakeClients = Callable[[str | None], ClientFactory]
"""Makes clients for an endpoint, None for the usual one."""


class BackendFiles(Protocol):
    """Files below the backend's ``.pulumi``."""

    def names(self, folder: str) -> tuple[str, ...]:
        """Names of the files in ``folder``, in their order; empty when there is none. Raises OSError."""

    def read(self, file: str) -> bytes:
        """The content of ``file``. Raises OSError when it is not there or cannot be read."""


@dataclass(frozen=True)
class FolderFiles:
    """Files in a folder."""

    root: Path

    def names(self, folder: str) -> tuple[str, ...]:
        return tuple(sorted(each.name for each in (self.root / folder).glob("*")))

    def read(self, file: str) -> bytes:
        return (self.root / file).read_bytes()


@dataclass(frozen=True)
class S3Files:
    """Objects in a bucket below a prefix that ends with a slash."""

    cloud: Cloud
    bucket: str
    prefix: str

    def names(self, folder: str) -> tuple[str, ...]:
        begin = f"{self.prefix}{folder}/"
        try:
            listed = self.cloud.pages("s3", "list_objects_v2", "Contents", Bucket=self.bucket, Prefix=begin)
            names = [str(each["Key"]).removeprefix(begin) for each in listed]
        except CloudError as error:
            raise OSError(str(error)) from error
        return tuple(sorted(name for name in names if "/" not in name))

    def read(self, file: str) -> bytes:
        def content() -> bytes:
            answer = self.cloud.client("s3").get_object(Bucket=self.bucket, Key=f"{self.prefix}{file}")
            whole: bytes = answer["Body"].read()
            return whole

        try:
            found: bytes = self.cloud.retried(content, f"reading of {file}")
        except CloudError as error:
            raise OSError(str(error)) from error
        return found


def backend_files(backend: str, make_clients: MakeClients) -> BackendFiles | None:
    """The files of the backend of this URL; None where an engine has to be asked."""
    url = urlsplit(backend)
    if url.scheme == "file":
        return FolderFiles(Path(unquote(url.path)) / ROOT)
    if url.scheme != "s3":
        return None
    try:
        cloud, bucket, prefix = s3_place(backend, make_clients)
    except NotSupportedError:
        return None
    return S3Files(cloud, bucket, f"{prefix}{ROOT}/")


def s3_place(backend: str, make_clients: MakeClients) -> tuple[Cloud, str, str]:
    """Cloud, bucket and prefix (empty, or with a slash at its end) of an ``s3://`` backend.

    Raises ``NotSupportedError`` for options of the URL that it does not know.
    """
    url = urlsplit(backend)
    options = {name: values[-1] for name, values in parse_qs(url.query).items()}
    unknown = options.keys() - _S3_OPTIONS
    if unknown:
        raise NotSupportedError(
            f"The backend's URL has an option that reading its files does not know: {sorted(unknown)[0]}.",
            where={"backend": backend},
            next_step="Give region and credentials by AWS's own environment variables.",
        )
    path = url.path.strip("/")
    cloud = Cloud(make_clients(_endpoint(options)), options.get("region") or "us-east-1")
    return cloud, url.netloc, f"{path}/" if path else ""


def _endpoint(options: dict[str, str]) -> str | None:
    address = options.get("endpoint")
    if not address or "://" in address:
        return address
    scheme = "http" if options.get("disableSSL") == "true" else "https"
    return f"{scheme}://{address}"
