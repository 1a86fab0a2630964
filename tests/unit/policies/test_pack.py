"""The rules as Pulumi's policies: what is reported, and what a preview does not know."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pulumi import FileAsset
from pulumi_policy import PolicyProviderResource, ResourceValidationArgs, StackValidationArgs
from pulumi_policy.deserialize import serialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy
from support.judged_resources import TAGS

from policies.bucket_access import BUCKET, ENCRYPTION, GUARDED_RULE, PUBLIC_ACCESS
from policies.encryption import VOLUME_RULE
from policies.environment import ENVIRONMENT
from policies.machine_end import INSTANCE, SHUTDOWN_RULE
from policies.maximum_sizes import RULE as SIZES_RULE
from policies.pack import known, later_policy, resource_policy, stack_policy
from policies.required_tags import RULE as TAGS_RULE
from policies.rule import UNKNOWN, Rule
from policies.rules import RULES

Validate = Callable[[Any, Callable[[str, Any], None]], None]


def resource(type_token: str, **props: Any) -> ResourceValidationArgs:
    return ResourceValidationArgs(
        resource_type=type_token,
        props=unknown_checking_proxy(props),
        urn=f"urn:pulumi:s::runctl::{type_token}::thing",
        name="thing",
        opts=None,  # type: ignore[arg-type]
        provider=None,
    )


def reported(policy: Any, args: Any) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    policy.validate(args, lambda message, urn=None: found.append((message, urn)))
    return found


def test_a_violation_names_the_resource() -> None:
    args = resource(INSTANCE, instanceInitiatedShutdownBehavior="stop")
    assert reported(resource_policy(SHUTDOWN_RULE), args) == [
        ("thing: instanceInitiatedShutdownBehavior is stop; allowed: terminate", None)
    ]


def test_resources_of_other_types_are_not_judged() -> None:
    assert reported(resource_policy(VOLUME_RULE), resource(INSTANCE, encrypted=False)) == []


def test_an_unknown_value_does_not_turn_the_rest_of_a_rule_off() -> None:
    args = resource(
        INSTANCE, instanceInitiatedShutdownBehavior=UNKNOWN_STRING_VALUE, disableApiTermination=True
    )
    assert reported(resource_policy(SHUTDOWN_RULE), args) == [
        ("thing: disableApiTermination is true; allowed: false", None)
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_what_an_operation_leaves_out_is_not_judged(rule: Rule) -> None:
    """The engine shows it without inputs."""
    for kind in sorted(rule.types or {INSTANCE, BUCKET}):
        assert reported(resource_policy(rule), resource(kind)) == []
        assert reported(later_policy([rule]), resource(kind)) == []
        if rule.remedy is not None:
            remedied: Any = resource_policy(rule).remediate
            assert remedied(resource(kind)) is None


def with_provider(args: ResourceValidationArgs, **props: Any) -> ResourceValidationArgs:
    args.provider = PolicyProviderResource(
        "pulumi:providers:aws", unknown_checking_proxy(props), "urn", "aws"
    )
    return args


@pytest.mark.parametrize("default_tags", [json.dumps({"tags": TAGS}), {"tags": TAGS}])
def test_missing_tags_are_added_and_what_is_not_known_stays_so(default_tags: Any) -> None:
    args = with_provider(
        resource(BUCKET, bucket=UNKNOWN_STRING_VALUE, tags={"a": UNKNOWN_STRING_VALUE}),
        defaultTags=default_tags,
    )
    remedied: Any = resource_policy(TAGS_RULE).remediate(args)
    tags = {**TAGS, "runctl:job": "s", "runctl:stack": "s"}  # the stack's, whatever the provider says
    assert serialize_properties(remedied) == {
        "bucket": UNKNOWN_STRING_VALUE,
        "tags": {**tags, "a": UNKNOWN_STRING_VALUE},
        "tagsAll": tags,
    }


def test_what_needs_no_remedy_is_left_alone() -> None:
    policy = resource_policy(TAGS_RULE)
    assert policy.remediate(resource(BUCKET, tagsAll=TAGS)) is None
    assert policy.remediate(resource("aws:s3/bucketPolicy:BucketPolicy")) is None


def test_what_holds_an_asset_is_refused_and_not_remedied() -> None:
    args = with_provider(
        resource("aws:s3/bucketObjectv2:BucketObjectv2", source=FileAsset("code.tar.gz")),
        defaultTags={"tags": TAGS},
    )
    assert resource_policy(TAGS_RULE).remediate(args) is None
    assert reported(resource_policy(TAGS_RULE), args)


def test_settings_reach_their_rule() -> None:
    args = ResourceValidationArgs(
        resource_type=ENVIRONMENT,
        props=unknown_checking_proxy({"nodes": 3.0}),
        urn="urn:pulumi:s::runctl::x::thing",
        name="thing",
        opts=None,  # type: ignore[arg-type]
        provider=None,
        config={"nodes": 2.0},
    )
    assert reported(resource_policy(SIZES_RULE), args) == [
        ("thing: 3 machines; allowed: at most 2; job file: nodes", None)
    ]


def test_what_a_preview_does_not_know_is_told_with_the_rule_that_will_judge_it() -> None:
    args = resource(INSTANCE, metadataOptions={"httpTokens": UNKNOWN_STRING_VALUE}, ami=UNKNOWN_STRING_VALUE)
    assert reported(later_policy(RULES), args) == [
        (
            "thing: instance-metadata-v2 judges at `up` what is not known yet: metadataOptions.httpTokens",
            None,
        )
    ]
    assert reported(later_policy(RULES), resource(INSTANCE, ami=UNKNOWN_STRING_VALUE)) == []


def test_a_stack_rule_names_the_resource_at_fault() -> None:
    args = StackValidationArgs(
        resources=[  # type: ignore[list-item]
            resource(BUCKET, bucket="one"),
            resource(PUBLIC_ACCESS, bucket="one"),
            resource(ENCRYPTION, bucket="one"),
        ]
    )
    assert reported(stack_policy(GUARDED_RULE), args) == [
        (
            "thing: the bucket has no policy; allowed: one of its own (aws:s3/bucketPolicy:BucketPolicy)",
            f"urn:pulumi:s::runctl::{BUCKET}::thing",
        )
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"a": UNKNOWN_STRING_VALUE, "b": 1}, {"a": UNKNOWN, "b": 1}),
        ({"a": {"b": [UNKNOWN_STRING_VALUE, {"c": "d"}]}}, {"a": {"b": [UNKNOWN, {"c": "d"}]}}),
        ({"a": "text"}, {"a": "text"}),
    ],
)
def test_what_is_not_known_is_marked_wherever_it_stands(given: Any, expected: Any) -> None:
    assert known(unknown_checking_proxy(given)) == expected


def test_plain_data_stays_as_it_is() -> None:
    data = json.loads('{"a": [1, "two", {"three": null}]}')
    assert known(data) == data
