"""Emptying a bucket: all versions, delete markers and incomplete uploads."""

from __future__ import annotations

from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError


def empty_bucket(cloud: Cloud, bucket: str) -> None:
    """Delete everything in the bucket; blocks. Raises CloudError when something cannot be deleted."""
    _delete_versions(cloud, bucket)
    _abort_uploads(cloud, bucket)


def _delete_versions(cloud: Cloud, bucket: str) -> None:
    doing = f"emptying S3 Bucket ({bucket})"
    while True:
        page = cloud.call_s3("list_object_versions", doing, Bucket=bucket)
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if not found:
            return
        _delete(cloud, bucket, doing, found)


def _delete(cloud: Cloud, bucket: str, doing: str, found: list[dict[str, Any]]) -> None:
    objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
    answer = cloud.call_s3("delete_objects", doing, Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    for error in answer.get("Errors", ()):
        raise CloudError(
            f"{doing}: deleting {error.get('Key')}", error.get("Code", "Unknown"), error.get("Message", "")
        )


def _abort_uploads(cloud: Cloud, bucket: str) -> None:
    doing = f"aborting S3 Bucket ({bucket}) multipart uploads"
    position: dict[str, Any] = {}
    while True:
        page = cloud.call_s3("list_multipart_uploads", doing, Bucket=bucket, **position)
        for upload in page.get("Uploads", ()):
            cloud.call_s3(
                "abort_multipart_upload", doing, Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        if not page.get("IsTruncated"):
            return
        position = {"KeyMarker": page.get("NextKeyMarker"), "UploadIdMarker": page.get("NextUploadIdMarker")}
