"""`leaks --delete` as a whole, over the emulator in this process: what goes, and what stays."""

from __future__ import annotations

import pickle
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import resource, stack_state
from support.sessions import fake_session

from components.naming import ROLE_LIMIT, Names
from runctl_auto.backend.mark import backend_mark
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.executor.local_pool import LocalPool
from runctl_auto.jobs.session import Session
from runctl_auto.operations.leaks import LeaksOptions, LeaksResult, find_leaks
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.settings.schema import Settings

ACCOUNT, REGION, JOB, BACKEND = "123456789012", "us-east-1", "digits", "file:///state"
NAME = Names(account=ACCOUNT, region=REGION, project="runctl", job=JOB).name("machine", limit=ROLE_LIMIT)
ROLE = {
    **resource("aws:iam/role:Role", "digits-iam-role", NAME),
    "outputs": {"arn": f"arn:aws:iam::{ACCOUNT}:role/{NAME}"},
}


def make_role_and_profile(account: Any, **tags: str) -> None:
    """What a job has; the tags are the profile's."""
    iam = account.client("iam")
    own = {"runctl:job": JOB, "runctl:owner": "ann", "runctl:backend": backend_mark(BACKEND)}
    listed = [{"Key": key, "Value": value} for key, value in own.items()]
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument="{}", Tags=listed)
    profile = [{"Key": key, "Value": value} for key, value in {**own, **tags}.items()]
    iam.create_instance_profile(InstanceProfileName=NAME, Tags=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=NAME, RoleName=NAME)


def session_over(account: Any, *recorded: dict[str, Any]) -> Session:
    driver = create_autospec(Driver, instance=True)
    driver.stacks.return_value = (JobSummary(JOB, len(recorded), None, False),)
    driver.states.return_value = {JOB: stack_state(*recorded)}
    return fake_session(
        driver=driver,
        provider=AwsProvider(account.cloud),
        backend=BACKEND,
        settings=Settings(owner="ann"),
    )


def swept(account: Any, *recorded: dict[str, Any], dry_run: bool = False) -> LeaksResult:
    session = session_over(account, *recorded)
    return find_leaks(session, LeaksOptions(regions=(REGION,), delete=True, yes=True, dry_run=dry_run))


def test_a_profile_that_no_stack_holds_goes_and_the_role_of_its_name_stays(account: Any) -> None:
    make_role_and_profile(account)
    deleted = swept(account, ROLE).deleted
    assert [(each.kind, each.id) for each in deleted] == [("instance profile", NAME)]
    assert account.client("iam").list_instance_profiles()["InstanceProfiles"] == []
    assert [each["RoleName"] for each in account.client("iam").list_roles()["Roles"]] == [NAME]


def test_a_dry_run_plans_what_would_go_and_deletes_nothing(account: Any) -> None:
    make_role_and_profile(account)
    tried = swept(account, ROLE, dry_run=True)
    assert (tried.deleted, tried.dry_run) == ((), True)
    assert [(each.kind, each.id) for each in tried.planned] == [("instance profile", NAME)]
    assert len(account.client("iam").list_instance_profiles()["InstanceProfiles"]) == 1
    done = swept(account, ROLE)
    assert [each.key for each in done.planned] == [each.key for each in tried.planned]
    assert [each.key for each in done.deleted] == [each.key for each in tried.planned]


def test_others_may_search_the_regions_and_find_the_same(account: Any) -> None:
    make_role_and_profile(account)
    session, options = session_over(account, ROLE), LeaksOptions(regions=(REGION,))
    alone = find_leaks(session, options)
    helped = find_leaks(session, options, LocalPool(1, lambda stack: session))
    assert helped.findings == alone.findings
    assert pickle.loads(pickle.dumps(helped.findings)) == alone.findings, "it may come from another machine"


@pytest.mark.parametrize(
    "tags", [{"runctl:protected": "true"}, {"runctl:owner": "bob"}, {"runctl:backend": "another"}]
)
def test_a_profile_whose_own_tags_keep_it_stays_though_lists_do_not_tell_them(
    account: Any, tags: dict[str, str]
) -> None:
    make_role_and_profile(account, **tags)
    result = swept(account, ROLE)
    assert (result.planned, result.deleted) == ((), ())
    assert len(account.client("iam").list_instance_profiles()["InstanceProfiles"]) == 1
