"""Whose word about a protection counts."""

from __future__ import annotations

from typing import Any

import pytest
from support.held_resources import held_state
from support.job_stacks import job_spec

from runctl_auto.protection.changes import protection_notes
from runctl_auto.protection.held import held_in
from runctl_auto.protection.wanted import decisions, wanted_protection
from runctl_auto.stack.config import Protection

HELD = held_in("digits", held_state("digits", volumes={"data": False}, bucket=False))
PLAIN = {"name": "data", "size": "100GB", "mount": "/data"}
TAG = {"runctl:protected": "true"}


def word(
    *, file: bool = False, tags: dict[str, str] | None = None, asked: bool | None = None, listed: bool = False
) -> tuple[bool, str]:
    spec = job_spec(volumes=[{**PLAIN, "protect": file}], tags=tags or {})
    words = decisions(
        spec,
        asked={} if asked is None else {"volume:data": asked},
        listed=("vol-data",) if listed else (),
        held=HELD,
    )
    return words["volume:data"].protect, words["volume:data"].by


@pytest.mark.parametrize(
    ("said", "protect", "by"),
    [
        ({}, False, "job file"),
        ({"file": True}, True, "job file"),
        ({"tags": TAG}, True, "tag"),
        ({"file": True, "asked": False}, False, "runctl unprotect"),
        ({"tags": TAG, "asked": False}, False, "runctl unprotect"),
        ({"asked": True}, True, "runctl protect"),
        ({"listed": True}, True, "settings"),
        ({"asked": False, "listed": True}, True, "settings"),
    ],
)
def test_settings_before_command_before_file(said: dict[str, Any], protect: bool, by: str) -> None:
    found, who = word(**said)
    assert found is protect
    assert by in who


def test_words_about_volumes_that_the_job_has_no_more_are_dropped() -> None:
    asked = {"volume:gone": True, "bucket": True}
    found = wanted_protection(job_spec(volumes=[PLAIN]), asked=asked)
    assert found == Protection(volumes={"data": False}, bucket=True, asked={"bucket": True})


def test_a_listed_bucket_is_protected() -> None:
    found = wanted_protection(job_spec(), listed=("runctl-digits-artifacts-1",), held=HELD)
    assert found.bucket


def test_the_plan_tells_what_begins_and_what_ends() -> None:
    before = Protection(volumes={"data": True, "old": True}, bucket=False)
    after = Protection(volumes={"data": False, "new": True}, bucket=True)
    assert protection_notes(before, after) == [
        "protection of volume 'new' begins",
        "protection of the bucket begins",
        "protection of volume 'data' ends",
    ]
    assert protection_notes(None, Protection()) == []
