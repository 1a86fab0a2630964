"""What a job's tags and names show to be surely its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.planted import Owner, plant

from components.naming import ROLE_LIMIT, Names
from runctl_auto.backend.mark import backend_mark
from runctl_auto.providers.aws.records.scanner import AwsScanner
from runctl_auto.providers.resource import CloudResource

ACCOUNT, JOB, BACKEND = "123456789012", "digits", "file:///state"
NAMES = Names(account=ACCOUNT, region="us-east-1", project="runctl", job=JOB)
MARK = backend_mark(BACKEND)
ROLE = CloudResource(
    "role",
    NAMES.name("machine", limit=ROLE_LIMIT),
    "",
    name=NAMES.name("machine", limit=ROLE_LIMIT),
    job=JOB,
    owner="ann_x",
    backend=MARK,
)
GROUP = replace(ROLE, kind="security group", id="sg-1", name=NAMES.name("network", limit=255, content=["x"]))
BUCKET = CloudResource("bucket", NAMES.bucket(), "", name=NAMES.bucket(), job=JOB, how="name")
ELSEWHERE = replace(NAMES, job="digits-2")


def scanner(account: Any) -> AwsScanner:
    return AwsScanner(account.cloud, JOB, ACCOUNT, "ann&x", backend=BACKEND)


@pytest.mark.parametrize("thing", [ROLE, GROUP, BUCKET])
def test_what_its_tags_and_name_or_a_name_of_nobody_else_speak_for_is_its_own(
    account: Any, thing: CloudResource
) -> None:
    assert scanner(account).is_surely_own(thing)


@pytest.mark.parametrize(
    "thing",
    [
        replace(ROLE, owner=""),
        replace(ROLE, owner="bob"),
        replace(ROLE, backend=""),
        replace(ROLE, backend="0000000000"),
        replace(ROLE, name="my-own-name"),
        replace(ROLE, name=ELSEWHERE.name("machine", limit=ROLE_LIMIT)),
        replace(ROLE, name="runctl-digits-machine-00000000"),
        replace(ROLE, how="relation"),
        replace(BUCKET, sure=False),
        replace(BUCKET, id=ELSEWHERE.bucket(), name=ELSEWHERE.bucket()),
    ],
)
def test_what_is_in_doubt_is_not(account: Any, thing: CloudResource) -> None:
    assert not scanner(account).is_surely_own(thing)


def test_a_schedule_is_its_own_by_its_name_and_by_the_tags_of_its_group(account: Any) -> None:
    own = (("runctl:job", JOB), ("runctl:owner", "ann_x"), ("runctl:backend", MARK))
    plant(account.client, Owner(JOB, NAMES.bucket()[-8:], own))
    found = {each.kind: each for each in scanner(account).find()}
    assert scanner(account).is_surely_own(found["schedule"])
    assert not scanner(account).is_surely_own(replace(found["schedule"], name="mine"))
    assert not scanner(account).is_surely_own(replace(found["schedule"], backend="another"))


@pytest.mark.parametrize(("mark", "is_own"), [(MARK, True), ("another", False), (None, False)])
def test_a_parameter_is_asked_for_its_tags_since_lists_tell_them_late(
    account: Any, mark: str | None, is_own: bool
) -> None:
    told = {"runctl:owner": "ann_x", **({"runctl:backend": mark} if mark else {})}
    listed = [{"Key": key, "Value": value} for key, value in told.items()]
    name = f"/runctl/{JOB}/TOKEN"
    account.client("ssm").put_parameter(Name=name, Value="v", Type="SecureString", Tags=listed)
    assert scanner(account).is_surely_own(CloudResource("parameter", name, "", job=JOB, how="name")) is is_own
    account.refused.add("list_tags_for_resource")
    assert not scanner(account).is_surely_own(CloudResource("parameter", name, "", job=JOB, how="name"))
