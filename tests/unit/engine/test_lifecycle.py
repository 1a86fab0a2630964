"""Operations on stacks, over a cloud in memory."""

from __future__ import annotations

import pytest
from support.engine_in_memory import Registrar, Stack
from support.engine_programs import chain, nothing

from sandbox.engine.properties import COMPUTED, Secret


@pytest.fixture
def stack() -> Stack:
    return Stack()


class TestUpdate:
    def test_creates_in_dependency_order_and_records_outputs(self, stack: Stack) -> None:
        report = stack.up(chain)
        assert not report.failed
        assert stack.cloud.calls == [("create", "a"), ("create", "b"), ("create", "c")]
        assert stack.resource("c").inputs == {"ref": "out-b-1"}
        assert stack.resource("c").dependencies == [stack.urn("b")]
        assert report.changes == {"create": 4}

    def test_the_same_program_changes_nothing(self, stack: Stack) -> None:
        stack.up(chain)
        before, stack.cloud.calls = stack.state, []
        report = stack.up(chain)
        assert report.changes == {"same": 4}
        assert stack.cloud.calls == []
        assert [r.urn for r in stack.state.resources] == [r.urn for r in before.resources]

    def test_a_preview_changes_nothing_and_shows_unknowns(self, stack: Stack) -> None:
        seen = []

        def program(p: Registrar) -> None:
            seen.append(p.thing("a", {"value": 1}).outputs["out"])

        report = stack.preview(program)
        assert report.changes == {"create": 2}
        assert seen == [COMPUTED]
        assert stack.cloud.calls == []
        assert stack.writes == 0

    def test_a_changed_input_updates(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"value": 1}))
        report = stack.up(lambda p: p.thing("a", {"value": 2}))
        assert report.changes == {"same": 1, "update": 1}
        assert stack.cloud.things == {"a-1": {"value": 2}}

    def test_what_the_program_drops_is_deleted_dependents_first(self, stack: Stack) -> None:
        stack.up(chain)
        stack.cloud.calls.clear()
        report = stack.up(nothing)
        assert stack.cloud.calls == [("delete", "c-1"), ("delete", "b-1"), ("delete", "a-1")]
        assert report.changes == {"same": 1, "delete": 3}
        assert stack.cloud.things == {}
        assert stack.names() == []

    def test_outputs_of_the_stack_are_recorded(self, stack: Stack) -> None:
        stack.up(lambda p: p.outputs(p.root, {"answer": 42, "token": Secret("x")}))
        root = stack.state.stack_resource()
        assert root is not None
        assert root.outputs == {"answer": 42, "token": Secret("x")}

    def test_a_failed_update_keeps_old_outputs_beside_the_new(self, stack: Stack) -> None:
        stack.up(lambda p: p.outputs(p.root, {"old": 1, "both": 1}))
        stack.cloud.refuse.add(("create", "a"))

        def program(p: Registrar) -> None:
            p.outputs(p.root, {"both": 2})
            p.thing("a")

        assert stack.up(program).failed
        root = stack.state.stack_resource()
        assert root is not None
        assert root.outputs == {"old": 1, "both": 2}

    def test_a_secret_input_makes_the_output_secret(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"value": Secret("hidden")}))
        assert stack.resource("a").outputs["value"] == Secret("hidden")

    def test_additional_secret_outputs_are_secret(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", additional_secret_outputs=("out",)))
        assert stack.resource("a").outputs["out"] == Secret("out-a-1")

    def test_events_show_no_secrets(self, stack: Stack) -> None:
        report = stack.up(lambda p: p.thing("a", {"value": Secret("hidden-value")}))
        assert "hidden-value" not in repr(report.events)

    def test_two_resources_of_one_name_are_refused(self, stack: Stack) -> None:
        def program(p: Registrar) -> None:
            p.thing("a")
            p.thing("a")

        report = stack.up(program)
        assert report.failed
        assert report.errors[0].startswith(f"Duplicate resource URN '{stack.urn('a')}'")

    def test_refused_inputs_stop_the_update_before_the_resource_is_touched(self, stack: Stack) -> None:
        stack.cloud.refuse.add(("check", "a"))
        report = stack.up(lambda p: p.thing("a", {"value": 1}))
        assert report.failed
        assert "property value value {1} has a problem: bad value" in report.errors[0]
        assert stack.cloud.called("create") == []

    def test_a_program_that_fails_fails_the_update(self, stack: Stack) -> None:
        def program(p: Registrar) -> None:
            p.thing("a")
            raise ValueError("broken program")

        report = stack.up(program)
        assert report.failed
        assert report.errors == ["broken program"]
        assert stack.names() == ["a"]


class TestTargets:
    def test_only_targets_change(self, stack: Stack) -> None:
        stack.up(chain)

        def changed(p: Registrar) -> None:
            a = p.thing("a", {"value": 2})
            b = p.thing("b", {"value": 2}, uses={"ref": a})
            p.thing("c", uses={"ref": b})

        report = stack.up(changed, targets=(stack.urn("b"),))
        assert not report.failed
        assert stack.cloud.things["a-1"] == {"value": 1}
        assert stack.cloud.things["b-1"]["value"] == 2

    def test_a_target_that_is_nowhere_is_an_error(self, stack: Stack) -> None:
        stack.up(chain)
        report = stack.up(chain, targets=(stack.urn("nobody"),))
        assert report.failed
        assert "could not be found in the stack" in report.errors[0]

    def test_a_target_that_needs_something_left_out_is_an_error(self, stack: Stack) -> None:
        report = stack.up(chain, targets=(stack.urn("b"),))
        assert report.failed
        assert "which was was not specified in --target list" in report.errors[0]
        assert stack.cloud.things == {}

    def test_destroying_a_target_needs_leave_for_its_dependents(self, stack: Stack) -> None:
        stack.up(chain)
        assert stack.destroy(targets=(stack.urn("b"),)).failed
        assert set(stack.cloud.things) == {"a-1", "b-1", "c-1"}
        assert not stack.destroy(targets=(stack.urn("b"),), target_dependents=True).failed
        assert set(stack.cloud.things) == {"a-1"}

    def test_globs_select(self, stack: Stack) -> None:
        stack.up(chain)
        stack.destroy(targets=("**::c",))
        assert set(stack.cloud.things) == {"a-1", "b-1"}

    def test_excluded_resources_do_not_change(self, stack: Stack) -> None:
        stack.up(chain)

        def changed(p: Registrar) -> None:
            a = p.thing("a", {"value": 2})
            b = p.thing("b", {"value": 2}, uses={"ref": a})
            p.thing("c", uses={"ref": b})

        assert not stack.up(changed, excludes=(stack.urn("a"),)).failed
        assert stack.cloud.things["a-1"] == {"value": 1}
        assert stack.cloud.things["b-1"]["value"] == 2


class TestRefresh:
    def test_takes_over_what_changed(self, stack: Stack) -> None:
        stack.up(chain)
        stack.cloud.things["a-1"] = {"value": 9}
        report = stack.refresh()
        assert report.changes["update"] == 1
        assert stack.resource("a").inputs == {"value": 9}

    def test_forgets_what_is_gone_and_references_to_it(self, stack: Stack) -> None:
        stack.up(chain)
        del stack.cloud.things["b-1"]
        report = stack.refresh()
        assert report.changes["delete"] == 1
        assert stack.names() == ["a", "c"]
        assert stack.resource("c").dependencies == []

    def test_an_update_makes_what_a_refresh_lost(self, stack: Stack) -> None:
        stack.up(chain)
        del stack.cloud.things["a-1"]
        report = stack.up(chain, refresh=True)
        assert not report.failed
        assert set(stack.cloud.things) == {"a-2", "b-1", "c-1"}

    def test_a_failed_read_fails_but_the_others_are_refreshed(self, stack: Stack) -> None:
        stack.up(chain)
        stack.cloud.refuse.add(("read", "a"))
        stack.cloud.things["c-1"] = {"value": 5}
        assert stack.refresh().failed
        assert stack.resource("c").inputs == {"value": 5}

    def test_with_the_program_what_is_not_there_yet_is_left_out(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"value": 1}))
        stack.cloud.things["a-1"] = {"value": 9}

        def more(p: Registrar) -> None:
            p.thing("a", {"value": 1})
            p.thing("b")

        report = stack.refresh(more, run_program=True)
        assert not report.failed
        assert stack.resource("a").inputs == {"value": 9}
        assert set(stack.cloud.things) == {"a-1"}


class TestDestroy:
    def test_deletes_everything_in_reverse(self, stack: Stack) -> None:
        stack.up(chain)
        stack.cloud.calls.clear()
        assert not stack.destroy().failed
        assert stack.cloud.calls == [("delete", "c-1"), ("delete", "b-1"), ("delete", "a-1")]
        assert stack.state.resources == []

    def test_with_the_program_nothing_new_is_made(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a"))

        def more(p: Registrar) -> None:
            p.thing("a")
            p.thing("b")

        assert not stack.destroy(more, run_program=True).failed
        assert stack.cloud.called("create") == [("create", "a")]
        assert stack.state.resources == []

    def test_deletes_old_copies_too(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1}))
        stack.cloud.refuse.add(("delete", "a-1"))
        stack.up(lambda p: p.thing("a", {"key": 2}))
        stack.cloud.refuse.clear()
        assert not stack.destroy().failed
        assert stack.cloud.things == {}


class TestOtherResources:
    def test_components_register_outputs(self, stack: Stack) -> None:
        def program(p: Registrar) -> None:
            group = p.group("g")
            p.thing("a", parent=group.urn)
            p.outputs(group.urn, {"size": 1})

        stack.up(program)
        assert stack.resource("g").outputs == {"size": 1}
        assert stack.resource("a").parent == stack.resource("g").urn

    def test_a_read_resource_is_external_and_never_deleted(self, stack: Stack) -> None:
        stack.cloud.things["elsewhere-1"] = {"value": 3}
        stack.up(lambda p: p.read("e", "elsewhere-1"))
        assert stack.resource("e").external
        report = stack.destroy()
        assert report.changes == {"discard": 1, "delete": 1}
        assert set(stack.cloud.things) == {"elsewhere-1"}

    def test_reading_what_is_not_there_fails(self, stack: Stack) -> None:
        report = stack.up(lambda p: p.read("e", "nobody"))
        assert report.failed
        assert report.errors[0] == "resource 'nobody' does not exist"

    def test_import_takes_over_what_exists(self, stack: Stack) -> None:
        stack.cloud.things["found-1"] = {"value": 3}
        report = stack.up(lambda p: p.thing("a", {"value": 3}, import_id="found-1"))
        assert report.changes == {"create": 1, "import": 1}
        assert stack.resource("a").id == "found-1"
        assert stack.cloud.called("create") == []

    def test_import_with_other_inputs_updates_afterwards(self, stack: Stack) -> None:
        stack.cloud.things["found-1"] = {"value": 3}
        stack.up(lambda p: p.thing("a", {"value": 4}, import_id="found-1"))
        assert stack.cloud.things["found-1"] == {"value": 4}
        assert stack.names() == ["a"]

    def test_a_provider_that_must_be_replaced_takes_its_resources_along(self, stack: Stack) -> None:
        def program(region: str) -> object:
            return lambda p: p.thing("a", provider=p.make_provider("mine", region=region))

        stack.up(program("one"))
        report = stack.up(program("two"))
        assert not report.failed
        assert set(stack.cloud.things) == {"a-2"}
        assert report.changes == {"same": 1, "replace": 2}

    def test_a_provider_that_is_updated_leaves_its_resources(self, stack: Stack) -> None:
        def program(size: int) -> object:
            return lambda p: p.thing("a", provider=p.make_provider("mine", size=size))

        stack.up(program(1))
        report = stack.up(program(2))
        assert report.changes == {"same": 2, "update": 1}

    def test_a_failed_import_spares_the_others_when_going_on(self, stack: Stack) -> None:
        def program(p: Registrar) -> None:
            a = p.thing("a", import_id="nobody")
            p.thing("b", depends_on=[a])
            p.thing("c")

        report = stack.up(program, continue_on_error=True)
        assert report.failed
        assert stack.told == {"a": "failed", "b": "skipped"}
        assert set(stack.cloud.things) == {"c-1"}

    def test_what_depends_on_a_failure_is_left_out_also_when_it_would_be_refreshed(
        self, stack: Stack
    ) -> None:
        def program(p: Registrar) -> None:
            a = p.thing("a", {"key": 1})
            p.thing("b", {"value": 1}, depends_on=[a])

        stack.up(program)
        stack.cloud.refuse.add(("create", "x"))

        def with_failure(p: Registrar) -> None:
            x = p.thing("x")
            p.thing("a", {"key": 1})
            p.thing("b", {"value": 2}, depends_on=[x])

        report = stack.up(with_failure, continue_on_error=True, refresh=True, run_program=True)
        assert report.failed
        assert stack.told["x"] == "failed"
