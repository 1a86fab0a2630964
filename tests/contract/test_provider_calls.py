"""The calls of the official provider, as read in its source, against what `runctl permissions` grants."""

from __future__ import annotations

import inspect
from typing import Any

import pulumi_aws as aws
import pytest
from botocore import xform_name
from botocore.loaders import Loader
from support.every_option import ACCOUNT, REGION, declared
from support.own_calls import mentioned_operations
from support.provider_calls import PROVIDER, Row, reached, rows

from runctl_auto.permissions.document import Place, calls_of, policy_document
from runctl_auto.providers.aws.permissions.actions import actions_of
from runctl_auto.providers.aws.permissions.grant import Role
from sandbox.aws.provider.registry import resource_types

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

HERE = Place(ACCOUNT, REGION)
KEPT = "aws:ec2/volumeAttachment:VolumeAttachment"
"""Removed from the state only: the end of the machine detaches."""

BY_AWS = {"iam:CreateServiceLinkedRole"}
"""What AWS itself does with the caller's permission: the role of the account's first spot request."""


def granted_actions(role: Role) -> set[str]:
    document: Any = policy_document(role, HERE)
    return {action for statement in document["Statement"] for action in statement["Action"]}


def missing(role: Role, wanted: tuple[Row, ...]) -> list[str]:
    granted, calls = granted_actions(role), calls_of(role)
    return [str(row) for row in wanted if row.call not in calls or not set(actions_of(row.call)) <= granted]


def test_the_table_has_every_type_that_the_components_declare_and_none_that_the_sandbox_lacks() -> None:
    described = {row.type for row in rows()} - {PROVIDER}
    assert {token for token, _ in declared()} <= described <= set(resource_types())


def test_every_type_can_be_created_read_and_deleted() -> None:
    for token, _ in declared():
        operations = {row.operation for row in reached(declared()) if row.type == token}
        least = {"create", "read"} if token == KEPT else {"create", "read", "delete"}
        assert least <= operations, token


def test_every_call_of_the_table_is_one_of_the_services() -> None:
    loader = Loader()
    for row in rows():
        service, _, operation = row.call.partition(":")
        assert operation in loader.load_service_model(service, "service-2")["operations"], str(row)


def test_every_input_that_a_call_depends_on_exists() -> None:
    for row in rows():
        if not row.inputs:
            continue
        module, name = _python_name(row.type)
        resource = getattr(getattr(aws, module), name)
        known = set(inspect.signature(resource._internal_init).parameters)
        for each in row.inputs:
            assert xform_name(each) in known, f"{row}: {each}"


def _in_python(call: str) -> str:
    return str(xform_name(call.partition(":")[2]))


def _python_name(token: str) -> tuple[str, str]:
    _, place, name = token.split(":")
    return place.partition("/")[0], name


def test_nothing_that_the_provider_calls_is_missing_for_who_applies() -> None:
    assert missing("apply", reached(declared())) == []


def test_nothing_that_the_provider_reads_is_missing_for_who_plans() -> None:
    reads = [row for row in reached(declared()) if row.operation in ("configure", "read")]
    # A profile whose role is gone is emptied while it is read: who plans is refused, which is an error then.
    emptying = "iam:RemoveRoleFromInstanceProfile"
    assert missing("plan", tuple(row for row in reads if row.call != emptying)) == []


def test_a_call_that_no_input_leads_to_is_not_granted() -> None:
    ruled_out = {row.call for row in rows()} - {row.call for row in reached(declared())}
    assert len(ruled_out) > 20
    own = mentioned_operations()
    assert {call for call in ruled_out & calls_of("apply") if _in_python(call) not in own} == set()


def test_each_granted_call_is_the_providers_or_is_made_in_runctls_own_source() -> None:
    by_provider = {row.call for row in reached(declared())}
    own = mentioned_operations()
    assert {call for call in calls_of("apply") - by_provider if _in_python(call) not in own} == set()


def test_each_granted_action_belongs_to_a_granted_call() -> None:
    of_calls = {action for call in calls_of("sweep") for action in actions_of(call)}
    assert granted_actions("sweep") - of_calls == BY_AWS


@pytest.mark.parametrize(
    ("inputs", "call", "expected"),
    [
        ({"ingress": []}, "ec2:RevokeSecurityGroupIngress", True),
        ({"ingress": []}, "ec2:AuthorizeSecurityGroupIngress", False),
        ({"ingress": [{}]}, "ec2:AuthorizeSecurityGroupIngress", True),
        ({}, "ec2:RevokeSecurityGroupIngress", False),
    ],
)
def test_what_inputs_lead_to(inputs: dict[str, Any], call: str, expected: bool) -> None:
    group = "aws:ec2/securityGroup:SecurityGroup"
    assert (call in {row.call for row in reached([(group, inputs)])}) is expected


def test_an_attachment_that_is_kept_is_not_detached() -> None:
    calls = [{row.call for row in reached([(KEPT, {"skipDestroy": kept})])} for kept in (True, False)]
    assert ["ec2:DetachVolume" in each for each in calls] == [False, True]
