"""The objects of a bucket by key, as the checkpoints of a job are read and changed from outside."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.s3_in_memory import OWNER, S3InMemory

from runctl_auto.errors import AccessDeniedError, NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket_objects import BucketObjects


@pytest.fixture
def s3() -> S3InMemory:
    return S3InMemory("b", page_size=2)


def objects(s3: S3InMemory, bucket: str = "b", owner: str = OWNER) -> BucketObjects:
    return BucketObjects(Cloud(lambda service, region: s3, "us-east-1", sleep=lambda _: None), bucket, owner)


def test_what_is_put_is_got_listed_and_deleted(s3: S3InMemory, tmp_path: Path) -> None:
    store = objects(s3)
    for number in range(5):
        store.put(f"c/line/{number}/files/a", b"x" * number)
    assert store.get("c/line/3/files/a", 1000) == store.find("c/line/3/files/a", 1000) == b"xxx"
    assert store.object_sizes("c/line/") == {f"c/line/{number}/files/a": number for number in range(5)}
    assert store.list_folders("c/line/") == ["0", "1", "2", "3", "4"]
    assert store.download("c/line/4/files/a", tmp_path / "a", 10**9) == hashlib.sha256(b"xxxx").hexdigest()
    assert (tmp_path / "a").read_bytes() == b"xxxx"
    store.delete("c/line/4/files/a")
    store.delete("c/line/4/files/a")
    assert store.find("c/line/4/files/a", 1000) is None
    with pytest.raises(NotFoundError):
        store.get("c/line/4/files/a", 1000)


def test_a_bucket_that_does_not_exist_is_empty(s3: S3InMemory) -> None:
    store = objects(s3, "none")
    assert (store.object_sizes("c/"), store.list_folders("c/"), store.find("c/a", 1000)) == ({}, [], None)


def test_another_owners_bucket_is_not_touched(s3: S3InMemory) -> None:
    with pytest.raises(AccessDeniedError):
        objects(s3, owner="999988887777").put("k", b"x")
    assert s3.buckets["b"] == {}
