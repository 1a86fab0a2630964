"""Files of a backend in a bucket: the same as in a folder, with a request for what is asked."""

from __future__ import annotations

import io
import json
from unittest import mock

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from runctl_auto.backend.files import FolderFiles, S3Files, backend_files
from runctl_auto.backend.stacks import history, last_config

FOLDER = "team/.pulumi/history/runctl/digits"


class S3Client(BaseClient):
    """What is called of a client of S3, over a dictionary; two keys a page."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.denied = False
        self.asked: list[str] = []

    def list_objects_v2(self, *, Bucket: str, Prefix: str, ContinuationToken: str = "0") -> dict:
        self.asked.append("list")
        if self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")
        start = int(ContinuationToken)
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        more = {"IsTruncated": True, "NextContinuationToken": str(start + 2)} if keys[start + 2 :] else {}
        return {"Contents": [{"Key": key} for key in keys[start : start + 2]], **more}

    def get_object(self, *, Bucket: str, Key: str) -> dict:
        self.asked.append("get")
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}


def record(owner: str, result: str) -> bytes:
    told = {"kind": "update", "startTime": 60, "endTime": 120, "result": result}
    return json.dumps({**told, "config": {"runctl:owner": owner}}).encode()


def bucket() -> S3Client:
    return S3Client(
        {
            f"{FOLDER}/digits-1.history.json": record("ann", "succeeded"),
            f"{FOLDER}/digits-1.checkpoint.json": b"{}",
            f"{FOLDER}/digits-2.history.json": record("bob", "failed"),
            f"{FOLDER}/digits-2.checkpoint.json": b"{}",
            f"{FOLDER}-two/digits-two-9.history.json": record("eve", "succeeded"),
        }
    )


def files(client: S3Client, url: str = "s3://states/team?region=eu-west-1") -> S3Files:
    found = backend_files(url, lambda endpoint: lambda service, region: client)
    assert isinstance(found, S3Files)
    assert (found.bucket, found.prefix, found.cloud.region) == ("states", "team/.pulumi/", "eu-west-1")
    return found


def test_the_configuration_and_the_history_of_a_stack_in_a_bucket() -> None:
    client = bucket()
    assert last_config(files(client), "runctl", "digits") == {"runctl:owner": "bob"}
    assert client.asked == ["list", "list", "get"]
    told = history(files(client), "runctl", "digits") or ()
    assert [each.succeeded for each in told] == [False, True]
    assert history(files(client), "runctl", "absent") == ()


def test_what_a_bucket_does_not_tell_is_left_to_an_engine() -> None:
    client = bucket()
    client.denied = True
    assert last_config(files(client), "runctl", "digits") is None
    assert history(files(client), "runctl", "digits") is None


def test_other_backends_have_no_files() -> None:
    make = mock.Mock(spec=["__call__"])
    for url in ("https://api.pulumi.com", "gs://states", "s3://states?profile=work"):
        assert backend_files(url, make) is None
    assert isinstance(backend_files("file:///a%20b", make), FolderFiles)
