"""Whether a job's data is there is known before anything is rented."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.data_sources import look_at_data


class S3:
    def __init__(self, *keys: str, code: str | None = None) -> None:
        self.keys = keys
        self.code = code
        self.asked: list[str] = []

    def list_objects_v2(self, Bucket: str, Prefix: str, MaxKeys: int) -> Any:
        self.asked.append(Prefix)
        assert MaxKeys == 1
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "said so"}}, "ListObjectsV2")
        return {"Contents": [{"Key": key} for key in sorted(self.keys) if key.startswith(Prefix)][:1]}


def looked(s3: S3, *sources: str) -> tuple[str, ...]:
    data = [{"source": source, "path": f"data/{index}"} for index, source in enumerate(sources)]
    spec = JobSpec.model_validate({"name": "digits", "region": "us-east-1", "run": "true", "data": data})
    return look_at_data(spec, Cloud(lambda service, region: s3, "us-east-1", sleep=lambda seconds: None))


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("s3://sets", [""]),
        ("s3://sets/train/", ["train/"]),
        ("s3://sets/train", ["train/"]),
        ("s3://sets/train/a.txt", ["train/a.txt/", "train/a.txt"]),
    ],
)
def test_what_is_there_passes_with_at_most_two_calls(source: str, asked: list[str]) -> None:
    s3 = S3("train/a.txt", "other")
    assert looked(s3, source) == ()
    assert s3.asked == asked


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
