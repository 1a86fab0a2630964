"""What this machine can never give a job, told before it waits."""

from __future__ import annotations

import pytest

from runctl_auto.agent.local.capacity import Capacity, Needs, Taken, gpus_for

HERE = Capacity(2, 4, 8, (0, 1))


@pytest.mark.parametrize(("needs", "lack"), [
    (Needs(), None),
    (Needs(cpus=4, memory_gb=8, gpus=2), None),
    (Needs(gpus=3), "3 GPUs, and has 2"),
    (Needs(cpus=5), "5 CPUs, and has 4"),
    (Needs(memory_gb=9), "9 GB of memory, and has 8"),
])  # fmt: skip
def test_what_is_lacking(needs: Needs, lack: str | None) -> None:
    assert HERE.lacks(needs) == lack


def test_both_read_back_what_they_write() -> None:
    assert Capacity.of(HERE.as_json()) == HERE
    assert Needs.of(Needs(1, 2, 3).as_json()) == Needs(1, 2, 3)


def test_the_lowest_free_gpus_are_given() -> None:
    assert gpus_for(Needs(gpus=1), HERE, [Taken(Needs(gpus=1), (0,))]) == (1,)
    assert gpus_for(Needs(), HERE, [Taken(Needs()), Taken(Needs())]) is None
