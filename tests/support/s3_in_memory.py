"""An in-memory S3 with the operations used on a job's bucket, which lists as S3 does."""

from __future__ import annotations

import io
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

OWNER = "111122223333"
STORED = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
"""When an object was stored that has no time of its own."""


class S3InMemory:
    """Buckets by name; every call must specify the correct owner."""

    def __init__(self, *buckets: str, page_size: int = 1000) -> None:
        self.buckets: dict[str, dict[str, bytes]] = {bucket: {} for bucket in buckets}
        self.stored: dict[str, datetime] = {}
        """When objects were stored, by key."""
        self.page_size = page_size
        self.calls: list[str] = []

    def get_object(self, Bucket: str, Key: str, ExpectedBucketOwner: str) -> Any:
        content = self._bucket(Bucket, ExpectedBucketOwner, "GetObject").get(Key)
        if content is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        body = StreamingBody(io.BytesIO(content), len(content))
        return {"Body": body, "LastModified": self.stored.get(Key, STORED)}

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        ContentType: str,
        ExpectedBucketOwner: str,
        IfNoneMatch: str = "",
    ) -> Any:
        objects = self._bucket(Bucket, ExpectedBucketOwner, "PutObject")
        if IfNoneMatch == "*" and Key in objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": Key}}, "PutObject")
        objects[Key] = Body
        return {}

    def delete_object(self, Bucket: str, Key: str, ExpectedBucketOwner: str) -> Any:
        self._bucket(Bucket, ExpectedBucketOwner, "DeleteObject").pop(Key, None)
        return {}

    def list_objects_v2(
        self,
        *,
        Bucket: str,
        Prefix: str,
        ExpectedBucketOwner: str,
        StartAfter: str = "",
        Delimiter: str = "",
        ContinuationToken: str = "",
        MaxKeys: int = 1000,
    ) -> Any:
        after = ContinuationToken or StartAfter
        objects = self._bucket(Bucket, ExpectedBucketOwner, "ListObjectsV2")
        keys = sorted(key for key in objects if key.startswith(Prefix) and key > after)
        if Delimiter:
            below = [key[len(Prefix) :].split(Delimiter) for key in keys]
            prefixes = sorted({Prefix + names[0] + Delimiter for names in below if len(names) > 1})
            return {"CommonPrefixes": [{"Prefix": each} for each in prefixes], "IsTruncated": False}
        size = min(self.page_size, MaxKeys)
        page, rest = keys[:size], keys[size:]
        answer: dict[str, Any] = {
            "Contents": [{"Key": key, "Size": len(objects[key])} for key in page],
            "IsTruncated": bool(rest),
        }
        if rest:
            answer["NextContinuationToken"] = page[-1]
        return answer

    def _bucket(self, bucket: str, owner: str, operation: str) -> dict[str, bytes]:
        self.calls.append(operation)
        if owner != OWNER:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, operation)
        if bucket not in self.buckets:
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": bucket}}, operation)
        return self.buckets[bucket]
