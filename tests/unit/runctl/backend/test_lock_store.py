"""Lock files of a backend: read and removed one by one, in a folder or in a bucket."""

from __future__ import annotations

import io
from pathlib import Path
from unittest import mock

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from runctl_auto.backend.lock_store import FileLocks, Lock, S3Locks, lock_store
from runctl_auto.backend.locks import LockOwner
from runctl_auto.errors import NotSupportedError
from runctl_auto.providers.aws.access import Cloud

TEXT = b'{"pid": 7, "username": "ann", "hostname": "here", "timestamp": "2026-11-22T10:00:00Z"}'
OWNER = LockOwner("ann", "here", 7, "2026-11-22T10:00:00Z")
BELOW = ".pulumi/locks/organization/runctl/digits"


class S3Client(BaseClient):
    """What is called of a client of S3, over a dictionary."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.vanishing: set[str] = set()

    def list_objects_v2(self, *, Bucket: str, Prefix: str) -> dict:
        return {"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}

    def get_object(self, *, Bucket: str, Key: str) -> dict:
        if Key in self.vanishing:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}

    def delete_object(self, *, Bucket: str, Key: str) -> dict:
        del self.objects[Key]
        return {}


def test_locks_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(TEXT)
    (tmp_path / "a.json.attrs").write_bytes(b"{}")
    (tmp_path / "b.json").write_bytes(b"half a")
    store = FileLocks(tmp_path)
    assert [lock.owner for lock in store.locks()] == [OWNER, None]
    store.remove(store.locks()[0])
    store.remove(Lock(str(tmp_path / "gone.json"), None))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.json"]
    assert FileLocks(tmp_path / "none").locks() == ()


def test_locks_in_a_bucket() -> None:
    client = S3Client({f"team/{BELOW}/{name}.json": TEXT for name in "abc"})
    client.vanishing = {f"team/{BELOW}/b.json"}
    store = S3Locks(Cloud(lambda service, region: client, "eu-west-1"), "states", f"team/{BELOW}")
    locks = store.locks()
    assert [lock.place for lock in locks] == [f"s3://states/team/{BELOW}/{name}.json" for name in "ac"]
    assert locks[0].owner == OWNER
    store.remove(locks[1])
    assert set(client.objects) == {f"team/{BELOW}/{name}.json" for name in "ab"}


@pytest.mark.parametrize(
    ("backend", "endpoint", "region", "prefix"),
    [
        ("s3://states", None, "us-east-1", BELOW),
        ("s3://states/team/a?region=eu-west-1&awssdk=v2", None, "eu-west-1", f"team/a/{BELOW}"),
        ("s3://states?endpoint=127.0.0.1:9000&disableSSL=true", "http://127.0.0.1:9000", "us-east-1", BELOW),
        ("s3://states?endpoint=https://minio:9000", "https://minio:9000", "us-east-1", BELOW),
    ],
)
def test_the_bucket_of_a_url(backend: str, endpoint: str | None, region: str, prefix: str) -> None:
    make_clients = mock.Mock(spec=["__call__"])
    store = lock_store(backend, "runctl", "digits", make_clients)
    assert isinstance(store, S3Locks)
    assert (store.bucket, store.prefix, store.cloud.region) == ("states", prefix, region)
    make_clients.assert_called_once_with(endpoint)


def test_the_folder_of_a_url(tmp_path: Path) -> None:
    spaced = tmp_path / "a b"
    store = lock_store(spaced.as_uri(), "runctl", "digits", mock.Mock(spec=[]))
    assert store == FileLocks(spaced / BELOW)


@pytest.mark.parametrize("backend", ["https://api.pulumi.com", "gs://states", "s3://states?profile=work"])
def test_other_backends_are_refused_by_name(backend: str) -> None:
    with pytest.raises(NotSupportedError) as refused:
        lock_store(backend, "runctl", "digits", mock.Mock(spec=["__call__"]))
    assert "pulumi cancel" in (refused.value.next_step or "")
