"""Drift is what somebody changed, not what the end of a run leaves behind."""

from __future__ import annotations

import pytest

from runctl_auto.engine.refresh_plan import Difference, Kind, ResourceDrift
from runctl_auto.jobs.drift import told_apart
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import BUCKET, GROUP, INSTANCE, VOLUME

ENDED, RUNS = RunStatus("r1", "succeeded"), RunStatus("r1", "running")


def drift(token: str, kind: Kind = "gone", **differences: str) -> ResourceDrift:
    changed = tuple(Difference(name, "1", now) for name, now in differences.items())
    return ResourceDrift(kind, f"urn:pulumi:digits::runctl::{token}::x", token, "x-1", differences=changed)


@pytest.mark.parametrize(
    ("found", "status", "is_drift"),
    [
        (drift(INSTANCE), RUNS, True),
        (drift(INSTANCE), None, True),
        (drift(INSTANCE), ENDED, False),
        (drift(GROUP), ENDED, False),
        (drift(GROUP, "changed", desiredCapacity="0"), ENDED, False),
        (drift(GROUP, "changed", desiredCapacity="0"), RUNS, True),
        (drift(GROUP, "changed", desiredCapacity="2"), ENDED, True),
        (drift(GROUP, "changed", desiredCapacity="0", healthCheckType="ELB"), ENDED, True),
        (drift(INSTANCE, "changed", instanceType="p5"), ENDED, True),
        (drift(VOLUME), ENDED, True),
        (drift(BUCKET), ENDED, True),
    ],
)
def test_what_ends_with_its_run_is_no_drift(
    found: ResourceDrift, status: RunStatus | None, is_drift: bool
) -> None:
    assert told_apart([found], status) == (((found,), ()) if is_drift else ((), (found,)))
