"""`pulumi state`: what changes in the state, and what is refused."""

import pytest

URN = "urn:pulumi:dev::p::"
A, B = f"{URN}k:index:T::a", f"{URN}k:index:T::b"


@pytest.fixture
def stack(shell, deployment):
    shell.run("stack", "init", "dev")
    shell.put_state(deployment)
    return shell


def _resources(shell):
    return {r["urn"]: r for r in shell.json("stack", "export")["deployment"]["resources"]}


def test_protect_and_unprotect(stack):
    assert stack.run("state", "protect", B, "--yes") == "1 resources protected\n"
    assert _resources(stack)[B]["protect"] is True
    assert "protect" not in _resources(stack)[A]
    assert stack.run("state", "unprotect", "--all", "--yes") == "All resources unprotected\n"
    assert not any(r.get("protect") for r in _resources(stack).values())


def test_an_unknown_urn_is_answered_with_those_near_it(stack):
    message = stack.run("state", "delete", f"{URN}k:index:T::zz", "--yes", code=1)
    assert message.startswith(f'error: No such resource "{URN}k:index:T::zz" exists in the current state\n')
    assert f"Did you mean:\n  {A}\n  {B}\n" in message


def test_delete_keeps_what_others_stand_on(stack):
    message = stack.run("state", "delete", A, "--yes", code=1)
    assert "can't be safely deleted because the following resources depend on it" in message
    assert B in message
    assert stack.run("state", "delete", A, "--yes", "--target-dependents") == "Resource deleted\n"
    assert set(_resources(stack)).isdisjoint({A, B})


def test_delete_asks_for_force_on_protected_ones(stack):
    stack.run("state", "protect", B, "--yes")
    assert "because it is protected" in stack.run("state", "delete", B, "--yes", code=1)
    stack.run("state", "delete", B, "--yes", "--force")
    assert B not in _resources(stack)


def test_delete_all(stack):
    stack.run("state", "delete", "--all", "--yes")
    assert "resources" not in stack.json("stack", "export")["deployment"]


def test_rename_changes_every_reference(stack):
    assert stack.run("state", "rename", A, "new", "--yes") == "Resource renamed\n"
    new = f"{URN}k:index:T::new"
    resources = _resources(stack)
    assert A not in resources
    assert resources[B]["dependencies"] == [new]
    assert resources[B]["propertyDependencies"] == {"v": [new]}


def test_rename_refuses_a_name_that_is_taken(stack):
    assert "already existing resource" in stack.run("state", "rename", A, "b", "--yes", code=1)
    assert "not valid" in stack.run("state", "rename", "a", "b", "--yes", code=1)


def test_a_lock_stops_edits(stack):
    (stack.state / "locks/organization/p/dev/x.json").write_text("{}")
    assert "currently locked" in stack.run("state", "protect", "--all", "--yes", code=1)
