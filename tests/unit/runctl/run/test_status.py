"""The durable status of a run, and what is no status."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runctl_auto.agent.keys import status_key
from runctl_auto.errors import AccessDeniedError, CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.run_status import read_run_status
from runctl_auto.run.status import RunStatus, parse_run_status

STATUS = {
    "schema": 1,
    "job": "digits",
    "run": "abc",
    "phase": "failed",
    "exit_code": 3,
    "reason": "command_failed",
    "message": None,
    "instance": "i-1",
    "phases": {"boot": 1.5},
    "ended_at": "2026-11-22T12:00:00Z",
}


class Bucket:
    """An S3 client of one bucket that answers with ``answer``, or fails with the code that it is."""

    def __init__(self, answer: bytes | str) -> None:
        self.answer = answer
        self.asked: list[dict[str, str]] = []

    def get_object(self, **asked: str) -> dict[str, Any]:
        self.asked.append(asked)
        if isinstance(self.answer, str):
            raise ClientError({"Error": {"Code": self.answer, "Message": "said"}}, "GetObject")
        return {"Body": io.BytesIO(self.answer)}


def read(answer: bytes | str) -> tuple[RunStatus | None, Bucket]:
    bucket = Bucket(answer)
    cloud = Cloud(lambda service, region: bucket, "us-east-1", sleep=lambda seconds: None)
    return read_run_status(cloud, bucket="the-bucket", owner="123456789012", run="abc"), bucket


def test_reads_what_the_agent_wrote_and_names_the_owner() -> None:
    status, bucket = read(json.dumps(STATUS).encode())
    assert status is not None
    assert (status.phase, status.exit_code, status.reason, status.seconds) == (
        "failed",
        3,
        "command_failed",
        {"boot": 1.5},
    )
    assert bucket.asked == [
        {"Bucket": "the-bucket", "Key": "runs/abc/status.json", "ExpectedBucketOwner": "123456789012"}
    ]


@pytest.mark.parametrize("code", ["NoSuchBucket", "NoSuchKey", "404"])
def test_what_does_not_exist_has_no_status(code: str) -> None:
    assert read(code)[0] is None


def test_a_status_that_may_not_be_read_is_not_taken_for_none() -> None:
    with pytest.raises(AccessDeniedError):
        read("AccessDenied")


def test_throttling_is_waited_out_a_few_times() -> None:
    bucket = Bucket("SlowDown")
    cloud = Cloud(lambda service, region: bucket, "us-east-1", sleep=lambda seconds: None)
    with pytest.raises(CloudError):
        read_run_status(cloud, bucket="b", owner="o", run="abc")
    assert len(bucket.asked) == 5


@pytest.mark.parametrize(
    ("phase", "ended"),
    [
        ("booting", False),
        ("fetching", False),
        ("setup", False),
        ("running", False),
        ("stopping", False),
        ("interrupted", False),
        ("succeeded", True),
        ("failed", True),
        ("stopped", True),
    ],
)
def test_which_phases_need_no_machine(phase: str, ended: bool) -> None:
    assert parse_run_status(json.dumps({**STATUS, "phase": phase}).encode(), "abc").ended is ended


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        json.dumps({**STATUS, "schema": 2}).encode(),
        json.dumps({**STATUS, "phase": "dreaming"}).encode(),
    ],
)
def test_what_is_no_status_is_unknown_and_not_a_guess(content: bytes) -> None:
    status = parse_run_status(content, "abc")
    assert (status.phase, status.ended, status.instance, status.seconds) == ("unknown", False, None, {})
    assert "the status of run abc cannot be read: " in str(status.unreadable)
    assert status_key("abc") in str(status.unreadable)


def test_the_tries_that_failed_are_in_order() -> None:
    failed = {"number": 1, "started_at": "a", "ended_at": "b", "reason": "command_failed"}
    (found,) = RunStatus("r1", "running", raw={"tries": [{**failed, "later": "field"}]}).tries
    assert found == {**failed, "exit_code": None, "message": None}
    assert RunStatus("r1", "running").tries == ()
