"""Buckets: their end, their emptying, names that are taken, objects."""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from sandbox.aws.provider.asset_content import NO_ASSETS, AssetReader
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.resource import Known
from sandbox.aws.provider.types.bucket import Bucket
from sandbox.aws.provider.types.bucket_emptying import empty_bucket
from sandbox.aws.provider.types.bucket_lifecycle import BucketLifecycleConfiguration
from sandbox.aws.provider.types.bucket_object import BucketObjectv2
from sandbox.aws.provider.types.bucket_versioning import BucketVersioning
from sandbox.aws.provider.wire import Archive, Asset

NAME = "the-bucket"


@pytest.fixture
def bucket(mocked_cloud: Cloud) -> str:
    identifier = Bucket().create(mocked_cloud, {"bucket": NAME})
    Bucket().settle(mocked_cloud, identifier, {})
    return identifier


def put(cloud: Cloud, key: str, text: str = "x") -> None:
    cloud.call_s3("put_object", Bucket=NAME, Key=key, Body=text.encode())


def test_what_is_not_empty_stays(mocked_cloud: Cloud, bucket: str) -> None:
    put(mocked_cloud, "k")
    with pytest.raises(CloudError, match="BucketNotEmpty") as failed:
        Bucket().delete(mocked_cloud, bucket, {"forceDestroy": False})
    assert failed.value.code == "BucketNotEmpty"
    assert str(failed.value).startswith("deleting S3 Bucket (the-bucket): operation error S3: DeleteBucket, ")


def test_forced_it_goes_with_versions_markers_and_unfinished_uploads(
    mocked_cloud: Cloud, bucket: str
) -> None:
    BucketVersioning().create(
        mocked_cloud, {"bucket": bucket, "versioningConfiguration": {"status": "Enabled"}}
    )
    for number in range(3):
        put(mocked_cloud, "versioned", str(number))
    mocked_cloud.call_s3("delete_object", Bucket=NAME, Key="versioned")
    mocked_cloud.call_s3("create_multipart_upload", Bucket=NAME, Key="unfinished")
    Bucket().delete(mocked_cloud, bucket, {"forceDestroy": True})
    assert Bucket().read(mocked_cloud, bucket, Known()) is None


def test_emptying_goes_on_until_nothing_is_listed() -> None:
    cloud = create_autospec(Cloud, instance=True)
    versions = [{"Versions": [{"Key": f"k{page}", "VersionId": "v"}]} for page in range(2)]
    uploads = [
        {"Uploads": [{"Key": "u", "UploadId": "1"}], "IsTruncated": True, "NextKeyMarker": "u"},
        {"Uploads": [{"Key": "w", "UploadId": "2"}]},
    ]
    answers = {"list_object_versions": iter([*versions, {}]), "list_multipart_uploads": iter(uploads)}
    cloud.call_s3.side_effect = lambda operation, *_, **__: next(answers.get(operation, iter([{}])))
    empty_bucket(cloud, NAME)
    calls = [(call.args[0], call.kwargs) for call in cloud.call_s3.call_args_list]
    deleted = [kwargs["Delete"]["Objects"] for name, kwargs in calls if name == "delete_objects"]
    assert deleted == [[{"Key": "k0", "VersionId": "v"}], [{"Key": "k1", "VersionId": "v"}]]
    aborted = [kwargs["UploadId"] for name, kwargs in calls if name == "abort_multipart_upload"]
    assert aborted == ["1", "2"]
    assert calls[-2][1]["KeyMarker"] == "u"


def test_what_is_written_while_it_is_emptied_goes_too(
    mocked_cloud: Cloud, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied: list[str] = []

    def empty_too_early(cloud: Cloud, name: str) -> None:
        empty_bucket(cloud, name)
        if not emptied:
            put(mocked_cloud, "late")
        emptied.append(name)

    monkeypatch.setattr("sandbox.aws.provider.types.bucket.empty_bucket", empty_too_early)
    Bucket().delete(mocked_cloud, bucket, {"forceDestroy": True})
    assert len(emptied) == 2


def test_an_error_in_a_batch_is_an_error() -> None:
    cloud = create_autospec(Cloud, instance=True)
    cloud.call_s3.side_effect = [
        {"Versions": [{"Key": "k", "VersionId": "v"}]},
        {"Errors": [{"Key": "k", "Code": "AccessDenied", "Message": "no"}]},
    ]
    cloud.retry_while.side_effect = lambda codes, action, standard: action()
    with pytest.raises(CloudError, match=r"emptying S3 Bucket \(the-bucket\): deleting k: no"):
        Bucket().delete(cloud, NAME, {"forceDestroy": True})


@pytest.mark.parametrize(
    ("region", "code"), [("us-east-1", "BucketAlreadyExists"), ("us-west-2", "BucketAlreadyOwnedByYou")]
)
def test_a_name_that_is_taken(mocked_cloud: Cloud, region: str, code: str) -> None:
    cloud = mocked_cloud.in_region(region)
    Bucket().create(cloud, {"bucket": NAME})
    with pytest.raises(CloudError, match=code) as failed:
        Bucket().create(cloud, {"bucket": NAME})
    assert failed.value.code == code
    assert str(failed.value).startswith("creating S3 Bucket (the-bucket): ")


def made(cloud: Cloud, **inputs: Any) -> dict[str, Any]:
    identifier = BucketObjectv2().create(cloud, {"bucket": NAME, "key": "a/b.txt", **inputs})
    assert identifier == "the-bucket/a/b.txt"
    outputs = BucketObjectv2().read(cloud, identifier, Known(inputs))
    assert outputs is not None
    return outputs


def content(cloud: Cloud) -> bytes:
    return bytes(cloud.call_s3("get_object", Bucket=NAME, Key="a/b.txt")["Body"].read())


@pytest.mark.usefixtures("bucket")
class TestObjects:
    @pytest.mark.parametrize(
        ("inputs", "stored"),
        [
            ({"content": "hällo"}, "hällo".encode()),
            ({"contentBase64": "AP8="}, b"\x00\xff"),
            ({"source": Asset("h", text="text")}, b"text"),
            ({}, b""),
        ],
    )
    def test_contents(self, mocked_cloud: Cloud, inputs: dict[str, Any], stored: bytes) -> None:
        outputs = made(mocked_cloud, **inputs)
        assert content(mocked_cloud) == stored
        assert {name: outputs[name] for name in inputs} == inputs

    def test_properties(self, mocked_cloud: Cloud) -> None:
        outputs = made(
            mocked_cloud,
            content="x",
            contentType="text/plain",
            metadata={"m": "1"},
            tagsAll={"a": "1=2 + 3", "runctl:project": "p"},
            tags={"a": "1=2 + 3"},
        )
        assert outputs["contentType"] == "text/plain"
        assert outputs["metadata"] == {"m": "1"}
        assert outputs["tagsAll"] == {"a": "1=2 + 3", "runctl:project": "p"}
        assert outputs["tags"] == {"a": "1=2 + 3"}
        assert outputs["etag"] == "9dd4e461268c8034f5c8564e155c67a6"

    def test_changed_tags_do_not_upload_again(self, mocked_cloud: Cloud) -> None:
        made(mocked_cloud, content="x")
        mocked_cloud.call_s3("put_object", Bucket=NAME, Key="a/b.txt", Body=b"by another")
        for tags in ({"a": "1"}, {}):
            BucketObjectv2().update(
                mocked_cloud,
                "the-bucket/a/b.txt",
                {},
                {"bucket": NAME, "key": "a/b.txt", "content": "x", "tagsAll": tags},
                frozenset({"tagsAll"}),
            )
        assert content(mocked_cloud) == b"by another"

    def test_all_versions_go(self, mocked_cloud: Cloud) -> None:
        BucketVersioning().create(
            mocked_cloud, {"bucket": NAME, "versioningConfiguration": {"status": "Enabled"}}
        )
        made(mocked_cloud, content="1")
        outputs = made(mocked_cloud, content="2")
        put(mocked_cloud, "a/b.txt.other")
        BucketObjectv2().delete(mocked_cloud, "the-bucket/a/b.txt", outputs)
        page = mocked_cloud.call_s3("list_object_versions", Bucket=NAME)
        assert [version["Key"] for version in page["Versions"]] == ["a/b.txt.other"]

    def test_imported_by_address(self, mocked_cloud: Cloud) -> None:
        made(mocked_cloud, content="x")
        found = BucketObjectv2().read(mocked_cloud, "s3://the-bucket/a/b.txt", Known())
        assert found is not None
        assert found["key"] == "a/b.txt"
        with pytest.raises(RefusedError, match="unexpected format for import ID"):
            BucketObjectv2().read(mocked_cloud, "the-bucket", Known())


def test_the_stated_owner_is_asked_for(mocked_cloud: Cloud, bucket: str) -> None:
    inputs = {
        "bucket": bucket,
        "expectedBucketOwner": "123456789012",
        "versioningConfiguration": {"status": "Enabled"},
    }
    identifier = BucketVersioning().create(mocked_cloud, inputs)
    assert identifier == "the-bucket,123456789012"
    outputs = BucketVersioning().read(mocked_cloud, identifier, Known(inputs))
    assert outputs is not None
    assert outputs["expectedBucketOwner"] == "123456789012"


def test_without_an_account_nothing_is_asked_for(mocked_cloud: Cloud) -> None:
    Bucket().create(replace(mocked_cloud, account=None), {"bucket": NAME})


class TestContents:
    def test_files(self, tmp_path: Path) -> None:
        file = tmp_path / "f"
        file.write_bytes(b"\x00")
        assets = AssetReader(tmp_path)
        assert assets.content(Asset("h", path=str(file))) == b"\x00"
        assert assets.content(Archive("h", path=str(file))) == b"\x00"

    def test_folders_and_parts_are_zipped_the_same_way_each_time(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "f").write_text("f")
        archive = Archive("h", assets={"z": Asset("h", text="z"), "folder": Archive("h", path=str(tmp_path))})
        assets = AssetReader(tmp_path)
        packed = assets.content(archive)
        assert packed == assets.content(archive)
        with zipfile.ZipFile(io.BytesIO(packed)) as unpacked:
            assert {name: unpacked.read(name) for name in unpacked.namelist()} == {
                "folder/sub/f": b"f",
                "z": b"z",
            }

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (Asset("h", path="relative"), "is relative"),
            (Asset("h", path="/nowhere/at/all"), "No such file"),
            (Asset("h", uri="https://example.com"), "no remote asset"),
            (Archive("h", uri="https://example.com"), "no remote archive"),
            (Archive("h", assets={"a": "text"}), "neither asset nor archive"),
        ],
    )
    def test_what_cannot_be_read(self, value: Asset | Archive, reason: str) -> None:
        with pytest.raises(RefusedError, match=reason):
            AssetReader(Path("/nowhere")).content(value)

    @pytest.mark.parametrize("kind", [Asset, Archive])
    @pytest.mark.parametrize("given", ["outside", "inside/../../outside", "inside/link", "inside/folder"])
    def test_files_elsewhere_are_not_read(self, tmp_path: Path, kind: type, given: str) -> None:
        (tmp_path / "outside").write_text("a private key")
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "key").write_text("a private key")
        inside = tmp_path / "inside"
        inside.mkdir()
        (inside / "link").symlink_to(tmp_path / "outside")
        (inside / "folder").symlink_to(tmp_path / "secrets")
        with pytest.raises(RefusedError, match="reads no other files"):
            AssetReader(inside).content(kind("h", path=f"{tmp_path}/{given}"))

    def test_links_in_a_packed_folder_lead_nowhere_else(self, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("a private key")
        (tmp_path / "inside").mkdir()
        (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
        with pytest.raises(RefusedError, match="reads no other files"):
            AssetReader(tmp_path / "inside").content(Archive("h", path=str(tmp_path / "inside")))

    def test_a_pipe_is_no_asset(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(RefusedError, match="no regular file"):
            AssetReader(tmp_path).content(Asset("h", path=str(tmp_path / "pipe")))

    def test_without_a_folder_no_file_is_read(self, tmp_path: Path) -> None:
        assert NO_ASSETS.content(Asset("h", text="t")) == b"t"
        with pytest.raises(RefusedError, match="reads no other files"):
            NO_ASSETS.content(Asset("h", path=str(tmp_path)))


def test_the_rules_that_forget_versions_come_back_as_stated(mocked_cloud: Cloud, bucket: str) -> None:
    rules = [
        {
            "id": "abort",
            "status": "Enabled",
            "filter": {"prefix": "runs/"},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 1},
        },
        {
            "id": "versions",
            "status": "Enabled",
            "filter": {"prefix": "checkpoints/"},
            "noncurrentVersionExpiration": {"noncurrentDays": 3},
            "expiration": {"expiredObjectDeleteMarker": True},
        },
    ]
    inputs = {"bucket": bucket, "rules": rules}
    identifier = BucketLifecycleConfiguration().create(mocked_cloud, inputs)
    outputs = BucketLifecycleConfiguration().read(mocked_cloud, identifier, Known(inputs))
    assert outputs is not None
    assert outputs["rules"] == rules
