"""An entry once an engine has planned it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.jobs.folder.entry import Entry
from runctl_auto.jobs.folder.previewed import previewed
from runctl_auto.jobs.folder.verdict import REFRESHED
from runctl_auto.jobs.reporting import PlanView

COMPARED = Entry(action=REFRESHED.action, reason=REFRESHED.reason, job="digits", file="digits.yaml")
CHANGE = PlannedChange("update", "aws:s3/bucket:Bucket", "digits-bucket", "urn::bucket")


def view(*changes: PlannedChange) -> PlanView:
    return PlanView("digits", "r1", Plan(changes, 7), None)


def test_what_was_only_compared_with_the_cloud_is_unchanged_where_nothing_differs() -> None:
    entry = previewed(COMPARED, view(), None)
    assert (entry.action, entry.is_change, entry.is_previewed) == ("unchanged", False, True)
    assert entry.reason == "in the cloud as its file says"


@pytest.mark.parametrize(
    ("entry", "changes"),
    [(COMPARED, (CHANGE,)), (replace(COMPARED, reason="its last update did not succeed"), ())],
)
def test_all_else_stays_a_change(entry: Entry, changes: tuple[PlannedChange, ...]) -> None:
    """An update that did not succeed is made where the engine sees nothing to do too: to be recorded."""
    found = previewed(entry, view(*changes), None)
    assert (found.action, found.reason, found.is_change) == ("update", entry.reason, True)
