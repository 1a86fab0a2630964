"""Loads the data of job images. Written by `runctl data loader`: yours to change.

Strategy: auto. Needs torch (threads read ahead without it), obstore, numpy for arrays, Pillow for images.
`decode` makes a sample of what was read: change it for your data. `python loader.py` reads one
epoch and prints how fast that was.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

SOURCE = "s3://my-images/digits"  # where the data are
PATH = "data"  # where the job finds them as files
REGION = "us-east-1"  # of the bucket
BATCH_SIZE = 64  # samples
WORKERS = 1  # processes that read and decode; the training keeps one CPU
PREFETCH = 2  # batches that each of them reads ahead
IN_FLIGHT = 32  # requests at once of each of them
FILES_AT_ONCE = 8  # files that each of them reads at once
TOGETHER = 1  # neighbours that stay together when the order is shuffled


# In which order samples are read: the same for every number of workers and ranks.


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


# What samples are made of: pieces of files or objects, and who reads them.


@dataclass(frozen=True)
class Piece:
    """A file or object, or ``size`` bytes of it from ``start``."""

    name: str
    start: int = 0
    size: int = -1


CLIENTS: set[int] = set()
"""Processes that have made a client of S3: they must not be forked, since the client hangs in the child."""


class Reader(Protocol):
    """Reads pieces of files or objects, many at once. May be passed to other processes.

    ``makes_client``: reading makes a client of S3 in the process that reads.
    """

    makes_client: bool

    def names(self) -> list[tuple[str, int]]:
        """The name and size of each file or object, in the order of the names."""

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        """The content of each piece. Blocks."""


def where_data_are(source: str) -> dict[str, Any]:
    """What the agent says of the data from ``source``; empty on a machine without an agent."""
    told = json.loads(os.environ.get("RUNCTL_DATA", "[]"))
    found: dict[str, Any] = next((each for each in told if each["source"].rstrip("/") == source), {})
    return found


# Reads samples from files.


class FileReader:
    """Reads the files below a folder."""

    makes_client = False

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._threads: ThreadPoolExecutor | None = None
        self._process = 0

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "_threads": None, "_process": 0}

    def names(self) -> list[tuple[str, int]]:
        found = []
        for folder, _, files in os.walk(self.folder, followlinks=True):
            for name in files:
                path = Path(folder, name)
                found.append((path.relative_to(self.folder).as_posix(), path.stat().st_size))
        return sorted(found)

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        if self._threads is None or self._process != os.getpid():
            # Threads do not survive a fork.
            self._threads, self._process = ThreadPoolExecutor(FILES_AT_ONCE), os.getpid()
        return list(self._threads.map(self._read, pieces))

    def _read(self, piece: Piece) -> bytes:
        with (self.folder / piece.name).open("rb", buffering=0) as file:
            if piece.size < 0:
                return file.read()
            file.seek(piece.start)
            content = file.read(piece.size)
        if len(content) != piece.size:
            raise OSError(f"{piece.name} ends within the {piece.size} bytes from {piece.start}")
        return content


class FileWriter:
    """Writes files that another process may write at the same time: readers see whole files only."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def write(self, name: str, content: bytes) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.part")
        part.write_bytes(content)
        part.replace(target)


# Reads samples from S3, many at once, with obstore.


class ObjectReader:
    """Reads the objects below ``s3://BUCKET/PREFIX``.

    A process that has used obstore and is then forked leaves a client in the child that hangs. So each
    process makes its own client when it first reads, and what is read at the start is read by another one
    (``index_elsewhere``).
    """

    makes_client = True

    def __init__(self, source: str) -> None:
        self.source = source
        self._process = 0
        self._store: Any = None
        self._loop: Any = None

    def __getstate__(self) -> dict[str, object]:
        return {"source": self.source, "_process": 0, "_store": None, "_loop": None}

    def names(self) -> list[tuple[str, int]]:
        self._open()
        found = [(each["path"], each["size"]) for page in self._store.list() for each in page]
        return sorted((name, size) for name, size in found if name and not name.endswith("/"))

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        self._open()
        found: list[bytes] = self._loop.run_until_complete(self._read_all(pieces))
        return found

    def _open(self) -> None:
        if self._process == os.getpid():
            return
        from obstore.store import S3Store

        bucket, _, prefix = self.source.removeprefix("s3://").partition("/")
        settings: dict[str, Any] = {"region": os.environ.get("AWS_REGION") or REGION}
        options: dict[str, Any] = {"timeout": "10m", "pool_max_idle_per_host": str(IN_FLIGHT)}
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            settings["endpoint"] = endpoint
            options["allow_http"] = True
        metadata = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        if metadata:
            settings["metadata_endpoint"] = metadata.rstrip("/")
        self._store = S3Store(bucket, prefix=prefix or None, client_options=options, **settings)
        self._loop = asyncio.new_event_loop()
        self._process = os.getpid()
        CLIENTS.add(self._process)

    async def _read_all(self, pieces: Sequence[Piece]) -> list[bytes]:
        free = asyncio.Semaphore(IN_FLIGHT)
        content: list[bytes] = [b""] * len(pieces)

        async def one(number: int, piece: Piece) -> None:
            async with free:
                content[number] = await self._get(piece)

        async def run_of(numbers: list[int]) -> None:
            async with free:
                name = pieces[numbers[0]].name
                starts = [pieces[each].start for each in numbers]
                lengths = [pieces[each].size for each in numbers]
                found = await self._store.get_ranges_async(name, starts=starts, lengths=lengths)
                for number, part in zip(numbers, found, strict=True):
                    content[number] = bytes(part)

        whole, parts = [], {}  # type: ignore[var-annotated]
        for number, piece in enumerate(pieces):
            if piece.size < 0:
                whole.append(one(number, piece))
            else:
                parts.setdefault(piece.name, []).append(number)
        await asyncio.gather(*whole, *(run_of(numbers) for numbers in parts.values()))
        return content

    async def _get(self, piece: Piece) -> bytes:
        answer = await self._store.get_async(piece.name)
        return bytes(await answer.bytes_async())


# Reads objects once and keeps them in files of this machine.


class CachingReader:
    """Reads from ``folder`` what is there, and the rest from ``objects``, which it keeps there.

    Pieces of an object are kept by their place. A full disk ends the keeping, not the reading.
    """

    makes_client = True

    def __init__(self, objects: Reader, folder: str | Path) -> None:
        self._objects = objects
        self._kept = FileReader(folder)
        self._writer = FileWriter(folder)
        self._has_room = True

    def names(self) -> list[tuple[str, int]]:
        return self._objects.names()

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        names = [_name(each) for each in pieces]
        there = [number for number, name in enumerate(names) if (self._kept.folder / name).is_file()]
        missing = sorted(set(range(len(pieces))) - set(there))
        content: dict[int, bytes] = {}
        if there:
            kept = self._kept.read([Piece(names[number]) for number in there])
            content.update(zip(there, kept, strict=True))
        if missing:
            fetched = self._objects.read([pieces[number] for number in missing])
            content.update(zip(missing, fetched, strict=True))
            for number in missing:
                self._keep(names[number], content[number])
        return [content[number] for number in range(len(pieces))]

    def _keep(self, name: str, content: bytes) -> None:
        if not self._has_room:
            return
        try:
            self._writer.write(name, content)
        except OSError as error:
            self._has_room = False
            print(f"the cache is not filled any further: {error}")


def _name(piece: Piece) -> str:
    return piece.name if piece.size < 0 else f"{piece.name}.parts/{piece.start}-{piece.size}"


# Where the data are: as the agent says, since the strategy is settled when the job begins.


def open_reader() -> Reader:
    """Files or objects, by the strategy of the run; files at ``PATH`` where no agent tells it."""
    told = where_data_are(SOURCE)
    strategy = told.get("strategy", "stage")
    if strategy == "direct":
        return ObjectReader(SOURCE)
    if strategy == "cache":
        return CachingReader(ObjectReader(SOURCE), told["cache"])
    return FileReader(told.get("path", PATH))


# One sample for each file or object.


def index_of(reader: Reader) -> list[str]:
    """The names of all samples. Lists, and reads nothing."""
    return [name for name, _ in reader.names()]


class Samples:
    """Every file is a sample."""

    def __init__(self, reader: Reader, index: list[str]) -> None:
        self.reader = reader
        self.names = index

    def __len__(self) -> int:
        return len(self.names)

    def read(self, numbers: Sequence[int]) -> list[tuple[str, bytes]]:
        """The name and content of each sample."""
        names = [self.names[number] for number in numbers]
        return list(zip(names, self.reader.read([Piece(name) for name in names]), strict=True))


# Values of files, and batches of samples.


def value_of(name: str, content: bytes) -> Any:
    """The content of a file by the end of its name; bytes where that says nothing."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".webp"):
        import numpy
        from PIL import Image

        return numpy.array(Image.open(io.BytesIO(content)))
    if suffix == ".npy":
        import numpy

        return numpy.load(io.BytesIO(content), allow_pickle=False)
    if suffix == ".json":
        return json.loads(content)
    if suffix in (".txt", ".csv", ".cls"):
        return content.decode()
    return content


def collate(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch: arrays of one shape are stacked, everything else is a list."""
    return {key: _joined([each[key] for each in samples]) for key in (samples[0] if samples else ())}


def _joined(values: list[Any]) -> Any:
    shapes = {getattr(each, "shape", None) for each in values}
    if len(shapes) != 1 or None in shapes:
        return values
    import numpy

    stacked = numpy.stack(values)
    try:
        import torch
    except ImportError:
        return stacked
    return torch.from_numpy(stacked)


# Makes one sample of a file: the part to change for other data.


def decode(name: str, content: bytes) -> Any:
    """One sample: its content by the end of its name, with the name of its folder as the label.

    Runs in the workers, which may be other processes: random numbers drawn here belong to a worker.
    """
    return {"value": value_of(name, content), "label": PurePosixPath(name).parent.name}


# The loader: batches in a settled order, read ahead by workers, which can be continued at any step.


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
