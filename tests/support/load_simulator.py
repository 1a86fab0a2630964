"""Simulates how data come to a training, event by event; knows nothing of the planner that it judges.

Connections ask a service that takes its time, admits so many requests a second and answers 503 to the rest;
bodies share a network; disks serve one I/O after the other; blocks of a volume from a snapshot are fetched
when they are first read. A trainer takes batches in order and holds back a loader that is too far ahead.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

Step = Generator[float, float, None]
"""A process: yields the moment at which it wants to go on, and is sent the present one."""
Obtaining = Generator[float, float, float]
"""What one object takes; returns when it is there."""

MOST_SIMULATED = 1500
"""Objects of a phase that are simulated; a longer phase goes on at the rate of the second half."""
PIECE = 64 * 1024
PIECES = 6
AHEAD = 512
"""Objects that a loader may be ahead of its trainer, at least; two for each connection otherwise."""


class Line:
    """Serves one after the other, each for as long as it takes: a network, a disk, a processor of many."""

    def __init__(self, servers: int = 1) -> None:
        self._free = [0.0] * servers

    def serve(self, now: float, seconds: float) -> float:
        """When something that arrives now and takes so long is done."""
        done = max(now, self._free[0]) + seconds
        heapq.heapreplace(self._free, done)
        return done


@dataclass(frozen=True, kw_only=True)
class Service:
    """S3, or a server in its place."""

    first_byte: float
    connection: float
    requests: float
    listing: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Disk:
    throughput: float
    iops: float
    latency: float = 0.001
    largest: int = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Computer:
    """A machine and what reads on it; ``cpu`` is seconds of a processor for an object."""

    network: float
    cores: int
    memory_for_files: float
    volume: Disk
    store: Disk | None = None
    store_size: float = 0.0
    loader_connections: int
    loader_cpu: float
    file_readers: int
    file_cpu: float
    staging_connections: int
    staging_cpu: float
    filling: float = math.inf
    """Bytes a second at which a volume from a snapshot is filled."""


@dataclass(frozen=True, kw_only=True)
class Data:
    files: int
    mean: float
    training: float = 0.0
    """Seconds of training for an epoch."""


@dataclass
class Phase:
    """One pass over the objects. ``obtain`` is what one object takes, ``workers`` how many are underway."""

    data: Data
    workers: int
    obtain: Callable[[float, int, float, random.Random], Obtaining]
    trains: bool
    seed: int = 0
    _ready: dict[int, float] = field(default_factory=dict)

    def seconds(self) -> tuple[float, float]:
        """Until the first 64 objects are there, and until all are, and were trained on."""
        count = min(self.data.files, MOST_SIMULATED)
        events: list[tuple[float, int, Step]] = []
        serial = iter(range(10**9))
        numbers = iter(range(count))
        ahead = max(AHEAD, 2 * self.workers)
        held_back: dict[int, list[Step]] = {}
        each = self.data.training / self.data.files if self.trains else 0.0
        trained_at: list[float] = []
        dice = random.Random(self.seed)
        order = list(range(count))
        dice.shuffle(order)

        def worker() -> Step:
            now = yield 0.0
            for number in numbers:
                if number >= ahead:
                    now = yield -float(number - ahead + 1)
                chosen = order[number]
                self._ready[number] = yield from self.obtain(now, chosen, self._size(chosen), dice)
                now = self._ready[number]

        def go_on(step: Step, now: float) -> None:
            """To the moment that it asks for, or until the trainer has taken the object that it waits for."""
            try:
                wanted = step.send(now)
            except StopIteration:
                return
            if wanted >= 0:
                heapq.heappush(events, (wanted, next(serial), step))
            elif -wanted <= len(trained_at):
                moment = max(now, trained_at[int(-wanted) - 1])
                heapq.heappush(events, (moment, next(serial), step))
            else:
                held_back.setdefault(int(-wanted) - 1, []).append(step)

        for _ in range(min(self.workers, count)):
            step = worker()
            heapq.heappush(events, (next(step), next(serial), step))
        while events:
            now, _, step = heapq.heappop(events)
            go_on(step, now)
            while len(trained_at) in self._ready:
                number = len(trained_at)
                before = trained_at[-1] if trained_at else 0.0
                trained_at.append(max(before, self._ready.pop(number)) + each)
                for held in held_back.pop(number, ()):
                    heapq.heappush(events, (max(now, trained_at[number]), next(serial), held))
        first = trained_at[min(64, count) - 1]
        if count == self.data.files:
            return first, trained_at[-1]
        half = count // 2
        rate = (count - half) / max(1e-12, trained_at[-1] - trained_at[half - 1])
        return first, trained_at[half - 1] + (self.data.files - half) / rate

    def _size(self, number: int) -> float:
        """Sizes differ by half of their mean both ways, always the same for an object."""
        return self.data.mean * (0.5 + (number * 2654435761 % 1000) / 1000)


class Machine:
    """What the phases of a run share."""

    def __init__(self, computer: Computer, service: Service, data: Data) -> None:
        self.computer, self.service, self.data = computer, service, data
        self.scale = min(1.0, MOST_SIMULATED / data.files)
        """A part of the objects is simulated, with that part of the memory."""
        self.room = computer.memory_for_files * self.scale
        self.resident: dict[int, float] = {}
        self.kept: list[int] = []
        self.held = 0.0
        self.dice = random.Random(11)

    def fetch(self, connections: int, cpu: float, cores: int, disk: Disk | None = None) -> Phase:
        """From the service, and to a disk if there is one."""
        network, processors = Line(), Line(cores)
        writing = Line()
        tokens = [self.service.requests * 0.05, 0.0]

        def admitted(now: float) -> bool:
            most = self.service.requests * 0.05
            tokens[0] = min(most, tokens[0] + (now - tokens[1]) * self.service.requests)
            tokens[1] = now
            if tokens[0] < 1:
                return False
            tokens[0] -= 1
            return True

        def obtain(now: float, number: int, size: float, dice: random.Random) -> Obtaining:
            pause = 0.05
            while True:
                now = yield now + self.service.first_byte
                if admitted(now):
                    break
                now = yield now + pause * dice.uniform(0.5, 1.0)
                pause = min(2 * pause, 5.0)
            piece = max(PIECE, size / PIECES)
            left = size
            while left > 0:
                part = min(piece, left)
                arrived = network.serve(now, part / self.computer.network)
                now = yield max(arrived, now + part / self.service.connection)
                left -= part
            now = yield processors.serve(now, cpu)
            if disk is not None:
                now = yield from _transferred(now, size, disk, writing)
                self.keep(number, size)
            return now

        return Phase(self.data, connections, obtain, trains=disk is None, seed=self.next_seed())

    def read(self, disk: Disk, *, cold: bool = False) -> Phase:
        """Files from a disk; ``cold`` blocks come from the snapshot first."""
        reading, processors, filling = Line(), Line(self.computer.cores), Line()
        whole = self.data.files * self.data.mean * self.scale
        filled: set[int] = set()

        def obtain(now: float, number: int, size: float, dice: random.Random) -> Obtaining:
            if number not in self.resident:
                # The background has filled the front of the volume by now; the rest is fetched on demand.
                place = (number * 7919 % max(1, len(order))) / max(1, len(order)) * whole
                if cold and number not in filled and place > now * self.computer.filling:
                    now = yield now + 0.02
                    now = yield filling.serve(now, size / self.computer.filling)
                filled.add(number)
                now = yield now + disk.latency
                now = yield from _transferred(now, size, disk, reading)
                self.keep(number, size)
            return (yield processors.serve(now, self.computer.file_cpu))

        order = range(min(self.data.files, MOST_SIMULATED))
        return Phase(self.data, self.computer.file_readers, obtain, trains=True, seed=self.next_seed())

    def keep(self, number: int, size: float) -> None:
        """In memory, in place of others that are chosen at random."""
        if size > self.room:
            return
        while self.held + size > self.room:
            at = self.dice.randrange(len(self.kept))
            self.kept[at], self.kept[-1] = self.kept[-1], self.kept[at]
            self.held -= self.resident.pop(self.kept.pop())
        self.kept.append(number)
        self.resident[number] = size
        self.held += size

    def next_seed(self) -> int:
        """Another order for each phase."""
        return self.dice.randrange(1 << 30)

    @property
    def listing(self) -> float:
        return math.ceil(self.data.files / 1000) * self.service.listing


def _transferred(now: float, size: float, disk: Disk, line: Line) -> Obtaining:
    """One I/O after the other."""
    operations = max(1, math.ceil(size / disk.largest))
    batches = min(operations, PIECES)
    for _ in range(batches):
        seconds = max(size / batches / disk.throughput, operations / batches / disk.iops)
        now = yield line.serve(now, seconds)
    return now


@dataclass(frozen=True)
class Run:
    """Seconds of a run: until it begins to read, its epochs, and until its first batch."""

    before: float
    epochs: tuple[float, ...]
    first_batch: float

    @property
    def seconds(self) -> float:
        return self.before + sum(self.epochs)


class Simulator:
    """Runs of each strategy on one machine."""

    def __init__(self, computer: Computer, service: Service, data: Data) -> None:
        self.computer, self.service, self.data = computer, service, data

    def run(self, strategy: str, epochs: int, *, later: bool = False) -> Run:
        """One run; ``later``: another one has left what the strategy keeps."""
        machine = Machine(self.computer, self.service, self.data)
        before = machine.listing
        if strategy in ("stage", "volume") and not (strategy == "volume" and later):
            copy = machine.fetch(
                self.computer.staging_connections, self.computer.staging_cpu, 1, self.computer.volume
            )
            before += copy.seconds()[1]
        phases = self._phases(strategy, machine)
        seconds: list[float] = []
        first_batch = 0.0
        for number in range(epochs):
            if number >= 4:
                # Later epochs are like those before them.
                seconds.append(seconds[-1])
                continue
            first, whole = next(phases).seconds()
            if number == 0:
                first_batch = before + first
            seconds.append(whole)
        return Run(before, tuple(seconds), first_batch)

    def _phases(self, strategy: str, machine: Machine) -> Iterator[Phase]:
        computer = self.computer
        fits = computer.store is not None and computer.store_size >= self.data.files * self.data.mean
        disk = computer.store if strategy == "cache" and fits and computer.store else computer.volume
        cores = computer.cores
        if strategy == "direct":
            while True:
                yield machine.fetch(computer.loader_connections, computer.loader_cpu, cores)
        if strategy == "cache":
            first = machine.fetch(computer.loader_connections, computer.loader_cpu, cores, disk)
            first.trains = True
            yield first
        if strategy == "snapshot":
            yield machine.read(disk, cold=True)
        while True:
            yield machine.read(disk)


@dataclass(frozen=True, kw_only=True)
class Money:
    """USD: a machine an hour, a GB of volume and of snapshot a month, 1,000 GET and 1,000 LIST requests."""

    machine: float
    volume: float
    snapshot: float
    get: float
    put: float


def bill(
    simulator: Simulator, strategy: str, *, epochs: int, runs: int, keep_days: float, money: Money
) -> float:
    """USD for all runs."""
    data = simulator.data
    gb = data.files * data.mean / 1e9
    first = simulator.run(strategy, epochs)
    later = simulator.run(strategy, epochs, later=True) if runs > 1 else first
    seconds = first.seconds + (runs - 1) * later.seconds
    lists = math.ceil(data.files / 1000) / 1000 * money.put
    usd = lists * runs
    month = 30.4167 * 24 * 3600
    if strategy == "direct":
        usd += data.files * epochs * runs / 1000 * money.get
    elif strategy in ("stage", "cache"):
        usd += data.files * runs / 1000 * money.get
        on_store = strategy == "cache" and simulator.computer.store_size >= gb * 1e9
        usd += 0.0 if on_store else gb * money.volume * seconds / month
    elif strategy == "volume":
        usd += data.files / 1000 * money.get + gb * money.volume * keep_days * 86400 / month
    else:
        build = simulator.run("stage", 1).before
        usd += data.files / 1000 * money.get + lists + gb * money.snapshot * keep_days * 86400 / month
        usd += gb * money.volume * seconds / month
        seconds += build
    return usd + seconds / 3600 * money.machine
