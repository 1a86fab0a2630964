"""Events of operations, as the Automation API delivers them and as runctl reads them."""

from __future__ import annotations

import pulumi
import pytest
from pulumi.automation import errors
from support.engine.automation import selected
from support.engine.broken_programs import broken_programs
from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Thing
from support.engine.toy_stack import PROJECT, STACK, Program, ToyStack

from runctl_auto.engine.automation_edge import plain_events
from runctl_auto.engine.events import DiagnosticEvent, EngineEvent, StepEvent, SummaryEvent

URN = f"urn:pulumi:{STACK}::{PROJECT}::toy:index:Thing::"


def before() -> None:
    for name in ("same", "updated", "replaced", "deleted"):
        Thing(name, pulumi.ResourceOptions(protect=name == "updated"), value=1, key="one")


def after() -> None:
    Thing("same", value=1, key="one")
    Thing("updated", pulumi.ResourceOptions(protect=True), value=2, key="one")
    Thing("replaced", value=1, key="other")
    Thing("created", value=1)


def heard(stack: ToyStack, verb: str, program: Program | None) -> list[EngineEvent]:
    events: list[EngineEvent] = []
    operation = getattr(selected(stack, program), verb)
    operation(on_event=lambda event: events.extend(plain_events(event)), color="never")
    return events


def steps(events: list[EngineEvent], stage: str) -> dict[tuple[str, str], StepEvent]:
    """Steps on things by operation and name."""
    found = [each for each in events if isinstance(each, StepEvent) and each.urn.startswith(URN)]
    return {(each.operation, each.name): each for each in found if each.stage == stage}


CHANGES = {
    ("same", "same"),
    ("update", "updated"),
    ("create-replacement", "replaced"),
    ("replace", "replaced"),
    ("delete-replaced", "replaced"),
    ("create", "created"),
    ("delete", "deleted"),
}


def test_an_update(stack: ToyStack) -> None:
    """`runctl_auto/engine/automation_edge.py` (``plain_events``, ``_step``), `runctl_auto/engine/failures.py`
    (``_PAST``) know these words."""
    heard(stack, "up", before)
    events = heard(stack, "up", after)
    done = steps(events, "done")
    assert set(done) == CHANGES
    assert set(steps(events, "started")) >= CHANGES - {("same", "same")}
    created = done["create", "created"]
    assert (created.type, created.physical_id) == ("toy:index:Thing", "created-1")
    updated = done["update", "updated"]
    assert (updated.changed, updated.protected) == (("value",), True)
    assert done["create-replacement", "replaced"].replaced_by == ("key",)
    assert not done["delete", "deleted"].protected
    (summary,) = [each for each in events if isinstance(each, SummaryEvent)]
    counts = {"same": 2, "update": 1, "replace": 1, "create": 1, "delete": 1}
    assert dict(summary.changes) == counts


def test_a_preview(stack: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``_planned``) counts the steps that are started, ``same``
    among them."""
    heard(stack, "up", before)
    planned = steps(heard(stack, "preview", after), "started")
    assert set(planned) == CHANGES
    assert planned["update", "updated"].changed == ("value",)


def test_a_preview_without_changes(stack: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``_planned``): steps are ``same`` alone, and there is a summary.
    The default provider is among the steps and not in the summary's counts."""
    heard(stack, "up", before)
    events = heard(stack, "preview", before)
    started = [each for each in events if isinstance(each, StepEvent) and each.stage == "started"]
    assert {each.operation for each in started} == {"same"}
    things = {"same", "updated", "replaced", "deleted"}
    assert {each.name for each in started} == {f"{PROJECT}-{STACK}", "default", *things}
    (summary,) = [each for each in events if isinstance(each, SummaryEvent)]
    assert dict(summary.changes) == {"same": 5}


def test_a_failed_creation(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/operation.py` (``_broken_creations``), `runctl_auto/engine/failures.py`
    (``_errors``): the step fails, the diagnostic names the resource, and one more names none."""
    provider.refuse = {("create", "a")}
    events: list[EngineEvent] = []
    with pytest.raises(errors.CommandError), broken_programs():
        selected(stack, lambda: Thing("a")).up(on_event=lambda event: events.extend(plain_events(event)))
    assert set(steps(events, "failed")) == {("create", "a")}
    assert not steps(events, "done")
    told = [each for each in events if isinstance(each, DiagnosticEvent) and each.severity == "error"]
    assert {(each.message.strip(), each.urn) for each in told} >= {
        ("create of a refused", f"{URN}a"),
        ("update failed", ""),
    }
    assert [each.urn for each in told if each.urn] == [f"{URN}a"]


def test_a_refresh_of_what_is_gone(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/jobs/apply.py`: a machine that was taken away is drift. The refresh drops it, the update
    makes it again."""
    heard(stack, "up", before)
    del provider.things["deleted-1"]
    provider.things["same-1"]["value"] = 7
    done = steps(heard(stack, "refresh", None), "done")
    assert done["delete", "deleted"].physical_id == "deleted-1"
    assert done["update", "same"].changed == ("value",)
    assert "deleted" not in stack.names()
    assert ("create", "deleted") in steps(heard(stack, "up", before), "done")


def test_an_update_that_refreshes_before(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/job_stack.py` (``up`` with ``refresh``)."""
    stack.up(before)
    del provider.things["deleted-1"]
    ran = stack.up(before, "--refresh")
    assert sorted(provider.things) == ["deleted-1", "replaced-1", "same-1", "updated-1"]
    assert ran.told("summaryEvent")[-1]["resourceChanges"]["create"] == 1


def test_an_update_of_one_resource_alone(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/job_stack.py` (``only``)."""
    stack.up(before)
    stack.up(after, "--target", f"{URN}updated")
    assert provider.things["updated-1"]["value"] == 2
    assert sorted(provider.things) == ["deleted-1", "replaced-1", "same-1", "updated-1"]
