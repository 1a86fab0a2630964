"""Whether a machine can read a job's data is known before anything is rented."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from botocore.exceptions import ClientError
from support.emulated_account import Account as EmulatedAccount
from support.job_stacks import job_spec, placement

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.data_sources import look_at_data

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b"


class S3:
    def __init__(self, *keys: str, code: str | None = None) -> None:
        self.keys = keys
        self.code = code
        self.region = "us-east-1"
        self.encryption: dict[str, str] | str = {}
        self.asked: list[str] = []
        self.looked_at: list[str] = []

    def head_bucket(self, Bucket: str) -> Any:
        return {"BucketRegion": self.region}

    def head_object(self, Bucket: str, Key: str) -> Any:
        self.looked_at.append(Key)
        if isinstance(self.encryption, str):
            raise ClientError({"Error": {"Code": self.encryption, "Message": ""}}, "HeadObject")
        return self.encryption

    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int) -> Any:
        self.asked.append(Prefix)
        assert MaxKeys == 1
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "said so"}}, "ListObjectsV2")
        return {"Contents": [{"Key": key} for key in sorted(self.keys) if key.startswith(Prefix)][:1]}


def looked(s3: S3, *sources: str, **place: Any) -> tuple[str, ...]:
    data = [{"source": source, "path": f"data/{index}"} for index, source in enumerate(sources)]
    spec = JobSpec.model_validate({"name": "digits", "region": "us-east-1", "run": "true", "data": data})
    cloud = Cloud(lambda service, region: s3, "us-east-1", sleep=lambda seconds: None)
    return look_at_data(spec, cloud, placement(account=ACCOUNT, **place))


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("s3://sets", [""]),
        ("s3://sets/train/", ["train/"]),
        ("s3://sets/train", ["train/"]),
        ("s3://sets/train/a.txt", ["train/a.txt/", "train/a.txt"]),
    ],
)
def test_what_is_there_is_found_with_at_most_two_lists(source: str, asked: list[str]) -> None:
    s3 = S3("train/a.txt", "other")
    assert looked(s3, source) == ()
    assert s3.asked == asked
    assert s3.looked_at == ["other" if source == "s3://sets" else "train/a.txt"]


@pytest.mark.parametrize("source", ["s3://sets/trai", "s3://sets/nothing/"])
def test_what_holds_nothing_is_told(source: str) -> None:
    with pytest.raises(JobFileError, match="holds nothing") as raised:
        looked(S3("train/a.txt"), "s3://sets/train", source)
    assert raised.value.where["field"] == "data[1].source"


def test_a_bucket_that_does_not_exist_is_told() -> None:
    with pytest.raises(JobFileError, match="no bucket sets"):
        looked(S3(code="NoSuchBucket"), "s3://sets/x")


@pytest.mark.parametrize("code", ["AccessDenied", "InternalError"])
def test_what_cannot_be_looked_at_is_a_note_and_no_refusal(code: str) -> None:
    (note,) = looked(S3(code=code), "s3://sets/x")
    assert note.startswith("data s3://sets/x: not looked at")


@pytest.mark.parametrize(
    "encryption",
    [{}, {"ServerSideEncryption": "AES256"}, {"SSEKMSKeyId": KEY}, {"SSEKMSKeyId": "0a1b"}, "404"],
    ids=["none told", "S3's own", "a key of the job's account", "no ARN", "deleted meanwhile"],
)
def test_what_the_machine_may_decrypt_passes(encryption: Any) -> None:
    s3 = S3("x/a")
    s3.encryption = encryption
    assert looked(s3, "s3://sets/x") == ()


@pytest.mark.parametrize(
    ("key", "whose"),
    [
        (KEY.replace(ACCOUNT, "999900001111"), "account 999900001111 in us-east-1"),
        (KEY.replace("us-east-1", "eu-west-1"), f"account {ACCOUNT} in eu-west-1"),
    ],
)
def test_a_key_that_the_machines_role_may_not_use_is_refused(key: str, whose: str) -> None:
    s3 = S3("x/a")
    s3.encryption = {"SSEKMSKeyId": key}
    with pytest.raises(JobFileError, match="cannot decrypt the data source s3://sets/x") as raised:
        looked(s3, "s3://sets/x")
    assert f"its key {key} belongs to {whose}" in raised.value.what
    assert "SSE-S3" in str(raised.value.next_step)
    assert raised.value.where["field"] == "data[0].source"


def test_an_encryption_that_cannot_be_looked_at_is_a_note() -> None:
    s3 = S3("x/a")
    s3.encryption = "403"
    (note,) = looked(s3, "s3://sets/x")
    assert note.startswith("data s3://sets/x: its encryption was not looked at")


def test_a_bucket_in_another_region_is_a_note() -> None:
    s3 = S3("x/a")
    s3.region = "eu-west-1"
    (note,) = looked(s3, "s3://sets/x")
    assert note == "data s3://sets/x: its bucket is in eu-west-1; AWS bills the transfer to us-east-1"


def test_a_bucket_in_another_region_is_refused_where_only_endpoints_are_reachable() -> None:
    s3 = S3("x/a")
    s3.region = "eu-west-1"
    with pytest.raises(JobFileError, match="its bucket is in eu-west-1, and the subnet subnet-1") as raised:
        looked(s3, "s3://sets/x", internet=False)
    assert "Copy the data into a bucket in us-east-1" in str(raised.value.next_step)


@pytest.mark.parametrize(
    ("region", "account_of_key", "ending"),
    [
        ("us-east-1", "999900001111", "belongs to account 999900001111 in us-east-1"),
        ("eu-central-1", "123456789012", "belongs to account 123456789012 in eu-central-1"),
    ],
)
def test_the_emulated_cloud_tells_regions_and_keys(
    account: EmulatedAccount,
    region: str,
    account_of_key: str,
    ending: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bucket in another region is found by S3's redirect, which botocore follows after a pause of 0 s."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))
    s3 = account.client("s3", region)
    located = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket="sets", **located)
    s3.put_object(Bucket="sets", Key="plain/a", Body=b"x")
    key = f"arn:aws:kms:{region}:{account_of_key}:key/0a1b"
    s3.put_object(Bucket="sets", Key="locked/a", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    place = placement(account="123456789012")

    def notes(source: str) -> tuple[str, ...]:
        spec = job_spec(data=[{"source": source, "path": "data"}])
        return look_at_data(spec, account.cloud, place)

    assert len(notes("s3://sets/plain")) == (region != "us-east-1")
    with pytest.raises(JobFileError, match=ending):
        notes("s3://sets/locked")
