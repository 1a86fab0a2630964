"""The objects of a job's bucket by key, as the agent's checkpoints are read and changed from outside."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runctl_auto.errors import NotFoundError
from runctl_auto.providers.aws.access import Cloud

_CHUNK = 1 << 20


class BucketObjects:
    """Implements the agent's ``ChangeableStore``; every call states the account that must own the bucket.

    Blocks; retried. Raises ``CloudError`` when a request fails. A bucket that does not exist is empty.
    """

    def __init__(self, cloud: Cloud, bucket: str, owner: str) -> None:
        self._cloud = cloud
        self._bucket = bucket
        self._owner = owner

    def get(self, key: str) -> bytes:
        def fetch() -> bytes:
            content: bytes = self._opened(key)["Body"].read()
            return content

        content: bytes = self._cloud.retried(fetch, f"reading {key}")
        return content

    def find(self, key: str) -> bytes | None:
        try:
            return self.get(key)
        except NotFoundError:
            return None

    def download(self, key: str, target: Path) -> str:
        def fetch() -> str:
            digest = hashlib.sha256()
            with target.open("wb") as stream:
                for chunk in self._opened(key)["Body"].iter_chunks(_CHUNK):
                    digest.update(chunk)
                    stream.write(chunk)
            return digest.hexdigest()

        found: str = self._cloud.retried(fetch, f"fetching {key}")
        return found

    def put(self, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        self._cloud.call(
            "s3",
            "put_object",
            Bucket=self._bucket,
            Key=key,
            Body=data,
            ContentType=content_type,
            ExpectedBucketOwner=self._owner,
        )

    def delete(self, key: str) -> None:
        self._cloud.call("s3", "delete_object", Bucket=self._bucket, Key=key, ExpectedBucketOwner=self._owner)

    def list_objects(self, prefix: str) -> dict[str, int]:
        return {each["Key"]: each["Size"] for each in self._listed("Contents", Prefix=prefix)}

    def list_folders(self, prefix: str) -> list[str]:
        listed = self._listed("CommonPrefixes", Prefix=prefix, Delimiter="/")
        return [each["Prefix"][len(prefix) :].rstrip("/") for each in listed]

    def _opened(self, key: str) -> Any:
        return self._cloud.client("s3").get_object(
            Bucket=self._bucket, Key=key, ExpectedBucketOwner=self._owner
        )

    def _listed(self, field: str, **what: str) -> Iterator[Any]:
        try:
            yield from self._cloud.pages(
                "s3", "list_objects_v2", field, Bucket=self._bucket, ExpectedBucketOwner=self._owner, **what
            )
        except NotFoundError:
            return
