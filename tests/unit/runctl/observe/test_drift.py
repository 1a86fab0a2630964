"""Where the cloud is not as the state says: machine and volumes."""

from __future__ import annotations

from typing import Any

import pytest
from support.job_stacks import group_state, instance_state, stack_state, volume_state

from runctl_auto.observe.drift import machine_drift, volume_drift, volume_ids
from runctl_auto.providers.compute import ComputeNow
from runctl_auto.providers.contract import Machine, MachineGroup, VolumeUse
from runctl_auto.run.status import RunStatus

RUNNING = RunStatus(run="r1", phase="running")
ENDED = RunStatus(run="r1", phase="succeeded")


def instance(**outputs: str) -> dict[str, Any]:
    return {**instance_state(), "outputs": outputs}


@pytest.mark.parametrize(
    ("state", "machine", "status", "told"),
    [
        ([instance()], Machine("i-1", "running"), RUNNING, []),
        ([instance()], Machine("i-1", "pending"), None, []),
        ([], None, RUNNING, []),
        ([instance()], Machine("i-1", "terminated"), ENDED, []),
        ([instance()], Machine("i-1", "terminated"), RUNNING, ["it is terminated"]),
        ([instance()], Machine("i-1", "gone"), None, ["it is gone"]),
        ([instance()], Machine("i-1", "stopped"), RUNNING, ["it is stopped"]),
        ([instance()], Machine("i-1", "running"), ENDED, ["still running"]),
        (
            [instance(instanceType="g5.xlarge")],
            Machine("i-1", "running", type="t3.micro"),
            RUNNING,
            ["the state has type g5.xlarge, and it is a t3.micro"],
        ),
    ],
    ids=["runs", "starts", "none", "ended", "terminated", "gone", "stopped", "outlives", "other type"],
)
def test_machines(
    state: list[dict[str, Any]], machine: Machine | None, status: RunStatus | None, told: list[str]
) -> None:
    found = list(machine_drift("digits", stack_state(*state), ComputeNow(machine), status))
    assert len(found) == len(told)
    for each, text in zip(found, told, strict=True):
        assert text in each.what
        assert (each.resource, each.id) == ("digits-machine-instance", "i-1")
        assert each.next_step


LIVING = ComputeNow(Machine("i-1", "running"), MachineGroup("g", 1, ("i-1",)))
BETWEEN = ComputeNow(None, MachineGroup("g", 1))
AT_ZERO = ComputeNow(None, MachineGroup("g", 0))
GONE_GROUP = ComputeNow(None)


@pytest.mark.parametrize(
    ("compute", "status", "told"),
    [
        (LIVING, RUNNING, []),
        (BETWEEN, RUNNING, []),
        (BETWEEN, None, []),
        (AT_ZERO, ENDED, []),
        (GONE_GROUP, ENDED, []),
        (AT_ZERO, RUNNING, ["it wants no machine, and the run has not ended"]),
        (GONE_GROUP, RUNNING, ["the state has it, and the cloud does not"]),
        (LIVING, ENDED, ["it still wants a machine"]),
    ],
)
def test_groups(compute: ComputeNow, status: RunStatus | None, told: list[str]) -> None:
    found = list(machine_drift("digits", stack_state(group_state()), compute, status))
    assert len(found) == len(told)
    for each, text in zip(found, told, strict=True):
        assert text in each.what
        assert each.id == "runctl-digits-group-1"
        assert each.next_step


def test_a_volume_at_the_machine_of_the_group_is_where_it_belongs() -> None:
    state = stack_state(group_state(), volume_state("a"))
    use = {"vol-a": VolumeUse("vol-a", ("i-1",), "detach vol-a")}
    assert list(volume_drift(state, use, LIVING)) == []
    assert len(list(volume_drift(state, use, AT_ZERO))) == 1


def test_volumes_that_are_gone_or_elsewhere() -> None:
    state = stack_state(instance_state(), volume_state("a"), volume_state("b"), volume_state("c"))
    assert volume_ids(state) == ["vol-a", "vol-b", "vol-c"]
    found = list(
        volume_drift(
            state,
            {
                "vol-a": VolumeUse("vol-a", ("i-1",), "detach vol-a"),
                "vol-c": VolumeUse("vol-c", ("i-9",), "detach vol-c"),
            },
            ComputeNow(Machine("i-1", "running")),
        )
    )
    assert [(each.id, "i-9" in each.what) for each in found] == [("vol-b", False), ("vol-c", True)]
    assert "detach vol-c" in found[1].next_step


def test_a_volume_that_the_job_only_uses_is_nobodys_drift() -> None:
    external = {**volume_state("data"), "external": True}
    assert volume_ids(stack_state(external)) == []
