"""Protected resources, and the other options of resources."""

from __future__ import annotations

import pytest
from support.engine_in_memory import Registrar, Stack

from sandbox.engine.deploy.goal import Alias
from sandbox.engine.model import CustomTimeouts


@pytest.fixture
def stack() -> Stack:
    return Stack()


class TestProtection:
    def test_every_protected_resource_that_would_go_is_reported(self, stack: Stack) -> None:
        def program(p: Registrar) -> None:
            p.thing("a", protect=True)
            p.thing("b", protect=True)
            p.thing("c")

        stack.up(program)
        report = stack.destroy()
        assert report.failed
        named = [e for e in report.errors if "cannot be deleted" in e]
        assert len(named) == 2
        assert set(stack.cloud.things) == {"a-1", "b-1"}
        assert stack.names() == ["a", "b"]

    def test_what_a_protected_resource_needs_stays_too(self, stack: Stack) -> None:
        def program(p: Registrar) -> None:
            a = p.thing("a")
            p.thing("b", uses={"ref": a}, protect=True)

        stack.up(program)
        assert stack.destroy().failed
        assert set(stack.cloud.things) == {"a-1", "b-1"}

    def test_excluding_the_protected_keeps_them_and_what_they_need(self, stack: Stack) -> None:
        def program(p: Registrar) -> None:
            group = p.group("g")
            a = p.thing("a", parent=group.urn)
            p.thing("b", uses={"ref": a}, protect=True)
            p.thing("c")

        stack.up(program)
        from sandbox.engine.deploy.operation import protected_excludes

        report = stack.destroy(excludes=tuple(protected_excludes(stack.state.resources)))
        assert not report.failed
        assert set(stack.cloud.things) == {"a-1", "b-1"}
        assert stack.names() == ["g", "a", "b"]

    def test_a_protected_resource_is_not_replaced(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1}, protect=True))
        report = stack.up(lambda p: p.thing("a", {"key": 2}, protect=True))
        assert report.failed
        assert "unable to replace resource" in report.errors[0]
        assert stack.cloud.things == {"a-1": {"key": 1}}

    def test_unprotecting_and_replacing_may_come_together(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", {"key": 1}, protect=True))
        assert not stack.up(lambda p: p.thing("a", {"key": 2})).failed
        assert set(stack.cloud.things) == {"a-2"}

    def test_a_protected_dependent_stops_a_deletion_before_replacement(self, stack: Stack) -> None:
        def program(key: int) -> object:
            def run(p: Registrar) -> None:
                a = p.thing("a", {"key": key, "dbr": True})
                p.thing("b", uses={"key": a}, protect=True)

            return run

        stack.up(program(1))
        report = stack.up(program(2))
        assert report.failed
        assert "as part of replacing" in report.errors[0]
        assert set(stack.cloud.things) == {"a-1", "b-1"}


class TestOptions:
    def test_retained_resources_are_forgotten_but_not_deleted(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", retain_on_delete=True))
        assert stack.destroy().changes["delete"] == 2
        assert set(stack.cloud.things) == {"a-1"}
        assert stack.names() == []

    def test_a_resource_deleted_with_another_is_not_deleted_itself(self, stack: Stack) -> None:
        def program(p: Registrar) -> None:
            a = p.thing("a")
            p.thing("b", deleted_with=a.urn)

        stack.up(program)
        stack.cloud.calls.clear()
        stack.destroy()
        assert stack.cloud.calls == [("delete", "a-1")]

    def test_custom_timeouts_are_recorded(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("a", custom_timeouts=CustomTimeouts(create=90)))
        assert stack.resource("a").custom_timeouts == CustomTimeouts(create=90)

    @pytest.mark.parametrize(
        "alias",
        [Alias(name="old"), Alias(urn="urn:pulumi:dev::toys::toy:index:Thing::old")],
        ids=["name", "urn"],
    )
    def test_an_alias_keeps_the_resource(self, stack: Stack, alias: Alias) -> None:
        def before(p: Registrar) -> None:
            p.thing("user", uses={"ref": p.thing("old", {"value": 1})})

        def after(p: Registrar) -> None:
            p.thing("user", uses={"ref": p.thing("new", {"value": 1}, aliases=(alias,))})

        stack.up(before)
        report = stack.up(after)
        assert report.changes == {"same": 3}
        assert stack.resource("user").dependencies == [stack.urn("new")]
        assert all(not r.aliases for r in stack.state.resources)

    def test_an_alias_of_a_parent_reaches_its_children(self, stack: Stack) -> None:
        def program(name: str, *aliases: Alias) -> object:
            def run(p: Registrar) -> None:
                group = p.register("toy:index:Kind" + name, "g", custom=False, aliases=aliases)
                p.thing("g-child", parent=group.urn)

            return run

        stack.up(program("A"))
        report = stack.up(program("B", Alias(type="toy:index:KindA")))
        assert report.changes == {"same": 3}
        assert "KindB$toy:index:Thing::g-child" in stack.resource("g-child").urn

    def test_one_alias_for_two_resources_is_refused(self, stack: Stack) -> None:
        stack.up(lambda p: p.thing("old"))

        def program(p: Registrar) -> None:
            p.thing("x", aliases=(Alias(name="old"),))
            p.thing("y", aliases=(Alias(name="old"),))

        report = stack.up(program)
        assert report.failed
        assert any("Duplicate resource alias" in e for e in report.errors)
