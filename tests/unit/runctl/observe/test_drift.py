"""Where the cloud is not as the state says: machine and volumes."""

from __future__ import annotations

from typing import Any

import pytest
from support.job_stacks import instance_state, stack_state, volume_state

from runctl_auto.observe.drift import machine_drift, volume_drift, volume_ids
from runctl_auto.providers.contract import Machine, VolumeUse
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
    found = list(machine_drift("digits", stack_state(*state), machine, status))
    assert len(found) == len(told)
    for each, text in zip(found, told, strict=True):
        assert text in each.what
        assert (each.resource, each.id) == ("digits-machine-instance", "i-1")
        assert each.next_step


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
        )
    )
    assert [(each.id, "i-9" in each.what) for each in found] == [("vol-b", False), ("vol-c", True)]
    assert "detach vol-c" in found[1].next_step


def test_a_volume_that_the_job_only_uses_is_nobodys_drift() -> None:
    external = {**volume_state("data"), "external": True}
    assert volume_ids(stack_state(external)) == []
