"""Resources that are replaced: in which order, and what hangs on them."""

from __future__ import annotations

import pytest
from support.engine_in_memory import Registrar, Stack
from support.engine_programs import chain, nothing


@pytest.fixture
def stack() -> Stack:
    return Stack()


class TestReplacement:
    def test_creates_before_it_deletes(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1}))
        stack.cloud.calls.clear()
        report = stack.up(lambda p: p.thing("a", {"key": 2}))
        assert stack.cloud.calls == [("create", "a"), ("delete", "a-1")]
        assert report.changes == {"same": 1, "replace": 1}
        assert report.steps() == [("create-replacement", "a"), ("replace", "a"), ("delete-replaced", "a")]

    def test_deletes_first_when_the_provider_wants_it(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1, "dbr": True}))
        stack.cloud.calls.clear()
        stack.up(lambda p: p.thing("a", {"key": 2, "dbr": True}))
        assert stack.cloud.calls == [("delete", "a-1"), ("create", "a")]

    @pytest.mark.parametrize("option", [True, False])
    def test_the_programs_option_has_the_last_word(self, stack: Stack, option: bool) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1, "dbr": not option}))
        stack.cloud.calls.clear()
        stack.up(lambda p: p.thing("a", {"key": 2, "dbr": not option}, delete_before_replace=option))
        assert stack.cloud.calls[0][0] == ("delete" if option else "create")

    def test_deleting_first_takes_along_dependents_that_would_be_replaced(self, stack: Stack) -> None:
        def program(key: int) -> object:
            def run(p: Registrar) -> None:
                a = p.thing("a", {"key": key, "dbr": True})
                p.thing("b", uses={"key": a})
                p.thing("c", uses={"other": a})

            return run

        stack.up(program(1))
        stack.cloud.calls.clear()
        report = stack.up(program(2))
        assert not report.failed
        assert stack.cloud.calls == [
            ("delete", "b-1"),
            ("delete", "a-1"),
            ("create", "a"),
            ("create", "b"),
            ("update", "c"),
        ]
        assert report.changes == {"same": 1, "replace": 2, "update": 1}

    def test_a_replacement_chain_deletes_in_reverse_at_the_end(self, stack: Stack) -> None:
        def program(key: int) -> object:
            def run(p: Registrar) -> None:
                a = p.thing("a", {"key": key})
                b = p.thing("b", uses={"key": a})
                p.thing("c", uses={"key": b})

            return run

        stack.up(program(1))
        stack.cloud.calls.clear()
        stack.up(program(2))
        assert stack.cloud.calls == [
            ("create", "a"),
            ("create", "b"),
            ("create", "c"),
            ("delete", "c-1"),
            ("delete", "b-1"),
            ("delete", "a-1"),
        ]

    def test_replace_on_changes_turns_an_update_into_a_replacement(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"value": 1}))
        report = stack.up(lambda p: p.thing("a", {"value": 2}, replace_on_changes=("value",)))
        assert report.changes == {"same": 1, "replace": 1}

    def test_ignored_changes_change_nothing(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"value": {"x": 1, "y": 1}}))
        report = stack.up(lambda p: p.thing("a", {"value": {"x": 2, "y": 1}}, ignore_changes=("value.x",)))
        assert report.changes == {"same": 2}
        report = stack.up(lambda p: p.thing("a", {"value": {"x": 2, "y": 2}}, ignore_changes=("value.x",)))
        assert report.changes == {"same": 1, "update": 1}
        assert stack.cloud.things["a-1"] == {"value": {"x": 1, "y": 2}}

    def test_a_replacement_trigger_replaces_when_it_changes(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", replacement_trigger=1))
        assert stack.up(lambda p: p.thing("a", replacement_trigger=1)).changes == {"same": 2}
        assert stack.up(lambda p: p.thing("a", replacement_trigger=2)).changes == {"same": 1, "replace": 1}

    def test_an_asked_for_replacement_happens(self, stack: Stack) -> None:
        stack.up(chain)
        report = stack.up(chain, replace=(stack.urn("c"),))
        assert report.changes == {"same": 3, "replace": 1}

    def test_an_old_copy_left_by_a_failed_delete_is_deleted_next_time_once(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1}))
        stack.cloud.refuse.add(("delete", "a-1"))
        assert stack.up(lambda p: p.thing("a", {"key": 2})).failed
        assert stack.names() == ["a", "-a"]
        stack.cloud.refuse.clear()
        stack.cloud.calls.clear()
        assert not stack.up(lambda p: p.thing("a", {"key": 2})).failed
        assert stack.cloud.calls == [("delete", "a-1")]
        assert stack.names() == ["a"]

    def test_a_replacement_interrupted_between_delete_and_create_goes_on(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1, "dbr": True}))
        stack.cloud.refuse.add(("create", "a"))
        assert stack.up(lambda p: p.thing("a", {"key": 2, "dbr": True})).failed
        assert stack.resource("a").pending_replacement
        stack.cloud.refuse.clear()
        stack.cloud.calls.clear()
        assert not stack.up(lambda p: p.thing("a", {"key": 2, "dbr": True})).failed
        assert stack.cloud.calls == [("create", "a")]
        assert not stack.resource("a").pending_replacement

    def test_a_replacement_interrupted_and_not_wanted_any_more_is_forgotten(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1, "dbr": True}))
        stack.cloud.refuse.add(("create", "a"))
        stack.up(lambda p: p.thing("a", {"key": 2, "dbr": True}))
        stack.cloud.calls.clear()
        assert not stack.up(nothing).failed
        assert stack.cloud.calls == []
        assert stack.names() == []
