"""Resources that are read, imported, handed over to the stack and given up by it."""

from __future__ import annotations

import pytest
from support.engine_in_memory import Registrar, Stack

from sandbox.engine.deploy.goal import Alias


@pytest.fixture
def stack() -> Stack:
    made = Stack()
    made.cloud.things["found-1"] = {"value": 3}
    return made


def test_a_resource_that_is_only_read_now_is_given_up(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", {"value": 1}))
    report = stack.up(lambda p: p.read("a", "a-1"))
    assert not report.failed
    assert stack.resource("a").external
    assert stack.cloud.called("delete") == []
    stack.destroy()
    assert set(stack.cloud.things) == {"found-1", "a-1"}


def test_reading_another_one_in_its_place_deletes_the_stacks_own(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", {"value": 1}))
    report = stack.up(lambda p: p.read("a", "found-1"))
    assert not report.failed
    assert ("read-replacement", "a") in report.steps()
    assert set(stack.cloud.things) == {"found-1"}
    assert stack.resource("a").id == "found-1"


def test_what_was_read_may_become_the_stacks_own(stack: Stack) -> None:
    stack.up(lambda p: p.read("a", "found-1"))
    report = stack.up(lambda p: p.thing("a", {"value": 1}))
    assert not report.failed
    assert not stack.resource("a").external
    assert stack.resource("a").id == "a-1"
    assert set(stack.cloud.things) == {"found-1", "a-1"}


def test_a_read_resource_is_read_again_each_time(stack: Stack) -> None:
    stack.up(lambda p: p.read("a", "found-1"))
    stack.cloud.things["found-1"] = {"value": 4}
    stack.up(lambda p: p.read("a", "found-1"))
    assert stack.resource("a").outputs["value"] == 4


def test_a_read_resource_that_is_not_read_any_more_is_forgotten(stack: Stack) -> None:
    stack.up(lambda p: p.read("a", "found-1"))
    report = stack.up(lambda p: None)
    assert report.changes == {"same": 1, "discard": 1}
    assert stack.names() == []
    assert "found-1" in stack.cloud.things


def test_an_imported_resource_stays_imported(stack: Stack) -> None:
    def program(value: int) -> object:
        return lambda p: p.thing("a", {"value": value}, import_id="found-1")

    stack.up(program(3))
    assert stack.up(program(3)).changes == {"same": 2}
    assert stack.up(program(4)).changes == {"same": 1, "update": 1}
    assert stack.resource("a").id == "found-1"
    assert stack.resource("a").import_id == "found-1"


def test_importing_another_id_replaces_what_was_there(stack: Stack) -> None:
    stack.cloud.things["found-2"] = {"value": 3}
    stack.up(lambda p: p.thing("a", {"value": 3}, import_id="found-1"))
    report = stack.up(lambda p: p.thing("a", {"value": 3}, import_id="found-2"))
    assert not report.failed
    assert report.changes == {"same": 1, "replace": 1}
    assert stack.resource("a").id == "found-2"
    assert "found-1" not in stack.cloud.things


def test_an_import_may_take_the_place_of_what_the_stack_made(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", {"value": 3}))
    stack.up(lambda p: p.thing("a", {"value": 3}, import_id="found-1"))
    assert stack.resource("a").id == "found-1"
    assert set(stack.cloud.things) == {"found-1"}


def test_an_import_of_what_is_not_there_leaves_nothing(stack: Stack) -> None:
    report = stack.up(lambda p: p.thing("a", {"value": 3}, import_id="nobody"))
    assert report.failed
    assert stack.names() == []
    assert stack.state.pending_operations == []


def test_a_preview_of_an_import_imports_nothing(stack: Stack) -> None:
    report = stack.preview(lambda p: p.thing("a", {"value": 3}, import_id="found-1"))
    assert report.changes == {"create": 1, "import": 1}
    assert stack.names() == []


def test_a_refresh_of_a_read_resource_takes_over_what_changed(stack: Stack) -> None:
    stack.up(lambda p: p.read("a", "found-1"))
    stack.cloud.things["found-1"] = {"value": 9}
    assert not stack.refresh().failed
    assert stack.resource("a").outputs["value"] == 9
    assert stack.resource("a").external


def test_an_imported_resource_may_be_renamed(stack: Stack) -> None:
    stack.up(lambda p: p.thing("a", {"value": 3}, import_id="found-1"))

    def renamed(p: Registrar) -> None:
        p.thing("b", {"value": 3}, import_id="found-1", aliases=(Alias(name="a"),))

    assert stack.up(renamed).changes == {"same": 2}
    assert stack.names() == ["b"]
