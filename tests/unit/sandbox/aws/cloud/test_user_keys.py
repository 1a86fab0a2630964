"""Keys of users, as a pod works with: whose they are, and what they may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox.aws.cloud.roles import documents_of, session_of

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("iam", region_name="us-east-1")


def test_a_users_key_has_the_users_policies_while_it_is_active(iam: Any) -> None:
    iam.create_user(UserName="runctl-digits-user-1")
    key = iam.create_access_key(UserName="runctl-digits-user-1")["AccessKey"]
    session = session_of(key["AccessKeyId"])
    assert session is not None
    assert (session.secret, session.token) == (key["SecretAccessKey"], "")
    assert documents_of(session) == []
    iam.put_user_policy(UserName="runctl-digits-user-1", PolicyName="p", PolicyDocument=json.dumps(POLICY))
    assert [json.loads(each) if isinstance(each, str) else each for each in documents_of(session)] == [POLICY]
    iam.update_access_key(UserName="runctl-digits-user-1", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert session_of(key["AccessKeyId"]) is None


def test_a_key_whose_user_is_gone_may_nothing(iam: Any) -> None:
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    session = session_of(key["AccessKeyId"])
    assert session is not None
    iam.delete_access_key(UserName="u", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="u")
    assert documents_of(session) == []
    assert session_of(key["AccessKeyId"]) is None
