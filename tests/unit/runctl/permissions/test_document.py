"""The policies that runctl's users need: least, well formed, and made of calls alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.loaders import Loader

from runctl_auto.permissions.document import Place, calls_of, grants_of, policy_document
from runctl_auto.providers.aws.permissions.actions import actions_of
from runctl_auto.providers.aws.permissions.grants import GRANTS, ROLES, Role

HERE = Place("111122223333", "eu-central-1")
MANAGED_POLICY_LIMIT = 6144
"""Characters of a managed policy without white space (IAM quotas)."""


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


def test_who_plans_changes_nothing() -> None:
    for statement in statements("plan"):
        for action in statement["Action"]:
            assert action.partition(":")[2].startswith(("Describe", "Get", "List")), action


def test_each_role_may_do_what_those_before_it_may() -> None:
    assert calls_of("plan") < calls_of("apply") <= calls_of("sweep")


@pytest.mark.parametrize("role", ROLES)
def test_it_fits_one_managed_policy_or_says_so(role: Role) -> None:
    text = json.dumps(policy_document(role, HERE), separators=(",", ":"))
    assert len(text) <= 2 * MANAGED_POLICY_LIMIT, "IAM takes ten policies on a role"


def test_statements_have_names_of_their_own() -> None:
    names = [grant.sid for grant in GRANTS]
    assert len(names) == len(set(names))
    assert all(name.isalnum() for name in names)


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
