"""Protected resources: what is refused, with which words, and what a teardown leaves."""

from __future__ import annotations

import pulumi
import pytest
from support.engine.toy_programs import nothing, protected
from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Group, Provider, Thing
from support.engine.toy_stack import STACK, Ran, ToyStack

from runctl_auto.engine.events import DiagnosticEvent
from runctl_auto.engine.failures import Failure, typed_error
from runctl_auto.errors import ProtectedError, RunctlError

KEPT = ["base", "keep"]


def replaced() -> None:
    """``protected`` with another ``key`` of ``keep``, and without what does not matter to it."""
    explicit = Provider("own")
    group = Group("group")
    base = Thing("base", pulumi.ResourceOptions(provider=explicit))
    options = pulumi.ResourceOptions(protect=True, parent=group, provider=explicit)
    Thing("keep", options, ref=base.out, key="other")


@pytest.fixture
def made(stack: ToyStack) -> ToyStack:
    stack.up(protected)
    return stack


def error_of(ran: Ran, operation: str) -> RunctlError:
    told = ran.told("diagnosticEvent")
    events = tuple(DiagnosticEvent(each["severity"], each["message"], each.get("urn", "")) for each in told)
    return typed_error(Failure(operation, STACK, ran.code, ran.out, ran.err, events))


def assert_refused(ran: Ran, operation: str, words: str) -> None:
    assert ran.code == 1, ran.text
    (told,) = [text for text in ran.errors if words in text]
    assert "protect" in told
    error = error_of(ran, operation)
    assert isinstance(error, ProtectedError)
    assert error.where["resource"] == "keep"


@pytest.mark.parametrize("verb", ["preview", "up"])
def test_a_replacement_is_refused(made: ToyStack, provider: ToyProvider, verb: str) -> None:
    """`runctl_auto/engine/failures.py` (``_protected``) reads the text; `runctl_auto/protection/causes.py`
    names the cause before. An update touches nothing."""
    before = dict(provider.things)
    assert_refused(made.operate(verb, replaced), verb, "unable to replace resource")
    assert provider.things == before


@pytest.mark.parametrize("verb", ["preview", "up"])
def test_a_deletion_is_refused(made: ToyStack, provider: ToyProvider, verb: str) -> None:
    """`runctl_auto/engine/failures.py` (``_protected``); what is protected and what it needs stays."""
    assert_refused(made.operate(verb, nothing), verb, "cannot be deleted")
    assert {"base-1", "keep-1"} <= set(provider.things)


def test_destroy_deletes_what_is_not_protected_and_then_fails(made: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/job_stack.py` (``destroy``) always excludes what is protected."""
    ran = made.operate("destroy", None)
    assert_refused(ran, "destroy", "cannot be deleted")
    assert {"base-1", "keep-1"} <= set(provider.things)
    assert not {"user-1", "last-1"} & set(provider.things)


def test_a_teardown_without_protected_resources(made: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/job_stack.py` (``destroy``): kept are the protected, what they depend on, their
    parents and their provider, not what depends on them."""
    ran = made.operate("destroy", None, "--exclude-protected")
    assert ran.code == 0, ran.text
    assert sorted(made.names()) == KEPT
    assert set(provider.things) == {"base-1", "keep-1"}
    assert made.names("toy:index:Group") == ["group"]
    assert "own" in made.names("pulumi:providers:toy")
    assert made.names("pulumi:pulumi:Stack")


def test_a_teardown_of_nothing_has_no_events(made: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``preview_destroy``): the Automation API misses the summary."""
    made.operate("destroy", None, "--exclude-protected")
    for flags in (("--exclude-protected", "--preview-only"), ("--exclude-protected",)):
        ran = made.operate("destroy", None, *flags)
        assert ran.code == 0, ran.text
        assert "There were no unprotected resources to destroy" in ran.out
        assert ran.told("summaryEvent") == []


def test_the_end_of_protection_and_a_replacement_may_come_together(
    stack: ToyStack, provider: ToyProvider
) -> None:
    """`runctl_auto/jobs/planning.py`: the engine refuses only what is protected in the state and in the
    program. A program that ends a protection can lose the resource in the same update."""
    stack.up(lambda: Thing("keep", pulumi.ResourceOptions(protect=True), key="one"))
    stack.up(lambda: Thing("keep", key="other"))
    assert list(provider.things) == ["keep-2"]
