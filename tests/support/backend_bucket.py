"""A bucket with a backend: the S3 client methods used to read one, over a dictionary."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime, timezone
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.backend_objects import S3Files

WRITTEN = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)


class BucketClient(BaseClient):
    """Objects by key; ``page`` keys per list page. ``written``: modification times other than ``WRITTEN``."""

    def __init__(self, objects: dict[str, bytes], *, page: int = 2) -> None:
        self.objects = objects
        self.written: dict[str, datetime] = {}
        self.denied = False
        self.loses_answers = 0
        self.vanishing: set[str] = set()
        self.asked: list[str] = []
        self._page = page

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "0") -> dict[str, Any]:
        self._count("list", "ListObjectsV2")
        start = int(ContinuationToken)
        end = start + self._page
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        more = {"IsTruncated": True, "NextContinuationToken": str(end)} if keys[end:] else {}
        return {
            "Contents": [
                {
                    "Key": key,
                    "LastModified": self.written.get(key, WRITTEN),
                    "ETag": etag(self.objects[key]),
                }
                for key in keys[start:end]
            ],
            **more,
        }

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self._count("get", "GetObject")
        if Key not in self.objects or Key in self.vanishing:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": etag(self.objects[Key])}

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
        ContentType: str = "",
    ) -> dict[str, Any]:
        self._count("put", "PutObject")
        held = self.objects.get(Key)
        if IfMatch is not None and held is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "PutObject")
        if (IfNoneMatch == "*" and held is not None) or (
            IfMatch is not None and IfMatch != etag(held or b"")
        ):
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": "no"}}, "PutObject")
        self.objects[Key] = Body
        if self.loses_answers:
            self.loses_answers -= 1
            raise ClientError({"Error": {"Code": "InternalError", "Message": "no"}}, "PutObject")
        return {"ETag": etag(Body)}

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self._count("delete", "DeleteObject")
        self.objects.pop(Key, None)
        return {}

    def _count(self, word: str, operation: str) -> None:
        self.asked.append(word)
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def files_in(client: BucketClient, prefix: str = "team/.pulumi/") -> S3Files:
    """The files of a backend in the bucket ``states``."""
    return S3Files(Cloud(lambda service, region: client, "eu-west-1"), "states", prefix)
