"""The policies that runctl's users need: least, well formed, and made of calls alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.loaders import Loader

from runctl_auto.permissions.document import Place, calls_of, grants_of, policy_document
from runctl_auto.providers.aws.permissions.actions import actions_of
from runctl_auto.providers.aws.permissions.grant import ROLES, Role
from runctl_auto.providers.aws.permissions.grants import GRANTS

HERE = Place("111122223333", "eu-central-1")
INLINE_LIMIT = 10_240
"""Characters of all inline policies of a role, without white space (IAM quotas)."""


def statements(role: Role, place: Place = HERE) -> list[dict[str, Any]]:
    document: Any = policy_document(role, place)
    found: list[dict[str, Any]] = document["Statement"]
    return found


@pytest.mark.parametrize("role", ROLES)
def test_no_action_has_a_wildcard_and_no_write_is_for_everything(role: Role) -> None:
    for statement in statements(role):
        assert not any("*" in action for action in statement["Action"])
        if statement["Resource"] == ["*"]:
            verbs = {action.partition(":")[2] for action in statement["Action"]}
            assert all(verb.startswith(("Describe", "Get", "List")) for verb in verbs), statement["Sid"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_passed_to_machines_and_the_one_that_ends_them_to_schedules(role: Role) -> None:
    passes = [each for each in statements(role) if "iam:PassRole" in each["Action"]]
    assert all(each["Action"] == ["iam:PassRole"] for each in passes)
    services = {each["Condition"]["StringEquals"]["iam:PassedToService"]: each["Resource"] for each in passes}
    assert len(services) == len(passes)
    assert services == (
        {}
        if role == "plan"
        else {
            "ec2.amazonaws.com": ["arn:aws:iam::111122223333:role/runctl-*"],
            "scheduler.amazonaws.com": ["arn:aws:iam::111122223333:role/runctl-*-end-*"],
        }
    )


def test_who_reaches_machines_reaches_those_of_runctl_by_three_documents() -> None:
    found = {each["Sid"]: each for each in statements("reach")}
    own = found["ReachOwnMachines"]
    assert own["Condition"] == {"StringEquals": {"ssm:resourceTag/runctl:created-by": "runctl"}}
    assert all(":instance/" in each for each in own["Resource"])
    assert [each.rpartition("/")[2] for each in found["ReachByDocuments"]["Resource"]] == [
        "AWS-RunShellScript",
        "AWS-StartInteractiveCommand",
        "AWS-StartPortForwardingSession",
    ]
    assert not any(":*" in each or each == "*" for each in found["EndSessions"]["Resource"])
    for role in ROLES:
        allowed = {action for each in statements(role) for action in each["Action"]}
        assert not allowed & {"ssm:SendCommand", "ssm:StartSession"}


def test_who_plans_changes_nothing() -> None:
    for statement in statements("plan"):
        for action in statement["Action"]:
            assert action.partition(":")[2].startswith(("Describe", "Get", "List")), action


def test_each_role_may_do_what_those_before_it_may() -> None:
    assert calls_of("plan") < calls_of("apply") <= calls_of("sweep")


@pytest.mark.parametrize("role", ROLES)
def test_it_fits_the_inline_policies_of_one_role(role: Role) -> None:
    text = json.dumps(policy_document(role, HERE), separators=(",", ":"))
    assert len(text) <= INLINE_LIMIT


@pytest.mark.parametrize("role", ROLES)
def test_a_parameter_that_names_an_image_is_readable_if_it_is_named_and_only_then(role: Role) -> None:
    place = Place("111122223333", "eu-central-1", image_parameters=("/images/training", "plain"))
    (more,) = [each for each in statements(role, place) if each not in statements(role)]
    assert more == {
        "Sid": "ReadImageParameters",
        "Effect": "Allow",
        "Action": ["ssm:GetParameter"],
        "Resource": [
            "arn:aws:ssm:eu-central-1:111122223333:parameter/images/training",
            "arn:aws:ssm:eu-central-1:111122223333:parameter/plain",
        ],
    }


def test_what_changes_machines_and_roles_changes_runctls_own() -> None:
    """The calls of the official provider that could reach another's machine or role."""
    own = {"StringEquals": {"aws:ResourceTag/runctl:created-by": "runctl"}}
    wanted = {
        "ec2:ModifyInstanceAttribute": own,
        "ec2:ModifyNetworkInterfaceAttribute": own,
        "ec2:RevokeSecurityGroupIngress": own,
        "ec2:ReplaceIamInstanceProfileAssociation": own,
    }
    found = {
        action: statement.get("Condition")
        for statement in statements("sweep")
        for action in statement["Action"]
        if action in wanted
    }
    assert found == wanted


def test_roles_and_profiles_are_changed_only_if_they_are_runctls() -> None:
    for statement in statements("sweep"):
        writes = [
            action
            for action in statement["Action"]
            if action.startswith("iam:")
            and not action.startswith(("iam:Get", "iam:List", "iam:CreateServiceLinked"))
        ]
        names = [arn.rpartition("/")[2] for arn in statement["Resource"]]
        assert not writes or all(name.startswith("runctl-") for name in names), statement["Sid"]


def test_statements_have_names_of_their_own() -> None:
    names = [grant.sid for grant in GRANTS]
    assert len(names) == len(set(names))
    assert all(name.isalnum() for name in names)


@pytest.mark.parametrize("role", ROLES)
def test_what_holds_for_the_same_resources_is_one_statement(role: Role) -> None:
    found = statements(role)
    scopes = [json.dumps([each["Resource"], each.get("Condition")]) for each in found]
    assert len(scopes) == len(set(scopes))
    assert {each["Sid"] for each in found} <= {grant.sid for grant in grants_of(role)}


def test_every_call_is_one_of_the_services() -> None:
    loader = Loader()
    names = {"tagging": "resourcegroupstaggingapi", "servicequotas": "service-quotas"}
    for call in calls_of("sweep"):
        service, _, operation = call.partition(":")
        known = loader.load_service_model(names.get(service, service), "service-2")["operations"]
        assert operation in known, call


def test_every_action_of_a_call_is_granted_somewhere() -> None:
    granted = {action for statement in statements("sweep") for action in statement["Action"]}
    for grant in grants_of("sweep"):
        for call in grant.calls:
            assert set(actions_of(call)) <= granted, call


def test_another_partition_has_its_own_names() -> None:
    china = statements("apply", Place("111122223333", "cn-north-1", "aws-cn"))
    text = json.dumps(china)
    assert "arn:aws:" not in text
    passes = [each for each in china if each["Action"] == ["iam:PassRole"]]
    assert [each["Condition"]["StringEquals"]["iam:PassedToService"] for each in passes] == [
        "ec2.amazonaws.com.cn",
        "scheduler.amazonaws.com",
    ]


def test_sessions_are_recorded_where_the_settings_say_and_nowhere_else() -> None:
    place = Place(
        "111122223333",
        "eu-central-1",
        session_log_group="team/sessions",
        session_log_bucket="audit/runctl/",
    )
    found = {each["Sid"]: each for each in statements("reach", place)}
    assert found["RecordSessions"]["Resource"] == [
        "arn:aws:logs:eu-central-1:111122223333:log-group:team/sessions:*"
    ]
    assert found["RecordSessionsInBucket"]["Resource"] == ["arn:aws:s3:::audit/runctl/*"]
    assert "RecordSessions" not in {each["Sid"] for each in statements("apply", place)}
    assert "logs:" not in json.dumps(statements("reach"))
