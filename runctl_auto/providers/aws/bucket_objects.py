"""The objects of a job's bucket by key, as the agent's checkpoints are read and changed from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.object_body import read_body, write_body

_WRITTEN_BY_ANOTHER = frozenset({"ConditionalRequestConflict", "PreconditionFailed"})
"""How S3 refuses to write an object that is there."""


class BucketObjects:
    """Implements the agent's ``ChangeableStore``; every call states the account that must own the bucket.

    Blocks; retried. Raises ``CloudError`` when a request fails, and the agent's ``IntegrityError`` for an
    object that is larger than asked for. A bucket that does not exist is empty.
    """

    def __init__(self, cloud: Cloud, bucket: str, owner: str) -> None:
        self._cloud = cloud
        self._bucket = bucket
        self._owner = owner

    def get(self, key: str, at_most: int) -> bytes:
        def fetch() -> bytes:
            return read_body(self._opened(key)["Body"], at_most)

        content: bytes = self._cloud.retried(fetch, f"reading {key}")
        if len(content) > at_most:
            raise IntegrityError(f"{key} is larger than {at_most} bytes")
        return content

    def find(self, key: str, at_most: int) -> bytes | None:
        try:
            return self.get(key, at_most)
        except NotFoundError:
            return None

    def download(self, key: str, target: Path, at_most: int) -> str:
        def fetch() -> str:
            return write_body(self._opened(key)["Body"], target, at_most)

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

    def put_new(self, key: str, data: bytes) -> bool:
        try:
            self._cloud.call(
                "s3",
                "put_object",
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType="application/json",
                IfNoneMatch="*",
                ExpectedBucketOwner=self._owner,
            )
        except CloudError as error:
            if error.code not in _WRITTEN_BY_ANOTHER:
                raise
            return self.find(key, len(data) + 1) == data  # a repeated call may meet what it stored itself
        return True

    def delete(self, key: str) -> None:
        self._cloud.call("s3", "delete_object", Bucket=self._bucket, Key=key, ExpectedBucketOwner=self._owner)

    def object_sizes(self, prefix: str) -> dict[str, int]:
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
