"""The rules as Pulumi's policies: what is reported, and what a preview does not know."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pulumi_policy import ResourceValidationArgs, StackValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.bucket_access import BUCKET, GUARDED_RULE, PUBLIC_ACCESS
from policies.encryption import VOLUME_RULE
from policies.machine_end import INSTANCE, SHUTDOWN_RULE
from policies.pack import known, resource_policy, stack_policy
from policies.rule import UNKNOWN

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
        ('thing: instanceInitiatedShutdownBehavior is "stop"; allowed: terminate', None)
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


def test_a_stack_rule_names_the_resource_at_fault() -> None:
    args = StackValidationArgs(
        resources=[resource(BUCKET, bucket="one"), resource(PUBLIC_ACCESS, bucket="one")]  # type: ignore[list-item]
    )
    assert reported(stack_policy(GUARDED_RULE), args) == [
        ("thing: the bucket has no TLS-only policy", f"urn:pulumi:s::runctl::{BUCKET}::thing")
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
