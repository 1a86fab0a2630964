from __future__ import annotations

from typing import Any


def test_a_delete_marker_can_be_deleted_when_versioning_is_suspended(cloud: Any) -> None:
    s3, place = cloud.s3, {"Bucket": "job-bucket", "Key": "k"}
    s3.create_bucket(Bucket="job-bucket")
    s3.put_bucket_versioning(Bucket="job-bucket", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(**place, Body=b"1")["VersionId"]
    marker = s3.delete_object(**place)["VersionId"]
    s3.put_bucket_versioning(Bucket="job-bucket", VersioningConfiguration={"Status": "Suspended"})
    for each in (version, marker):
        answer = s3.delete_objects(
            Bucket="job-bucket", Delete={"Objects": [{"Key": "k", "VersionId": each}], "Quiet": True}
        )
        assert "Errors" not in answer
    listed = s3.list_object_versions(Bucket="job-bucket")
    assert "Versions" not in listed
    assert "DeleteMarkers" not in listed
