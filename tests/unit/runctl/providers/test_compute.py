from __future__ import annotations

from support.job_stacks import group_state, instance_state, resource
from support.sessions import fake_provider

from runctl_auto.providers.compute import Compute, ComputeNow, compute_in
from runctl_auto.providers.contract import GONE, Machine
from runctl_auto.stack.state import parse_state


def node_state(node: int, identity: str) -> dict[str, object]:
    return resource("aws:ec2/instance:Instance", f"digits-node-{node}-instance", identity)


def test_what_a_state_names_comes_in_the_order_of_the_nodes() -> None:
    numbers = [10, 2, 0]
    state = parse_state({"resources": [node_state(number, f"i-{number}") for number in numbers]})
    assert compute_in(state) == Compute(("i-0", "i-2", "i-10"))
    assert compute_in(state).instance == "i-0"
    assert compute_in(parse_state({"resources": [instance_state()]})) == Compute(("i-1",))
    assert compute_in(parse_state({"resources": [group_state("g")]})) == Compute(group="g")
    assert not compute_in(parse_state({})).exists


def test_several_machines_are_asked_for_at_once() -> None:
    provider = fake_provider()
    found = {"i-0": Machine("i-0", "terminated"), "i-1": Machine("i-1", "running")}
    provider.machines.side_effect = lambda _: found
    now = Compute(("i-0", "i-1", "i-2")).now(provider)
    provider.machines.assert_called_once_with(("i-0", "i-1", "i-2"))
    assert [each.state for each in now.all] == ["terminated", "running", GONE]
    assert now.machine == Machine("i-1", "running"), "one that can answer"
    assert now.has_machine
    assert not now.has_ended


def test_they_have_ended_when_all_have() -> None:
    gone = (Machine("i-0", "terminated"), Machine("i-1", "terminated"))
    assert ComputeNow(gone[0], machines=gone).has_ended
    assert not ComputeNow(gone[0], machines=(gone[0], Machine("i-1", "shutting-down"))).has_ended
