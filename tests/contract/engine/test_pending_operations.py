"""What the state says of operations that a killed engine was carrying out, and what ends that."""

from __future__ import annotations

import pytest
from support.engine.toy_programs import chain
from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Thing
from support.engine.toy_stack import STACK, Program, ToyStack
from support.polling import until

from runctl_auto.stack.state import parse_state


def kill_in(call: tuple[str, str], stack: ToyStack, provider: ToyProvider, program: Program | None) -> None:
    """Kills an update (a teardown without ``program``) during a call of (method, name); removes its lock."""
    method, name = call
    provider.hold = {call}
    before = provider.called(method).count(name)
    with stack.operation("up" if program else "destroy", program) as operation:
        until(lambda: provider.called(method).count(name) > before)
        operation.kill()
    provider.hold = set()
    stack.pulumi("cancel", "--yes", STACK)


@pytest.fixture
def killed(stack: ToyStack, provider: ToyProvider) -> ToyStack:
    """A stack whose first update was killed while it created ``b``."""
    kill_in(("create", "b"), stack, provider, chain)
    return stack


def test_a_kill_leaves_a_pending_creation_and_no_record(killed: ToyStack) -> None:
    """`runctl_auto/stack/state.py` (``pending_creates``), `runctl_auto/jobs/recovery.py`,
    `runctl_auto/backend/unfinished.py`."""
    assert killed.names() == ["a"]
    assert killed.pending() == [("creating", "b")]
    assert not killed.history.exists()
    (pending,) = parse_state(killed.deployment()).pending_creates
    assert (pending.resource.name, pending.resource.type) == ("b", "toy:index:Thing")
    assert pending.resource.id == ""


def test_refresh_keeps_pending_creations(killed: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``refresh``): nobody can look up a resource without an id."""
    assert killed.operate("refresh", None).code == 0
    assert killed.pending() == [("creating", "b")]


def test_refresh_drops_them_when_asked(killed: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``forget_pending``)."""
    assert killed.operate("refresh", None, "--clear-pending-creates").code == 0
    assert killed.pending() == []
    assert killed.names() == ["a"]


def test_an_update_goes_on_with_a_warning_and_keeps_them(killed: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/jobs/recovery.py` settles them before any update: the engine creates the resource once
    more, and its first copy is forgotten."""
    provider.things["b-from-before"] = {}
    ran = killed.up(chain)
    assert "interrupted while creating" in ran.out
    assert killed.pending() == [("creating", "b")]
    assert killed.names() == ["a", "b", "c"]
    assert "b-from-before" in provider.things


def test_an_empty_stack_can_be_removed_with_them(killed: ToyStack) -> None:
    """`runctl_auto/operations/down.py` removes a stack only when nothing is pending: the engine does not
    ask."""
    killed.operate("destroy", None)
    assert killed.names() == []
    assert killed.pending() == [("creating", "b")]
    killed.pulumi("stack", "rm", "--yes", STACK)
    assert not killed.checkpoint.exists()


def test_an_import_of_the_state_drops_them(killed: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``mark_protected``) exports and imports: what is pending has to be
    settled before."""
    exported = killed.pulumi("stack", "export", "--stack", STACK)
    assert "pending_operations" in exported
    ran = killed.run("stack", "import", "--stack", STACK, given=exported)
    assert ran.code == 0, ran.text
    assert "removing pending operation 'creating'" in ran.err
    assert killed.pending() == []


def test_protection_set_by_command_keeps_them(killed: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``mark_protected``) could use this instead of an import."""
    urn = killed.resource("a")["urn"]
    killed.pulumi("state", "protect", "--yes", "--stack", STACK, urn)
    assert killed.resource("a")["protect"] is True
    killed.pulumi("state", "unprotect", "--yes", "--stack", STACK, urn)
    assert "protect" not in killed.resource("a")
    assert killed.pending() == [("creating", "b")]


def test_other_pending_operations_are_settled_by_a_refresh(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/stack/state.py`: ``updating`` and ``deleting`` have an id that the provider can read."""
    stack.up(lambda: Thing("a", value=1))
    kill_in(("update", "a"), stack, provider, lambda: Thing("a", value=2))
    assert stack.pending() == [("updating", "a")]
    stack.operate("refresh", None)
    assert stack.pending() == []
    kill_in(("delete", "a"), stack, provider, None)
    assert stack.pending() == [("deleting", "a")]
    del provider.things["a-1"]
    stack.operate("refresh", None)
    assert (stack.pending(), stack.names()) == ([], [])
