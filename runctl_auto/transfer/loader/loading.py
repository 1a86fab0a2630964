"""The loader: batches in a settled order, read ahead by workers, which can be continued at any step."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from runctl_auto.transfer.loader.decoding_files import decode
from runctl_auto.transfer.loader.opening_any import open_reader
from runctl_auto.transfer.loader.order import Order, Rank, batches
from runctl_auto.transfer.loader.reading import CLIENTS
from runctl_auto.transfer.loader.samples_of_objects import Samples, index_of
from runctl_auto.transfer.loader.values import collate

BATCH_SIZE = 64
WORKERS = 2
PREFETCH = 2
TOGETHER = 1


class Loader:
    """Yields the batches of one epoch after the other, each sample once an epoch.

        loader = Loader(batch_size=64)
        loader.load_state_dict(checkpoint["loader"])
        while loader.epoch < EPOCHS:
            for batch in loader:
                train(batch)

    ``state_dict`` may be taken at any step: it counts the batches that were yielded, not those that workers
    have read ahead. It can be loaded with other numbers of workers, ranks and samples in a batch. Ranks go in
    step, so the state of one is the state of all. Without torch, threads read ahead in place of workers.
    """

    def __init__(
        self,
        samples: Samples | None = None,
        *,
        batch_size: int = BATCH_SIZE,
        workers: int = WORKERS,
        prefetch: int = PREFETCH,
        seed: int = 0,
        shuffle: bool = True,
        rank: Rank | None = None,
        decode: Callable[[str, Any], Any] = decode,
        collate: Callable[[list[Any]], Any] = collate,
    ) -> None:
        self.samples = open_samples() if samples is None else samples
        self.batch_size, self.workers, self.prefetch = batch_size, workers, prefetch
        self.rank = Rank.of_environment() if rank is None else rank
        self.epoch, self.position = 0, 0
        self._order = Order(len(self.samples), seed, shuffle, TOGETHER)
        self._decode, self._collate = decode, collate
        if not len(self.samples):
            raise ValueError("there are no samples")

    def __iter__(self) -> Iterator[Any]:
        plan = list(batches(self._order.of(self.epoch), self.position, self.batch_size, self.rank))
        read = _Read(self.samples, self._decode, self._collate)
        read_ahead = self._with_torch if _has_torch() and self.workers else self._with_threads
        for batch, (_, position) in zip(read_ahead(read, [mine for mine, _ in plan]), plan, strict=True):
            self.position = position
            yield batch
        self.epoch, self.position = self.epoch + 1, 0

    def __len__(self) -> int:
        """Batches that are left of the epoch."""
        numbers = list(range(len(self.samples)))
        return sum(1 for _ in batches(numbers, self.position, self.batch_size, self.rank))

    def state_dict(self) -> dict[str, Any]:
        """Where it is; a few values, the same on all ranks."""
        return {
            "epoch": self.epoch,
            "position": self.position,
            "seed": self._order.seed,
            "shuffle": self._order.shuffle,
            "together": self._order.together,
            "samples": self._fingerprint,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on after the batch that was yielded last. Raises ValueError when the samples are others."""
        if state["samples"] != self._fingerprint:
            raise ValueError(
                f"the state is of {state['samples']}, and there are {self._fingerprint}: "
                "the data have changed"
            )
        count = len(self.samples)
        self._order = Order(count, state["seed"], state["shuffle"], state["together"])
        self.epoch, self.position = state["epoch"], state["position"]
        if self.position >= count:
            self.epoch, self.position = self.epoch + 1, 0

    @property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256("\n".join(self.samples.names).encode("utf-8", "surrogateescape"))
        return f"{len(self.samples)} samples, {digest.hexdigest()[:16]}"

    def _with_torch(self, read: _Read, plan: list[list[int]]) -> Iterator[Any]:
        import torch
        from torch.utils.data import DataLoader

        return iter(
            DataLoader(
                read,
                batch_sampler=plan,
                num_workers=self.workers,
                prefetch_factor=self.prefetch,
                collate_fn=_as_it_is,
                pin_memory=torch.cuda.is_available(),
                multiprocessing_context="spawn" if os.getpid() in CLIENTS else None,
            )
        )

    def _with_threads(self, read: _Read, plan: list[list[int]]) -> Iterator[Any]:
        with ThreadPoolExecutor(1) as thread:
            ahead = max(1, self.prefetch * max(1, self.workers))
            wanted = iter(plan)
            coming = deque(thread.submit(read.__getitems__, mine) for mine in islice(wanted, ahead))
            while coming:
                batch = coming.popleft().result()
                coming.extend(thread.submit(read.__getitems__, mine) for mine in islice(wanted, 1))
                yield batch


class _Read:
    """Reads and decodes one batch at a time, in a worker."""

    def __init__(
        self, samples: Samples, decode: Callable[[str, Any], Any], collate: Callable[..., Any]
    ) -> None:
        self._samples, self._decode, self._collate = samples, decode, collate

    def __len__(self) -> int:
        return len(self._samples)

    def __getitems__(self, numbers: list[int]) -> Any:
        found = self._samples.read(numbers) if numbers else []
        return self._collate([self._decode(name, content) for name, content in found])

    def __getitem__(self, number: int) -> Any:
        return self.__getitems__([number])


def _as_it_is(batch: Any) -> Any:
    return batch


def _has_torch() -> bool:
    from importlib.util import find_spec

    return find_spec("torch") is not None


def open_samples() -> Samples:
    """The samples of the job's data. Another process indexes objects, since this one will be forked."""
    reader = open_reader()
    return Samples(reader, index_elsewhere() if reader.makes_client else index_of(reader))


def index_elsewhere() -> Any:
    """What ``index_of`` finds, in another process."""
    done = subprocess.run([sys.executable, __file__, "index"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """``python loader.py``: reads one epoch and prints how fast that was."""
    if sys.argv[1:] == ["index"]:
        print(json.dumps(index_of(open_reader())))
        return
    began = time.perf_counter()
    loader = Loader()
    first = 0.0
    for _ in loader:
        first = first or time.perf_counter() - began
    seconds = time.perf_counter() - began
    count = len(loader.samples)
    print(
        f"{count} samples in {seconds:.1f} s, {count / seconds:.0f} a second; first batch after {first:.2f} s"
    )


if __name__ == "__main__":
    main()
