"""Exit codes of the command line, and what it prints of its version."""

from __future__ import annotations

import re

from support.engine.toy_programs import nothing
from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Thing
from support.engine.toy_stack import ToyStack


def test_the_version_is_one_line(stack: ToyStack) -> None:
    """`runctl_auto/engine/engine_version.py` compares what `pulumi version` prints. A build whose version was
    not set when it was linked prints an empty line."""
    assert re.fullmatch(r"v\d+\.\d+\.\d+\S*\n", stack.pulumi("version"))


def test_missing_confirmation_is_2(stack: ToyStack) -> None:
    """`runctl_auto/engine/failures.py`: no exit code but that of a cancellation has a meaning of its own."""
    ran = stack.run("up")
    assert ran.code == 2, ran.text
    assert "--yes" in ran.err


def test_an_unknown_flag_is_1(stack: ToyStack) -> None:
    """`runctl_auto/engine/failures.py`: an engine that does not know a flag fails like any other."""
    ran = stack.run("up", "--no-such-flag")
    assert ran.code == 1, ran.text
    assert "unknown flag: --no-such-flag" in ran.err


def test_missing_login_is_3(stack: ToyStack) -> None:
    """`runctl_auto/engine/failures.py`: a backend that nobody is logged in to. No request is sent."""
    ran = stack.run("whoami", PULUMI_BACKEND_URL="https://127.0.0.1:1")
    assert ran.code == 3, ran.text


def test_an_unknown_stack_is_6(stack: ToyStack) -> None:
    """`runctl_auto/engine/failures.py` knows a missing job by the text."""
    ran = stack.run("stack", "select", "--stack", "unknown")
    assert ran.code == 6, ran.text
    assert "no stack named 'unknown' found" in ran.err


def test_unexpected_changes_are_7_and_are_made(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/job_stack.py` uses preview, not ``--expect-no-changes``: the flag prevents
    nothing."""
    stack.up(lambda: Thing("a"))
    ran = stack.operate("up", nothing, "--expect-no-changes")
    assert ran.code == 7, ran.text
    assert provider.things == {}


def test_a_failed_creation_is_1_and_leaves_nothing_pending(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/jobs/recovery.py` (``nothing_unrecorded``): neither the resources nor the pending
    operations name what a failed creation may have made."""
    provider.refuse = {("create", "a")}
    ran = stack.operate("up", lambda: Thing("a"))
    assert ran.code == 1, ran.text
    assert stack.names() == []
    assert stack.pending() == []
    assert [record["result"] for record in stack.records()] == ["failed"]
