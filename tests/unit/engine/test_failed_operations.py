"""Steps that fail: what is recorded, and what goes on."""

from __future__ import annotations

import pytest
from support.engine_in_memory import Registrar, Stack
from support.engine_programs import chain


@pytest.fixture
def stack() -> Stack:
    return Stack()


class TestFailures:
    def test_after_a_failure_nothing_new_begins(self, stack: Stack) -> None:
        stack.cloud.refuse.add(("create", "a"))
        report = stack.up(chain)
        assert report.failed
        assert report.errors == ["create of a refused", "update failed"]
        assert stack.cloud.things == {}
        assert stack.state.pending_operations == []

    def test_going_on_after_errors_spares_only_what_depends_on_them(self, stack: Stack) -> None:
        stack.cloud.refuse.add(("create", "a"))

        def program(p: Registrar) -> None:
            a = p.thing("a")
            p.thing("b", depends_on=[a])
            p.thing("c")

        report = stack.up(program, continue_on_error=True)
        assert report.failed
        assert set(stack.cloud.things) == {"c-1"}
        assert stack.told == {"a": "failed", "b": "skipped"}

    def test_a_half_made_resource_is_recorded_and_tried_again(self, stack: Stack) -> None:
        stack.cloud.half_made.add("a")
        assert stack.up(lambda p: p.thing("a")).failed
        assert stack.resource("a").init_errors == ["not ready"]
        stack.cloud.half_made.clear()
        report = stack.up(lambda p: p.thing("a"))
        assert report.changes == {"same": 1, "update": 1}
        assert stack.resource("a").init_errors == []

    def test_a_half_done_update_is_done_again(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"value": 1}))
        stack.cloud.half_made.add("a")
        assert stack.up(lambda p: p.thing("a", {"value": 2})).failed
        assert stack.resource("a").inputs == {"value": 1}
        stack.cloud.half_made.clear()
        assert stack.up(lambda p: p.thing("a", {"value": 2})).changes == {"same": 1, "update": 1}

    def test_pending_operations_are_on_disk_while_the_provider_works(self, stack: Stack) -> None:
        seen = []
        stack.cloud.after_call = lambda call, name: seen.append(
            (call, [(o.kind.value, o.resource.name) for o in stack.state.pending_operations])
        )
        stack.up(lambda p: p.thing("a", {"key": 1}))
        stack.up(lambda p: p.thing("a", {"key": 1, "value": 2}))
        stack.destroy()
        assert seen == [
            ("create", [("creating", "a")]),
            ("update", [("updating", "a")]),
            ("delete", [("deleting", "a")]),
        ]

    def test_unfinished_operations_are_warned_of_and_pending_creates_stay(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a"))

        class Killed(BaseException):
            """The process ends here."""

        left = []
        stack.cloud.after_call = lambda call, name: left.append(stack.state)
        stack.up(lambda p: (p.thing("a"), p.thing("b")))
        stack.cloud.after_call = lambda call, name: None
        stack.state = left[0]
        report = stack.up(lambda p: p.thing("a"))
        assert "urn:pulumi:dev::toys::toy:index:Thing::b, interrupted while creating" in report.warnings[0]
        assert [o.resource.name for o in stack.state.pending_operations] == ["b"]
