"""States that are exported, edited and imported."""

from __future__ import annotations

import pulumi
import pytest
from pulumi import automation
from support.engine.automation import selected
from support.engine.toy_programs import nothing
from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Thing
from support.engine.toy_stack import ToyStack


def program() -> None:
    Thing("a", value=pulumi.Output.secret("hush"))
    Thing("b", pulumi.ResourceOptions(protect=True))


def edited(deployment: automation.Deployment, **protect: bool) -> automation.Deployment:
    content = dict(deployment.deployment or {})
    content["resources"] = [
        {**each, "protect": protect.get(each["urn"].rsplit("::", 1)[-1], each.get("protect", False))}
        for each in content["resources"]
    ]
    return automation.Deployment(version=deployment.version, deployment=content)


@pytest.fixture
def made(stack: ToyStack) -> ToyStack:
    stack.up(program)
    return stack


def test_an_export_is_the_checkpoint_with_plain_secrets(made: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``state``), `runctl_auto/backend/backend.py`: both ways tell the
    same."""
    exported = selected(made).export_stack()
    assert exported.version == 3
    content = exported.deployment
    assert content is not None
    assert [each["urn"] for each in content["resources"]] == [each["urn"] for each in made.resources()]
    assert "hush" in str(content)
    assert "hush" not in made.checkpoint.read_text(encoding="utf-8")


def test_protection_is_what_the_import_says(made: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/job_stack.py` (``mark_protected``): takes effect without the program; secrets are
    encrypted again, and the history has no record of it."""
    records = made.records()
    calls = len(provider.calls)
    opened = selected(made)
    opened.import_stack(edited(opened.export_stack(), a=True, b=False))
    assert (made.resource("a").get("protect"), made.resource("b").get("protect")) == (True, None)
    assert "hush" not in made.checkpoint.read_text(encoding="utf-8")
    assert made.records() == records
    assert len(provider.calls) == calls
    made.operate("destroy", None, "--exclude-protected")
    assert made.names() == ["a"]


def test_an_update_makes_protection_what_the_program_says(made: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/job_stack.py` (``mark_protected``): the next ``up`` follows the configuration,
    without a call of the provider."""
    opened = selected(made)
    opened.import_stack(edited(opened.export_stack(), b=False))
    made.up(program)
    assert made.resource("b")["protect"] is True
    assert provider.called("update") == []


def test_an_import_leaves_the_time_of_the_last_operation(made: ToyStack) -> None:
    """`runctl_auto/backend/unfinished.py`: an import is no operation that was killed."""
    before = made.deployment()["manifest"]["time"]
    opened = selected(made)
    opened.import_stack(edited(opened.export_stack(), a=True))
    assert made.deployment()["manifest"]["time"] == before


def test_a_program_without_resources_empties_the_stack(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/program.py`: what a program does not declare any more is deleted."""
    stack.up(lambda: Thing("a"))
    stack.up(nothing)
    assert provider.things == {}
    assert stack.names() == []
