from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws.cloud.role_access import allows_action, permits, trusts

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


def test_a_condition_is_compared_with_the_request() -> None:
    listing = statement(Action="s3:ListBucket", Condition={"StringLike": {"s3:prefix": ["train", "train/*"]}})
    for prefix, allowed in (("train", True), ("train/a", True), ("training", False), ("", False)):
        assert permits([listing], "s3:ListBucket", ARN, {"s3:prefix": prefix}) is allowed
    assert not permits([listing], "s3:ListBucket", ARN)


def test_patterns_count_letters_of_resources_but_not_of_actions() -> None:
    policy = statement(Action="S3:getobject", Resource="arn:aws:s3:::b/checkpoints/*")
    assert permits([policy], "s3:GetObject", "arn:aws:s3:::b/checkpoints/a/b")
    assert not permits([policy], "s3:GetObject", "arn:aws:s3:::b/Checkpoints/a")


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("a[b]", "a[b]", True),
        ("a[b]", "ab", False),
        ("a?c", "abc", True),
        ("a${?}c", "abc", False),
        ("a${?}c", "a?c", True),
        ("a${*}", "abc", False),
        ("a${$}{x}", "a${x}", True),
        ("a.c", "abc", False),
        ("*", "a\nb", True),
    ],
)
def test_only_stars_and_question_marks_stand_for_others(pattern: str, value: str, fits: bool) -> None:
    assert permits([statement(Resource=pattern)], "ec2:TerminateInstances", value) is fits


def test_a_denial_is_taken_widely() -> None:
    for more in ({"Condition": {"Bool": {"x": "true"}}}, {"NotResource": "other"}, {"NotAction": "s3:*"}):
        denial = {"Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*", **more}]}
        for gone in ("Action", "Resource"):
            if f"Not{gone}" in more:
                del denial["Statement"][0][gone]
        assert not permits([statement(), denial], "ec2:TerminateInstances", ARN)


def test_an_action_alone_needs_an_allowance_and_no_denial_of_everything() -> None:
    assert allows_action([statement(Condition={"StringEquals": {"a": "b"}})], "ec2:TerminateInstances")
    assert not allows_action([statement()], "ec2:StopInstances")
    assert not allows_action([statement("Deny", Resource="*"), statement()], "ec2:TerminateInstances")
    assert not allows_action([], "ec2:TerminateInstances")
