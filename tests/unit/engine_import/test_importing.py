"""Imports, over a cloud in memory."""

from __future__ import annotations

import pytest
from support.engine_in_memory import COMPONENT, THING, Registrar, Stack

from sandbox.engine.deploy.imports.importing import unusable_import
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.providers.default_resources import PluginSource
from sandbox.engine.properties import Secret


@pytest.fixture
def stack() -> Stack:
    stack = Stack()
    stack.cloud.things = {"a-9": {"value": 1}, "b-9": {"value": 2}}
    return stack


A = Import(THING, "a", "a-9")


def test_an_import_makes_stack_and_provider_and_protects_what_it_read(stack: Stack) -> None:
    report = stack.take_in(A)
    assert not report.failed
    assert report.changes == {"create": 1, "import": 1}
    found = stack.resource("a")
    assert (found.id, found.import_id, found.protect) == ("a-9", "", True)
    assert (found.inputs, found.outputs) == ({"value": 1}, {"value": 1, "out": "out-a-9"})
    assert found.created == found.modified == "2026-01-01T00:00:00Z"
    provider, identity = found.provider.rsplit("::", 1)
    assert provider == "urn:pulumi:dev::toys::pulumi:providers:toy::default"
    assert stack.resource("default").id == identity
    assert stack.cloud.called("create", "update", "delete") == []


def test_a_program_that_declares_what_was_imported_changes_nothing(stack: Stack) -> None:
    stack.take_in(A)
    report = stack.up(lambda p: p.thing("a", {"value": 1}, protect=True))
    assert report.changes == {"same": 2}


def test_what_the_stack_has_stays_and_is_counted_as_unchanged(stack: Stack) -> None:
    stack.up(lambda p: p.thing("old", {"value": 5}))
    before = stack.resource("old")
    report = stack.take_in(A)
    assert report.changes == {"same": 2, "import": 1}
    after = stack.resource("old")
    assert (after.id, after.inputs, after.outputs) == (before.id, before.inputs, before.outputs)
    assert stack.names() == ["old", "a"]


def test_importing_the_same_again_does_nothing(stack: Stack) -> None:
    stack.take_in(A)
    report = stack.take_in(A)
    assert (report.failed, report.changes) == (False, {"same": 2})


def test_another_id_for_a_resource_of_the_stack_is_refused(stack: Stack) -> None:
    stack.take_in(A)
    report = stack.take_in(Import(THING, "a", "b-9"))
    message = f"resource '{stack.urn('a')}' already exists"
    assert report.failed
    assert report.errors == [message, f"update failed: step application failed: {message}"]
    assert stack.resource("a").id == "a-9"


def test_what_does_not_exist_is_not_imported(stack: Stack) -> None:
    report = stack.take_in(Import(THING, "a", "nowhere"))
    assert report.errors[0] == "resource 'nowhere' does not exist"
    assert stack.names() == []


def test_a_preview_reads_but_records_nothing(stack: Stack) -> None:
    report = stack.take_in(A, preview=True)
    assert report.changes == {"create": 1, "import": 1}
    assert stack.cloud.called("read") == [("read", "a")]
    assert stack.writes == 0


def test_children_come_after_components_and_parents_that_are_imported_with_them(stack: Stack) -> None:
    group = f"urn:pulumi:dev::toys::{COMPONENT}::g"
    below = f"urn:pulumi:dev::toys::{COMPONENT}${THING}::a"
    report = stack.take_in(
        Import(THING, "b", "b-9", parent=below),
        Import(THING, "a", "a-9", parent=group, protect=False),
        Import(COMPONENT, "g", component=True),
    )
    assert not report.failed
    assert [name for op, name in report.steps() if op == "import"] == ["g", "a", "b"]
    assert stack.resource("b").parent == stack.resource("a").urn == below
    assert stack.resource("a").protect is False
    assert (stack.resource("g").custom, stack.resource("g").provider) == (False, "")


def test_a_parent_that_is_not_there_is_refused(stack: Stack) -> None:
    parent = stack.urn("missing")
    report = stack.take_in(Import(THING, "a", "a-9", parent=parent))
    assert report.errors[0].startswith(f"unknown parent '{parent}' for resource ")


def test_the_same_resource_twice_is_refused_before_any_is_read(stack: Stack) -> None:
    report = stack.take_in(A, Import(THING, "a", "b-9"))
    assert report.errors == [f"update failed: duplicate import 'a' of type '{THING}'"]
    assert stack.cloud.called("read") == []


def test_the_stack_s_own_provider_is_used_when_it_is_named(stack: Stack) -> None:
    def program(p: Registrar) -> None:
        p.make_provider("mine")

    stack.up(program)
    mine = stack.resource("mine")
    stack.take_in(Import(THING, "a", "a-9", provider=mine.urn))
    assert stack.resource("a").provider == f"{mine.urn}::{mine.id}"


def test_a_provider_that_is_named_or_listed_and_not_there_is_made_with_its_inputs(stack: Stack) -> None:
    mine = "urn:pulumi:dev::toys::pulumi:providers:toy::mine"
    listed = "urn:pulumi:dev::toys::pulumi:providers:toy::listed"
    stack.take_in(
        Import("pulumi:providers:toy", "listed", inputs={"region": "x"}),
        Import(THING, "a", "a-9", provider=mine, provider_inputs={"region": "y"}),
        Import(THING, "b", "b-9", provider=listed),
    )
    assert stack.resource("listed").inputs == {"region": "x"}
    assert stack.resource("mine").inputs == {"region": "y"}
    assert stack.resource("b").provider.startswith(f"{listed}::")


def test_a_version_makes_a_default_provider_of_its_own(stack: Stack) -> None:
    stack.take_in(Import(THING, "a", "a-9", source=PluginSource("1.2.3")))
    assert stack.resource("default_1_2_3").inputs == {"__internal": {}, "version": "1.2.3"}


def test_without_a_version_a_default_provider_gets_that_of_the_stack_s_providers(stack: Stack) -> None:
    stack.up(lambda p: p.make_provider("mine", version="3.0.0") and None)
    stack.take_in(A)
    assert "::default_3_0_0::" in stack.resource("a").provider


def test_supplied_inputs_fill_gaps_and_keep_secrets(stack: Stack) -> None:
    stack.take_in(Import(THING, "a", "a-9", inputs={"value": Secret(7), "extra": 3}))
    assert stack.resource("a").inputs == {"value": Secret(1), "extra": 3}


def test_supplied_outputs_need_no_read(stack: Stack) -> None:
    stack.take_in(Import(THING, "c", "c-1", inputs={"i": 1}, outputs={"o": 2}))
    found = stack.resource("c")
    assert (found.id, found.inputs, found.outputs) == ("c-1", {"i": 1}, {"o": 2})
    assert stack.cloud.called("read") == []


def test_inputs_that_the_provider_itself_refuses_are_imported_with_a_warning(stack: Stack) -> None:
    stack.cloud.refuse.add(("check", "a"))
    report = stack.take_in(A)
    assert not report.failed
    assert report.warnings[0].startswith(
        "One or more imported inputs failed to validate. This is almost certainly a bug in the `toy`"
    )
    assert report.warnings[1] == f"{THING} resource 'a': property value value {{1}} has a problem: bad value"
    assert stack.resource("a").inputs == {"value": 1}


def test_a_resource_that_fails_leaves_those_beside_it(stack: Stack) -> None:
    report = stack.take_in(Import(THING, "c", "nowhere"), A)
    assert report.failed
    assert stack.names() == ["a"]


def test_a_type_without_package_and_module_is_refused() -> None:
    message = unusable_import([A, Import("Thing", "a", "a-9")])
    assert message is not None
    assert message.startswith('import type "Thing" is not a valid resource type token.')
    assert unusable_import([A, Import("group", "g", component=True)]) is None
