"""The objects of an ``s3://`` backend, as the files of a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from runctl_auto.backend.files import ROOT, StoredFile
from runctl_auto.backend.versions import Versioned
from runctl_auto.errors import CloudError, NotFoundError, NotSupportedError
from runctl_auto.providers.aws.access import ClientFactory, Cloud

_AT_ONCE = 8
_OPTIONS = frozenset(
    {
        "awssdk",
        "disableSSL",
        "endpoint",
        "region",
        "s3ForcePathStyle",
        "use_path_style",
    }
)

_WRITTEN_BY_ANOTHER = frozenset({"ConditionalRequestConflict", "NoSuchKey", "PreconditionFailed"})
"""How S3 refuses a conditional write."""

MakeClients = Callable[[str | None], ClientFactory]
"""Creates clients for an endpoint, None for the default one."""


@dataclass(frozen=True)
class S3Files:
    """Objects in a bucket below ``prefix``, which ends with a slash. Raises only ``CloudError``."""

    cloud: Cloud
    bucket: str
    prefix: str

    def find(self, folder: str, prefix: str = "") -> tuple[StoredFile, ...]:
        start = f"{self.prefix}{folder}/{prefix}"
        listed = self.cloud.pages("s3", "list_objects_v2", "Contents", Bucket=self.bucket, Prefix=start)
        found = (
            StoredFile(
                str(each["Key"]).removeprefix(self.prefix),
                each["LastModified"],
                str(each.get("ETag", "")),
            )
            for each in listed
        )
        return tuple(sorted(found, key=lambda each: each.path))

    def read(self, path: str) -> bytes | None:
        def content() -> bytes:
            answer = self.cloud.client("s3").get_object(Bucket=self.bucket, Key=f"{self.prefix}{path}")
            whole: bytes = answer["Body"].read()
            return whole

        try:
            found: bytes = self.cloud.retried(content, f"reading of {path}")
        except NotFoundError:
            return None
        return found

    def read_version(self, path: str) -> Versioned | None:
        def fetch() -> Versioned:
            answer = self.cloud.client("s3").get_object(Bucket=self.bucket, Key=f"{self.prefix}{path}")
            return Versioned(content=answer["Body"].read(), version=answer["ETag"])

        try:
            found: Versioned = self.cloud.retried(fetch, f"reading of {path}")
        except NotFoundError:
            return None
        return found

    def write_version(self, path: str, content: bytes, version: str | None) -> str | None:
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            answer = self.cloud.call(
                "s3", "put_object", Bucket=self.bucket, Key=f"{self.prefix}{path}", Body=content, **condition
            )
        except CloudError as error:
            if error.code not in _WRITTEN_BY_ANOTHER:
                raise
            found = self.read_version(path)  # a call that was repeated may meet what it wrote itself
            return found.version if found is not None and found.content == content else None
        return str(answer["ETag"])

    def versioned(self, folder: str) -> dict[str, datetime]:
        return {each.path: each.written_at for each in self.find(folder)}

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        self.cloud.client("s3")  # created before threads share it
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            yield from pool.map(self._read_if_possible, paths)

    def _read_if_possible(self, path: str) -> bytes | None:
        try:
            return self.read(path)
        except CloudError:
            return None

    def write(self, path: str, content: bytes) -> None:
        self.cloud.call(
            "s3",
            "put_object",
            Bucket=self.bucket,
            Key=f"{self.prefix}{path}",
            Body=content,
            ContentType="application/json",
        )

    def remove(self, path: str) -> None:
        self.cloud.call("s3", "delete_object", Bucket=self.bucket, Key=f"{self.prefix}{path}")

    def address(self, path: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{path}"


def open_objects(url: str, make_clients: MakeClients) -> S3Files:
    """The objects of the backend at an ``s3://`` URL. Makes no request yet.

    Raises ``NotSupportedError`` for unknown options of the URL.
    """
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = options.keys() - _OPTIONS
    if unknown:
        raise NotSupportedError(
            f"The backend's URL has an option that reading its files does not know: {sorted(unknown)[0]}.",
            where={"backend": url},
            next_step="Give region and credentials by AWS's own environment variables.",
        )
    cloud = Cloud(make_clients(_endpoint(options)), options.get("region") or "us-east-1")
    folder = parts.path.strip("/")
    return S3Files(cloud, parts.netloc, f"{folder}/{ROOT}/" if folder else f"{ROOT}/")


def _endpoint(options: dict[str, str]) -> str | None:
    address = options.get("endpoint")
    if not address or "://" in address:
        return address
    scheme = "http" if options.get("disableSSL") == "true" else "https"
    return f"{scheme}://{address}"
