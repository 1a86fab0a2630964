"""What a person reads of the engine's events and plans."""

from __future__ import annotations

import pytest

from runctl_auto.cli.progress import StepsInWork, line_for, short_type
from runctl_auto.engine.events import DiagnosticEvent, EngineEvent, StepEvent

INSTANCE = "aws:ec2/instance:Instance"


def urn(name: str) -> str:
    return f"urn:pulumi:j::runctl::{INSTANCE}::{name}"


@pytest.mark.parametrize(
    ("token", "short"),
    [
        (INSTANCE, "ec2 Instance"),
        ("aws:s3/bucketObjectv2:BucketObjectv2", "s3 BucketObjectv2"),
        ("runctl-runpod:index:Pod", "runpod Pod"),
        ("runctl:aws:SpotInstance", "SpotInstance"),
        ("pulumi:pulumi:Stack", "Stack"),
    ],
)
def test_types_are_short(token: str, short: str) -> None:
    assert short_type(token) == short


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (StepEvent("done", "create", urn("m"), INSTANCE), "created m (ec2 Instance)"),
        (StepEvent("done", "delete-replaced", urn("m"), INSTANCE), "deleted m (ec2 Instance)"),
        (StepEvent("failed", "create", urn("m"), INSTANCE), "! create of m (ec2 Instance) failed"),
        (StepEvent("done", "same", urn("m"), INSTANCE), None),
        (StepEvent("started", "create", urn("m"), INSTANCE), None),
        (StepEvent("done", "create", "urn::x", "runctl:aws:DataVolume"), None),
        (DiagnosticEvent("warning", " old \n"), "warning: old"),
        (DiagnosticEvent("info", "chatter"), None),
    ],
)
def test_only_what_matters_is_told(event: EngineEvent, line: str | None) -> None:
    assert line_for(event) == line


def test_steps_in_work_are_those_that_began_and_did_not_end() -> None:
    steps = StepsInWork()
    for name in ("a", "b", "c", "d"):
        steps.take(StepEvent("started", "create", urn(name), INSTANCE))
    steps.take(StepEvent("done", "create", urn("b"), INSTANCE))
    assert str(steps) == "a, c, d"
    steps.take(StepEvent("started", "create", urn("e"), INSTANCE))
    assert str(steps) == "a, c, d and 1 more"
    steps.clear()
    assert str(steps) == ""
