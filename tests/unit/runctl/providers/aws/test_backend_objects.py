"""Objects of an `s3://` backend: the same as files in a folder, with a request for what is asked."""

from __future__ import annotations

import threading
from unittest import mock

import pytest
from support.backend_bucket import WRITTEN, BucketClient, files_in

from runctl_auto.backend.files import StoredFile
from runctl_auto.errors import AccessDeniedError, NotSupportedError
from runctl_auto.providers.aws.backend_objects import open_objects

BELOW = "team/.pulumi"


def bucket() -> BucketClient:
    keys = ("stacks/p/b.json", "stacks/p/a.json", "stacks/pp/c.json", "meta.yaml")
    return BucketClient({f"{BELOW}/{key}": key.encode() for key in keys})


def test_objects_are_listed_over_all_pages() -> None:
    client = bucket()
    files = files_in(client)
    assert files.find("stacks/p") == tuple(StoredFile(f"stacks/p/{name}.json", WRITTEN) for name in "ab")
    assert [each.path for each in files.find("stacks/p", "b.")] == ["stacks/p/b.json"]
    assert len(files.find("stacks")) == 3
    assert files.find("absent") == ()
    assert client.asked == ["list", "list", "list", "list", "list"]


def test_an_object_is_read_and_removed() -> None:
    client = bucket()
    files = files_in(client)
    assert files.read("meta.yaml") == b"meta.yaml"
    assert files.address("meta.yaml") == "s3://states/team/.pulumi/meta.yaml"
    files.remove("meta.yaml")
    files.remove("meta.yaml")
    assert files.read("meta.yaml") is None
    assert len(client.objects) == 3


def test_an_object_is_written() -> None:
    client = bucket()
    files = files_in(client)
    files.write("runctl/costs/a.json", b"{}")
    assert files.read("runctl/costs/a.json") == b"{}"


def test_many_are_read_in_their_order_by_one_client() -> None:
    client = BucketClient({f"{BELOW}/{number}": str(number).encode() for number in range(100)})
    client.vanishing = {f"{BELOW}/7"}
    makers: list[threading.Thread] = []

    def make(service: str, region: str) -> BucketClient:
        makers.append(threading.current_thread())
        return client

    files = open_objects("s3://states/team", lambda endpoint: make)
    wanted = [None if number == 7 else str(number).encode() for number in range(100)]
    assert list(files.read_all(str(number) for number in range(100))) == wanted
    assert makers == [threading.current_thread()], "a session makes clients in one thread alone"


def test_a_refused_request_is_told_as_it_is() -> None:
    client = bucket()
    client.denied = True
    files = files_in(client)
    with pytest.raises(AccessDeniedError):
        files.find("stacks")
    with pytest.raises(AccessDeniedError):
        files.read("meta.yaml")
    assert list(files.read_all(["meta.yaml"])) == [None]


@pytest.mark.parametrize(
    ("url", "endpoint", "region", "prefix"),
    [
        ("s3://states", None, "us-east-1", ".pulumi/"),
        ("s3://states/team/a?region=eu-west-1&awssdk=v2", None, "eu-west-1", "team/a/.pulumi/"),
        (
            "s3://states?endpoint=127.0.0.1:9000&disableSSL=true",
            "http://127.0.0.1:9000",
            "us-east-1",
            ".pulumi/",
        ),
        ("s3://states?endpoint=minio:9000", "https://minio:9000", "us-east-1", ".pulumi/"),
        ("s3://states?endpoint=https://minio:9000", "https://minio:9000", "us-east-1", ".pulumi/"),
    ],
)
def test_the_bucket_of_a_url(url: str, endpoint: str | None, region: str, prefix: str) -> None:
    make_clients = mock.Mock(spec=["__call__"])
    files = open_objects(url, make_clients)
    assert (files.bucket, files.prefix, files.cloud.region) == ("states", prefix, region)
    make_clients.assert_called_once_with(endpoint)


def test_an_option_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(NotSupportedError, match="profile"):
        open_objects("s3://states?profile=work", mock.Mock(spec=["__call__"]))
