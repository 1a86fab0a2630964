"""Physical names: stable, distinct, valid and never too long."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.naming import BUCKET_LIMIT, POLICY_LIMIT, PROFILE_LIMIT, ROLE_LIMIT, Names

NAMES = Names(account="123456789012", region="us-east-1", project="runctl", job="digits")

jobs = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True).filter(lambda job: 2 <= len(job) <= 40)


def test_a_name_tells_job_and_role() -> None:
    assert re.fullmatch(r"runctl-digits-machine-[0-9a-f]{8}", NAMES.name("machine", limit=ROLE_LIMIT))


@pytest.mark.parametrize("field", ["account", "region", "project", "job"])
def test_no_other_account_region_project_or_job_has_the_name(field: str) -> None:
    other = replace(NAMES, **{field: "other"})
    assert other.bucket() != NAMES.bucket()
    assert other.bucket()[-8:] != NAMES.bucket()[-8:]


def test_content_makes_another_name() -> None:
    names = {NAMES.name("network", limit=255, content=content) for content in (None, {"vpc": 1}, {"vpc": 2})}
    assert len(names) == 3


def test_jobs_that_begin_alike_stay_apart_when_cut() -> None:
    first, second = (replace(NAMES, job=f"{'a' * 39}{end}") for end in "xy")
    assert first.bucket()[:-8] == second.bucket()[:-8]
    assert first.bucket() != second.bucket()


@settings(max_examples=60)
@given(job=jobs, limit=st.sampled_from([BUCKET_LIMIT, ROLE_LIMIT, PROFILE_LIMIT, POLICY_LIMIT]))
def test_every_name_fits_and_keeps_role_and_hash(job: str, limit: int) -> None:
    name = replace(NAMES, job=job).name("artifacts", limit=limit)
    assert len(name) <= limit
    assert re.fullmatch(r"runctl-[a-z0-9]+(-[a-z0-9]+)*-artifacts-[0-9a-f]{8}", name)


def test_a_role_that_leaves_no_room_is_an_error() -> None:
    with pytest.raises(ValueError, match="fits into 63"):
        NAMES.name("r" * 60, limit=BUCKET_LIMIT)
