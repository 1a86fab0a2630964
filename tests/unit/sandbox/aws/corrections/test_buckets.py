import json
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.corrections.bucket_policies import conditions_hold

ACCOUNT = "123456789012"


def make_bucket(cloud: Any, name: str = "job-bucket") -> Any:
    s3 = cloud.s3
    s3.create_bucket(Bucket=name)
    return s3


def deny(s3: Any, condition: dict[str, Any] | None, **more: Any) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::job-bucket", "arn:aws:s3:::job-bucket/*"],
        **more,
    }
    if condition is not None:
        statement["Condition"] = condition
    s3.put_bucket_policy(
        Bucket="job-bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def write_twice(s3: Any) -> None:
    """moto looks at the policy only when the object exists."""
    for body in (b"1", b"2"):
        s3.put_object(Bucket="job-bucket", Key="k", Body=body)


def test_a_bucket_that_refuses_plain_http_takes_objects(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    s3.put_object(Bucket="job-bucket", Key="k", Body=b"0")
    deny(s3, {"Bool": {"aws:SecureTransport": "false"}})
    write_twice(s3)
    assert s3.get_object(Bucket="job-bucket", Key="k")["Body"].read() == b"2"


def test_a_condition_that_holds_denies(corrected: Any) -> None:
    s3 = make_bucket(corrected)
    s3.put_object(Bucket="job-bucket", Key="k", Body=b"0")
    deny(s3, {"StringEquals": {"aws:ResourceAccount": ACCOUNT}})
    with pytest.raises(ClientError):
        write_twice(s3)


def test_a_denial_without_condition_denies_with_s3_s_error(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    s3.put_object(Bucket="job-bucket", Key="k", Body=b"0")
    deny(s3, None)
    with pytest.raises(ClientError, match=r"\(AccessDenied\)"):
        write_twice(s3)


def test_a_denial_for_one_principal_does_not_deny_everyone(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    s3.put_object(Bucket="job-bucket", Key="k", Body=b"0")
    deny(s3, None, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"})
    write_twice(s3)


def test_an_operator_that_is_not_evaluated_is_refused_by_name(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    with pytest.raises(ClientError, match="IpAddress"):
        deny(s3, {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})


@pytest.mark.parametrize(
    ("conditions", "held"),
    [
        ({}, True),
        ({"Bool": {"aws:SecureTransport": False}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"Bool": {"absent": "true"}}, False),
        ({"BoolIfExists": {"absent": "true"}}, True),
        ({"StringNotEquals": {"absent": "x"}}, True),
        ({"StringNotEquals": {"account": ["1", "2"]}}, False),
        ({"StringNotEquals": {"account": ["2", "3"]}}, True),
        ({"StringLike": {"Account": "?"}}, True),
        ({"Null": {"absent": "true"}}, True),
        ({"Null": {"account": "true"}}, False),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"account": "2"}}, False),
    ],
)
def test_conditions_hold_as_on_aws(conditions: dict[str, Any], held: bool) -> None:
    context = {"aws:securetransport": "true", "account": "1", "s3:tlsversion": "1.3"}
    assert conditions_hold(conditions, context) is held


@given(st.text(min_size=1), st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_a_negated_operator_is_the_opposite_of_its_positive(value: str, wanted: list[str]) -> None:
    context = {"key": value}
    positive = conditions_hold({"StringEquals": {"key": wanted}}, context)
    assert conditions_hold({"StringNotEquals": {"key": wanted}}, context) is not positive


def test_new_buckets_are_encrypted(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    [rule] = s3.get_bucket_encryption(Bucket="job-bucket")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def blocked(s3: Any) -> list[str]:
    [rule] = s3.get_bucket_encryption(Bucket="job-bucket")["ServerSideEncryptionConfiguration"]["Rules"]
    return list(rule["BlockedEncryptionTypes"]["EncryptionType"])


def test_uploads_with_keys_of_the_caller_are_blocked_unless_told_otherwise(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    assert blocked(s3) == ["SSE-C"]
    rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket="job-bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert blocked(s3) == ["SSE-C"]
    rule["BlockedEncryptionTypes"] = {"EncryptionType": ["NONE"]}
    s3.put_bucket_encryption(Bucket="job-bucket", ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert blocked(s3) == ["NONE"]


def test_deleting_the_encryption_brings_the_default_back(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    s3.delete_bucket_encryption(Bucket="job-bucket")
    assert s3.get_bucket_encryption(Bucket="job-bucket")["ServerSideEncryptionConfiguration"]["Rules"]


def test_new_buckets_block_public_access(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    block = s3.get_public_access_block(Bucket="job-bucket")["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True}


def test_new_buckets_own_their_objects(cloud: Any) -> None:
    s3 = make_bucket(cloud)
    rules = s3.get_bucket_ownership_controls(Bucket="job-bucket")["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize(
    "call", ["list_objects_v2", "head_bucket", "get_object", "put_object", "delete_bucket"]
)
def test_a_call_for_another_owner_is_denied(cloud: Any, call: str) -> None:
    s3 = make_bucket(cloud)
    s3.put_object(Bucket="job-bucket", Key="k", Body=b"0")
    asked: dict[str, Any] = {"Bucket": "job-bucket", "ExpectedBucketOwner": "999999999999"}
    if call.endswith("object"):
        asked["Key"] = "k"
    with pytest.raises(ClientError) as denied:
        getattr(s3, call)(**asked)
    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    s3.head_bucket(Bucket="job-bucket", ExpectedBucketOwner=ACCOUNT)


def test_a_request_for_another_region_is_redirected(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client follows it by itself, after a pause of 0 s, to the region that the answer names."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda seconds: None))
    frankfurt = {"LocationConstraint": "eu-central-1"}
    cloud.client("s3", "eu-central-1").create_bucket(Bucket="far-away", CreateBucketConfiguration=frankfurt)
    statuses: list[int] = []

    def received(response_dict: Any, **_: Any) -> None:
        statuses.append(response_dict["status_code"])

    events = cloud.s3.meta.events
    events.register("response-received.s3.ListObjectsV2", received)
    try:
        assert cloud.s3.list_objects_v2(Bucket="far-away")["KeyCount"] == 0
    finally:
        events.unregister("response-received.s3.ListObjectsV2", received)
    assert statuses == [301, 200]
