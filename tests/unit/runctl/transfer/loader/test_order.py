"""Every sample once an epoch, for all numbers of ranks and samples, and wherever an epoch is continued."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.transfer.loader.order import Order, Rank, batches, steps


@pytest.mark.parametrize("together", [1, 4, 7])
def test_an_epoch_has_every_sample_once_and_another_order_than_the_one_before(together: int) -> None:
    order = Order(50, seed=3, together=together)
    assert sorted(order.of(0)) == list(range(50))
    assert order.of(0) == Order(50, seed=3, together=together).of(0)
    assert len({tuple(order.of(epoch)) for epoch in range(5)}) == 5
    assert order.of(0) != Order(50, seed=4, together=together).of(0)


def test_neighbours_stay_together() -> None:
    numbers = Order(40, seed=1, together=8).of(0)
    for start in range(0, 40, 8):
        assert len({number // 8 for number in numbers[start : start + 8]}) == 1


def test_without_shuffling_the_order_is_that_of_the_names() -> None:
    assert Order(5, seed=1, shuffle=False).of(3) == [0, 1, 2, 3, 4]


@given(st.integers(1, 500), st.integers(1, 40), st.integers(1, 9))
def test_steps_take_everything_and_leave_no_rank_without_a_sample(count: int, batch: int, world: int) -> None:
    taken = list(steps(count, batch, world))
    assert sum(taken) == count
    assert all(take <= batch * world for take in taken)
    if count >= world and batch > 1:
        assert min(taken) >= world


@given(
    st.integers(1, 300),
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 17)), min_size=1),
)
def test_an_epoch_continued_with_other_ranks_has_every_sample_once(
    count: int, seed: int, settings: list[tuple[int, int]]
) -> None:
    """Each setting trains for some steps, then another number of ranks goes on."""
    numbers, dice = Order(count, seed).of(0), random.Random(seed)
    seen: list[int] = []
    position = 0
    for world, batch in [*settings, settings[0]]:
        ranks = [list(batches(numbers, position, batch, Rank(number, world))) for number in range(world)]
        assert len({len(each) for each in ranks}) == 1, "ranks go in step"
        is_last = (world, batch) == settings[0] and position
        many = len(ranks[0]) if is_last else dice.randrange(len(ranks[0]) + 1)
        for step in range(many):
            assert len({each[step][1] for each in ranks}) == 1, "one state for all ranks"
            seen += [number for each in ranks for number in each[step][0]]
            position = ranks[0][step][1]
    for mine, _ in batches(numbers, position, 3, Rank()):
        seen += mine
    assert sorted(seen) == list(range(count))


def test_ranks_come_from_torchrun_or_from_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "RUNCTL_NODE_RANK", "RUNCTL_NUM_NODES"):
        monkeypatch.delenv(name, raising=False)
    assert Rank.of_environment() == Rank(0, 1)
    monkeypatch.setenv("RUNCTL_NODE_RANK", "1")
    monkeypatch.setenv("RUNCTL_NUM_NODES", "2")
    assert Rank.of_environment() == Rank(1, 2)
    monkeypatch.setenv("RANK", "5")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert Rank.of_environment() == Rank(5, 8)
