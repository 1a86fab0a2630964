"""Objects in buckets."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from sandbox.aws.provider import tagging
from sandbox.aws.provider.asset_content import AssetReader
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.resource import Known, PhysicalName, Problem, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Change, Kind, refused, replaces, table, updates

_SOURCES = ("source", "content", "contentBase64")
_GONE = frozenset({"NoSuchKey", "NoSuchBucket", "404", "NotFound"})
_OWN_TAGS = frozenset({"tags", "tagsAll"})
_LOCAL = frozenset({"forceDestroy", "overrideProvider"})
_HEADERS = {
    "cacheControl": "CacheControl",
    "contentDisposition": "ContentDisposition",
    "contentEncoding": "ContentEncoding",
    "contentLanguage": "ContentLanguage",
    "contentType": "ContentType",
    "serverSideEncryption": "ServerSideEncryption",
    "storageClass": "StorageClass",
}
_CHECKSUMS = {
    "checksumCrc32": "ChecksumCRC32",
    "checksumCrc32c": "ChecksumCRC32C",
    "checksumCrc64nvme": "ChecksumCRC64NVME",
    "checksumSha1": "ChecksumSHA1",
    "checksumSha256": "ChecksumSHA256",
}


class BucketObjectv2(ResourceType):
    """`aws.s3.BucketObjectv2`. Its id is BUCKET/KEY."""

    token = "aws:s3/bucketObjectv2:BucketObjectv2"  # noqa: S105
    title = "S3 Object"
    physical_name = PhysicalName("key", longest=1024, hashed=False)
    inputs = table(
        {
            "acl": refused(Change.UPDATE, "use aws.s3.BucketPolicy"),
            "bucket": replaces(required=True),
            "bucketKeyEnabled": updates(Kind.BOOLEAN, computed=True),
            "cacheControl": updates(),
            "checksumAlgorithm": updates(
                told=False, allowed=("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
            ),
            "content": updates(told=False),
            "contentBase64": updates(told=False),
            "contentDisposition": updates(),
            "contentEncoding": updates(),
            "contentLanguage": updates(),
            "contentType": updates(computed=True),
            "etag": updates(computed=True),
            "forceDestroy": updates(Kind.BOOLEAN, default=False, told=False),
            "key": replaces(computed=True),
            "kmsKeyId": updates(computed=True),
            "metadata": updates(Kind.MAP),
            "objectLockLegalHoldStatus": refused(Change.UPDATE),
            "objectLockMode": refused(Change.UPDATE),
            "objectLockRetainUntilDate": refused(Change.UPDATE),
            "overrideProvider": updates(
                Kind.OBJECT,
                told=False,
                fields={
                    "defaultTags": updates(
                        Kind.OBJECT, told=False, fields={"tags": updates(Kind.MAP, told=False)}
                    )
                },
            ),
            "region": REGION,
            "serverSideEncryption": updates(computed=True),
            "source": updates(Kind.ASSET, told=False),
            "sourceHash": updates(told=False),
            "storageClass": updates(computed=True),
            "tags": TAGS,
            "tagsAll": TAGS,
            "websiteRedirect": refused(Change.UPDATE),
        }
    )
    outputs = ("arn", "versionId", *_CHECKSUMS)

    def check(self, inputs: Properties) -> Iterator[Problem]:
        stated = [name for name in _SOURCES if name in inputs]
        if len(stated) > 1:
            yield Problem(stated[1], f'"{stated[0]}": conflicts with {stated[1]}')

    def default_tags(self, inputs: Mapping[str, Any], of_provider: Mapping[str, str]) -> Mapping[str, str]:
        """An object has ten tags at most, so the program may override the provider's default tags."""
        override = inputs.get("overrideProvider") or {}
        if "defaultTags" not in override:
            return of_provider
        return (override["defaultTags"] or {}).get("tags") or {}

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        self._put(cloud, inputs, "creating")
        return f"{inputs['bucket']}/{inputs['key']}"

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        bucket, key = _parts(identifier)
        doing = f"reading {self.title} ({identifier})"
        try:
            head = cloud.call_s3("head_object", doing, Bucket=bucket, Key=key, ChecksumMode="ENABLED")
            found = cloud.call_s3("get_object_tagging", doing, Bucket=bucket, Key=key)
        except CloudError as error:
            if error.code in _GONE:
                return None
            raise
        merged = {**known.outputs, **known.inputs}
        default_tags = self.default_tags(merged, cloud.configuration.default_tags)
        carried = ("checksumAlgorithm", *_SOURCES, "overrideProvider", "sourceHash")
        return {
            "arn": f"arn:{cloud.partition}:s3:::{bucket}/{key}",
            "bucket": bucket,
            "bucketKeyEnabled": head.get("BucketKeyEnabled", False),
            **{name: head.get(header, "") for name, header in _HEADERS.items()},
            **{name: head.get(header, "") for name, header in _CHECKSUMS.items()},
            "etag": head["ETag"].strip('"'),
            "forceDestroy": known.carried("forceDestroy", False),
            "key": key,
            "kmsKeyId": head.get("SSEKMSKeyId", ""),
            "metadata": head.get("Metadata", {}),
            "region": cloud.region,
            "serverSideEncryption": head.get("ServerSideEncryption", ""),
            "storageClass": head.get("StorageClass", "STANDARD"),
            "versionId": head.get("VersionId", ""),
            **{name: known.carried(name) for name in carried},
            **tagging.told(tagging.from_list(found["TagSet"]), default_tags, known),
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del state
        if changed - _OWN_TAGS - _LOCAL:
            self._put(cloud, inputs, "uploading")
        elif changed & _OWN_TAGS:
            bucket, key = _parts(identifier)
            tags = tagging.to_list(inputs.get("tagsAll"))
            doing = f"updating tags for {self.title} ({identifier})"
            if tags:
                cloud.call_s3("put_object_tagging", doing, Bucket=bucket, Key=key, Tagging={"TagSet": tags})
            else:
                cloud.call_s3("delete_object_tagging", doing, Bucket=bucket, Key=key)

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        bucket, key = _parts(identifier)
        doing = f"deleting {self.title} ({identifier})"
        try:
            if state.get("versionId"):
                _delete_versions(cloud, bucket, key, doing)
            else:
                cloud.call_s3("delete_object", doing, Bucket=bucket, Key=key)
        except CloudError as error:
            if error.code not in _GONE:
                raise

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        if changed - _OWN_TAGS - _LOCAL:
            return frozenset({"etag", "versionId", *_CHECKSUMS}) - changed
        return frozenset()

    def _put(self, cloud: Cloud, inputs: Properties, verb: str) -> None:
        bucket, key = inputs["bucket"], inputs["key"]
        cloud.call_s3(
            "put_object",
            f"{verb} {self.title} ({key}) to Bucket ({bucket})",
            Bucket=bucket,
            Key=key,
            Body=_body(cloud.assets, inputs),
            BucketKeyEnabled=inputs.get("bucketKeyEnabled"),
            ChecksumAlgorithm=inputs.get("checksumAlgorithm"),
            Metadata=inputs.get("metadata"),
            SSEKMSKeyId=inputs.get("kmsKeyId") or None,
            Tagging=urlencode(inputs.get("tagsAll") or {}) or None,
            **{header: inputs.get(name) or None for name, header in _HEADERS.items()},
        )


def _body(assets: AssetReader, inputs: Mapping[str, Any]) -> bytes:
    if inputs.get("source") is not None:
        return assets.content(inputs["source"])
    if inputs.get("contentBase64"):
        return base64.b64decode(inputs["contentBase64"])
    return str(inputs.get("content") or "").encode()


def _parts(identifier: str) -> tuple[str, str]:
    bucket, separator, key = identifier.removeprefix("s3://").partition("/")
    if not separator or not key:
        raise RefusedError(
            f"unexpected format for import ID ({identifier}), use: bucket/key or s3://bucket/key"
        )
    return bucket, key


def _delete_versions(cloud: Cloud, bucket: str, key: str, doing: str) -> None:
    """A versioned object is deleted only when all of its versions are."""
    page = cloud.call_s3("list_object_versions", doing, Bucket=bucket, Prefix=key)
    for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
        if version["Key"] == key:
            cloud.call_s3("delete_object", doing, Bucket=bucket, Key=key, VersionId=version["VersionId"])
