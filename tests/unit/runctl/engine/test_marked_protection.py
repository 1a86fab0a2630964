"""What giving up a protection writes into the state."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from pulumi import automation

from runctl_auto.backend.backend import open_backend
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.engine.program_host import ProgramHost

BUCKET = {"urn": "b", "type": "aws:s3/bucket:Bucket", "protect": True, "inputs": {}, "outputs": {"id": "x"}}
VOLUME = {"urn": "v", "type": "aws:ebs/volume:Volume", "protect": True, "inputs": {}}
OLD = {"urn": "v", "type": "aws:ebs/volume:Volume", "protect": True, "delete": True}


@pytest.fixture
def stack() -> automation.Stack:
    found = create_autospec(automation.Stack, instance=True)
    found.name = "digits"
    found.export_stack.return_value = automation.Deployment(
        version=3, deployment={"resources": [dict(BUCKET), dict(VOLUME), dict(OLD)]}
    )
    return found


def marked(stack: automation.Stack, urn: str, *, protect: bool) -> list[dict]:
    workspace = create_autospec(automation.LocalWorkspace, instance=True)
    workspace.env_vars = {}
    host = create_autospec(ProgramHost, instance=True)
    host.variables.return_value = {"PULUMI_DEBUG_LANGUAGES": "python:7"}
    backend = open_backend("file:///x", "runctl")
    JobStack(stack, workspace, backend, EngineOptions(), host).mark_protected({urn}, protect=protect)
    if not stack.import_stack.called:
        return []
    return stack.import_stack.call_args.args[0].deployment["resources"]


def test_a_volume_that_is_given_up_loses_its_protection_alone(stack: automation.Stack) -> None:
    assert marked(stack, "v", protect=False) == [BUCKET, {**VOLUME, "protect": False}, OLD]


def test_a_bucket_that_is_given_up_goes_with_what_it_holds(stack: automation.Stack) -> None:
    bucket = marked(stack, "b", protect=False)[0]
    assert bucket["protect"] is False
    assert bucket["inputs"]["forceDestroy"] is True
    assert bucket["outputs"] == {"id": "x", "forceDestroy": True}


def test_what_is_so_already_is_not_written(stack: automation.Stack) -> None:
    assert marked(stack, "v", protect=True) == []
