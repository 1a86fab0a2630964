"""In which order samples are read: the same for every number of workers and ranks."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    """The order of ``count`` samples in each epoch, by a seed.

    ``together`` neighbours stay together, in an order of their own: of a shard, one request reads them.
    """

    count: int
    seed: int
    shuffle: bool = True
    together: int = 1

    def of(self, epoch: int) -> list[int]:
        """The numbers of all samples, each once."""
        if not self.shuffle:
            return list(range(self.count))
        dice = random.Random(f"{self.seed}/{epoch}")
        starts = list(range(0, self.count, self.together))
        dice.shuffle(starts)
        if self.together == 1:
            return starts
        numbers: list[int] = []
        for start in starts:
            neighbours = list(range(start, min(start + self.together, self.count)))
            dice.shuffle(neighbours)
            numbers += neighbours
        return numbers


@dataclass(frozen=True)
class Rank:
    """One of ``world`` processes that train together, in step."""

    number: int = 0
    world: int = 1

    @classmethod
    def of_environment(cls) -> Rank:
        """As torchrun says; without it, the node of the job."""
        number = os.environ.get("RANK") or os.environ.get("RUNCTL_NODE_RANK") or "0"
        world = os.environ.get("WORLD_SIZE") or os.environ.get("RUNCTL_NUM_NODES") or "1"
        return cls(int(number), int(world))


def steps(remaining: int, batch_size: int, world: int) -> Iterator[int]:
    """How many samples all ranks together take in each step, until none remains.

    A step is one batch for every rank. Where the last one would leave a rank without a sample, the last two
    are shared out evenly.
    """
    whole = batch_size * world
    while remaining > 0:
        take = min(whole, remaining)
        if 0 < remaining - take < world <= (remaining + 1) // 2:
            take = (remaining + 1) // 2
        yield take
        remaining -= take


def batches(
    numbers: list[int], position: int, batch_size: int, rank: Rank
) -> Iterator[tuple[list[int], int]]:
    """The batches of one rank from ``position`` in an epoch, each with the position after it.

    Together the ranks take every sample once, whichever number of ranks came to ``position`` before. A batch
    is empty only where fewer samples than ranks are left in the epoch.
    """
    for take in steps(len(numbers) - position, batch_size, rank.world):
        mine = numbers[position + rank.number : position + take : rank.world]
        position += take
        yield mine, position
