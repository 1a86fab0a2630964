from __future__ import annotations

from typing import Any

import pytest
from moto.s3.models import FakeKey


def test_a_list_of_versions_reads_no_content(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3, place = cloud.s3, {"Bucket": "job-bucket", "Key": "k"}
    s3.create_bucket(Bucket="job-bucket")
    s3.put_bucket_versioning(Bucket="job-bucket", VersioningConfiguration={"Status": "Enabled"})
    contents = (b"1", b"22", b"333")
    for body in contents:
        s3.put_object(**place, Body=body)
    s3.delete_object(**place)
    with monkeypatch.context() as patch:
        patch.setattr(FakeKey, "value", property(lambda self: pytest.fail("the content is read")))
        listed = s3.list_object_versions(Bucket="job-bucket")
    assert sorted(each["Size"] for each in listed["Versions"]) == [1, 2, 3]
    assert [each["IsLatest"] for each in listed["DeleteMarkers"]] == [True]
    found = [
        s3.get_object(**place, VersionId=each["VersionId"])["Body"].read() for each in listed["Versions"]
    ]
    assert sorted(found) == list(contents), "the lists share nothing with the versions"
