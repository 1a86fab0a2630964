from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws.cloud.role_access import permits, trusts

SERVICE = "scheduler.amazonaws.com"
CONTEXT = {"aws:SourceAccount": "1", "aws:SourceArn": "arn:g/one"}
ARN = "arn:aws:ec2:us-east-1:1:instance/i-1"


def trust(**more: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": SERVICE},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": dict(CONTEXT)},
    }
    return {"Statement": [{**statement, **more}]}


def test_a_narrow_trust_is_met() -> None:
    assert trusts(trust(), SERVICE, CONTEXT)
    assert trusts(json.dumps(trust()), SERVICE, CONTEXT)
    assert trusts(trust(Condition={"ArnLike": {"aws:SourceArn": "arn:g/*"}}), SERVICE, CONTEXT)


@pytest.mark.parametrize(
    "change",
    [
        {"Principal": {"Service": "ec2.amazonaws.com"}},
        {"Principal": "*"},
        {"Effect": "Deny"},
        {"Action": "sts:TagSession"},
        {"Condition": {"StringEquals": {"aws:SourceAccount": "2"}}},
        {"Condition": {"StringEquals": {"aws:SourceArn": "arn:g/*"}}},
        {"Condition": {"StringEquals": {"aws:SomethingElse": "1"}}},
        {"Condition": {"NumericLessThan": {"aws:SourceAccount": "2"}}},
    ],
)
def test_what_is_not_trusted(change: dict[str, Any]) -> None:
    assert not trusts(trust(**change), SERVICE, CONTEXT)


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    content = {"Effect": effect, "Action": ["ec2:TerminateInstances"], "Resource": ARN, **more}
    return {"Statement": [content]}


def test_an_action_is_permitted_on_what_is_named_and_nothing_else() -> None:
    assert permits([statement()], "ec2:TerminateInstances", ARN)
    assert permits([statement(Action="ec2:*", Resource="*")], "ec2:TerminateInstances", ARN)
    assert not permits([statement()], "ec2:TerminateInstances", ARN + "2")
    assert not permits([statement()], "ec2:StopInstances", ARN)
    assert not permits([], "ec2:TerminateInstances", ARN)
    assert not permits([statement(), statement("Deny")], "ec2:TerminateInstances", ARN)
    conditional = statement(Condition={"StringEquals": {"aws:ResourceTag/a": "b"}})
    assert not permits([conditional], "ec2:TerminateInstances", ARN)
