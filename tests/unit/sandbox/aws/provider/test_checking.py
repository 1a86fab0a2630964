"""Check: what is refused, what is filled in, what is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.aws.provider.checking import check
from sandbox.aws.provider.registry import resource_types
from sandbox.aws.provider.resource import Problem
from sandbox.aws.provider.wire import UNKNOWN, Secret

ROLE = "aws:iam/role:Role"
BUCKET = "aws:s3/bucket:Bucket"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
TRUST = '{"Version":"2012-10-17"}'


def checked(token: str, given: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[Problem]]:
    options = {"before": {}, "default_tags": {"d": "1"}, "seed": b"seed", **more}
    return check(resource_types()[token], "the-thing", given=given, **options)


def problems(token: str, given: dict[str, Any]) -> dict[str, str]:
    return {problem.input: problem.reason for problem in checked(token, given)[1]}


def test_defaults_are_filled_in_and_named() -> None:
    inputs, found = checked(ROLE, {"assumeRolePolicy": TRUST, "name": "r"})
    assert found == []
    assert inputs == {
        "__defaults": ["forceDetachPolicies", "maxSessionDuration", "path"],
        "assumeRolePolicy": TRUST,
        "forceDetachPolicies": False,
        "maxSessionDuration": 3600,
        "name": "r",
        "path": "/",
        "tagsAll": {"d": "1"},
    }


@pytest.mark.parametrize(
    ("token", "given", "name", "reason"),
    [
        (ROLE, {}, "assumeRolePolicy", "Missing required property 'assumeRolePolicy'"),
        (ROLE, {"assumeRolePolicy": "{"}, "assumeRolePolicy", "invalid JSON policy"),
        (ROLE, {"assumeRolePolicy": "[]"}, "assumeRolePolicy", "invalid JSON policy"),
        (ROLE, {"assumeRolePolicy": TRUST, "colour": "red"}, "colour", f"'colour' is not an input of {ROLE}"),
        (
            ROLE,
            {"assumeRolePolicy": TRUST, "maxSessionDuration": "an hour"},
            "maxSessionDuration",
            "an integer",
        ),
        (ROLE, {"assumeRolePolicy": TRUST, "forceDetachPolicies": "yes"}, "forceDetachPolicies", "a boolean"),
        (ROLE, {"assumeRolePolicy": TRUST, "tags": ["a"]}, "tags", "to be a map"),
        (
            ROLE,
            {"assumeRolePolicy": TRUST, "inlinePolicies": [{}]},
            "inlinePolicies",
            "use aws.iam.RolePolicy",
        ),
        (BUCKET, {"bucket": "Upper"}, "bucket", "lower-case"),
        (BUCKET, {"bucket": "a" * 64}, "bucket", "3 to 63"),
        (BUCKET, {"policy": "{}"}, "policy", "use aws.s3.BucketPolicy"),
        (BUCKET, {"versioning": {"enabled": True}}, "versioning", "use aws.s3.BucketVersioning"),
        (OBJECT, {"bucket": "b", "content": "a", "contentBase64": "YQ=="}, "contentBase64", "conflicts with"),
        (OBJECT, {"bucket": "b", "source": "a"}, "source", "an asset or an archive"),
        (GROUP, {"name": "sg-mine"}, "name", "cannot begin with sg-"),
        (GROUP, {"egress": [{"fromPort": 1}]}, "egress", "egress[0].protocol"),
        (
            GROUP,
            {"egress": [{"fromPort": 1, "toPort": 1, "protocol": "tcp", "x": 1}]},
            "egress",
            "egress[0].x",
        ),
        (
            "aws:ebs/volume:Volume",
            {"availabilityZone": "a", "size": 1, "type": "gp9"},
            "type",
            "expected type to be one of",
        ),
        ("aws:ebs/volume:Volume", {"availabilityZone": "a"}, "size", "one of `size,snapshot_id`"),
        ("aws:ssm/parameter:Parameter", {"type": "String"}, "value", "one of `insecure_value,value`"),
        (
            "aws:ssm/parameter:Parameter",
            {"type": "SecureString", "insecureValue": "x"},
            "insecureValue",
            "cannot set type = SecureString",
        ),
        (
            "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            {"securityGroupId": "sg", "ipProtocol": "-1"},
            "cidrIpv4",
            "exactly one of",
        ),
        (
            "aws:ec2/volumeAttachment:VolumeAttachment",
            {"deviceName": "d", "instanceId": "i", "volumeId": "v", "stopInstanceBeforeDetaching": True},
            "stopInstanceBeforeDetaching",
            "use skipDestroy",
        ),
    ],
)
def test_problems_name_the_input(token: str, given: dict[str, Any], name: str, reason: str) -> None:
    found = problems(token, given)
    assert list(found) == [name]
    assert reason in found[name]


def test_every_problem_is_told_at_once() -> None:
    assert problems(ROLE, {"colour": 1, "shape": 2}).keys() == {"colour", "shape", "assumeRolePolicy"}


@pytest.mark.parametrize("nothing", [False, None, [], {}, ""])
def test_what_is_not_supported_may_be_stated_empty(nothing: Any) -> None:
    inputs, found = checked(BUCKET, {"bucket": "abc", "acl": nothing})
    assert found == []
    assert "acl" not in inputs


def test_texts_numbers_and_booleans_are_converted() -> None:
    inputs, found = checked(
        ROLE,
        {
            "assumeRolePolicy": TRUST,
            "maxSessionDuration": "7200",
            "forceDetachPolicies": "true",
            "tags": {"n": 5, "b": True},
        },
    )
    assert found == []
    assert inputs["maxSessionDuration"] == 7200
    assert inputs["forceDetachPolicies"] is True
    assert inputs["tags"] == {"n": "5", "b": "true"}


def test_own_tags_win_over_the_providers() -> None:
    assert checked(BUCKET, {"tags": {"d": "own", "e": "2"}})[0]["tagsAll"] == {"d": "own", "e": "2"}


def test_tags_that_are_not_known_stay_so() -> None:
    assert checked(BUCKET, {"tags": UNKNOWN})[0]["tagsAll"] is UNKNOWN
    assert checked(BUCKET, {"tags": {"a": UNKNOWN}})[0]["tagsAll"] == {"a": UNKNOWN, "d": "1"}


def test_secrets_stay_secret() -> None:
    inputs, found = checked(BUCKET, {"tags": Secret({"a": "hush"}), "forceDestroy": Secret(True)})
    assert found == []
    assert inputs["tags"] == Secret({"a": "hush"})
    assert inputs["tagsAll"] == Secret({"a": "hush", "d": "1"})
    assert inputs["forceDestroy"] == Secret(True)


def test_a_secret_of_the_wrong_kind_is_not_shown() -> None:
    for name in ("tags", "forceDestroy", "acl"):
        found = problems(BUCKET, {name: Secret("hush")})
        assert name in found[name]
        assert "hush" not in found[name]


def test_an_object_can_set_the_providers_tags_aside() -> None:
    inputs, _ = checked(
        OBJECT,
        {"bucket": "b", "content": "", "tags": {"a": "1"}, "overrideProvider": {"defaultTags": {"tags": {}}}},
    )
    assert inputs["tagsAll"] == {"a": "1"}


def test_names_are_given_and_kept() -> None:
    first, _ = checked(BUCKET, {})
    assert first["bucket"].startswith("the-thing-")
    assert first["__defaults"] == ["bucket", "forceDestroy"]
    again, _ = checked(BUCKET, {}, before=first, seed=b"another")
    assert again["bucket"] == first["bucket"]
    assert checked(BUCKET, {}, seed=b"another")[0]["bucket"] != first["bucket"]


def test_a_name_the_program_no_longer_states_is_not_kept() -> None:
    stated, _ = checked(BUCKET, {"bucket": "stated"})
    assert checked(BUCKET, {}, before=stated)[0]["bucket"].startswith("the-thing-")


def test_a_prefix_is_completed() -> None:
    inputs, _ = checked(GROUP, {"namePrefix": "pre-"})
    assert inputs["name"].startswith("pre-")
    assert inputs["name"] != "pre-"
    moved, _ = checked(GROUP, {"namePrefix": "other-"}, before=inputs)
    assert moved["name"].startswith("other-")


def test_a_key_is_the_resources_name() -> None:
    assert checked(OBJECT, {"bucket": "b", "content": ""})[0]["key"] == "the-thing"


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.just(UNKNOWN)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_is_given_is_refused_or_checked_to_what_checks_again(data: st.DataObject) -> None:
    token, resource = data.draw(st.sampled_from(sorted(resource_types().items())))
    given = data.draw(st.dictionaries(st.sampled_from(sorted(resource.inputs)), ANYTHING, max_size=4))
    inputs, found = check(resource, "it", given=given, before={}, default_tags={"d": "1"}, seed=b"s")
    if found:
        assert all(problem.input in {*given, *resource.inputs} and problem.reason for problem in found)
        return
    again, problems_again = check(
        resource, "it", given=inputs, before=inputs, default_tags={"d": "1"}, seed=b"s"
    )
    assert problems_again == [], token
    assert {**again, "__defaults": 0} == {**inputs, "__defaults": 0}
