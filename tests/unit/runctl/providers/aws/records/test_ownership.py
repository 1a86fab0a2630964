"""Whose something is: a tag is believed first, then a digest, then how a name begins."""

from __future__ import annotations

import pytest

from components.naming import Names
from components.tags import JOB
from runctl_auto.providers.aws.records.ownership import Attribution, Scope

ACCOUNT, REGION = "111122223333", "us-east-1"


def names(job: str, region: str = REGION) -> Names:
    return Names(account=ACCOUNT, region=region, project="runctl", job=job)


def scope(job: str | None, *jobs: str) -> Scope:
    return Scope(names(job or ""), job=job, jobs=jobs, regions=lambda: (REGION, "eu-west-1"))


def of_volume(job: str, volume: str) -> str:
    return names(job).name(f"volume-{volume}", limit=255)


def test_a_tag_is_believed_before_a_name() -> None:
    other = names("other").bucket()
    assert scope("digits").attribute(other, {JOB: "digits"}) == Attribution("digits", "tag")
    assert scope("digits").attribute(names("digits").bucket(), {JOB: "other"}) is None
    assert scope(None).attribute("anything", {JOB: "other"}) == Attribution("other", "tag")


@pytest.mark.parametrize("job", ["digits", "a-volume-b", "a" * 40])
def test_a_jobs_own_names_are_surely_its_own(job: str) -> None:
    roles = (names(job).name(role, limit=64) for role in ("machine", "end", "timer", "node-0", "end-63"))
    for name in (names(job).bucket(), *roles, of_volume(job, "data")):
        assert scope(job).attribute(name, {}) == Attribution(job, "name")
        assert scope(None, job).attribute(name, {}) == Attribution(job, "name")


def test_the_names_of_a_job_whose_name_begins_alike_are_not() -> None:
    assert scope("digits").attribute(names("digits-two").bucket(), {}) is None
    assert scope("digits").attribute("runctl-digits-two-network-00000000", {}) is None
    assert scope("a").attribute(of_volume("a-volume-b", "c"), {}) is None


def test_what_only_begins_like_the_jobs_is_told_as_unsure() -> None:
    assert scope("digits").attribute("runctl-digits-by-hand", {}) == Attribution("digits", "name", sure=False)
    assert scope(None, "digits", "digits-two").attribute("runctl-digits-two-x", {}) == Attribution(
        "digits-two", "name", sure=False
    )
    assert scope(None).attribute("runctl-digits-by-hand", {}) is None
    assert scope(None).attribute("runctl-digits-network-00000000", {}) == Attribution(
        "digits", "name", sure=False
    )


def test_names_of_the_same_job_in_another_region_are_not_meant_where_lists_tell_all_regions() -> None:
    name = names("digits", "eu-west-1").bucket()
    assert scope("digits").attribute(name, {}, regional=False) is None
    assert scope("digits").attribute(name, {JOB: "digits"}, regional=False) is None
    assert scope("digits").attribute(name, {JOB: "digits"}) == Attribution("digits", "tag")


@pytest.mark.parametrize(
    ("name", "job"),
    [("/runctl/digits/TOKEN", "digits"), ("/runctl/digits", "digits"), ("/runctl/digits-2/x", "digits-2")],
)
def test_paths_name_their_job(name: str, job: str) -> None:
    assert scope(None).attribute(name, {}) == Attribution(job, "name")
    assert (scope("digits").attribute(name, {}) is not None) == (job == "digits")


@pytest.mark.parametrize(
    "name", ["", "runctl", "runctl-", "mine-00000000", "runctl-apply", "my-runctl-digits-x"]
)
def test_other_names_are_nobodys(name: str) -> None:
    assert scope(None, "digits").attribute(name, {}) is None
