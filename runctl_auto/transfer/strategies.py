"""Compares the ways in which data can come to a job: time to the first batch, time of an epoch, cost.

Pure arithmetic over sustained rates (``service_rates``): every stage of a pipeline is as fast as its slowest
part, and loading overlaps with training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from runctl_auto.cost.amount import Amount, amount, total
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.stack.prices import HOURS_OF_A_MONTH, Rates
from runctl_auto.transfer import service_rates as given

STRATEGIES = ("stage", "direct", "cache", "volume", "snapshot")
"""In the order in which they are preferred where the difference is small."""
NEARLY_EQUAL = 1.03
"""A strategy that costs at most so much more than the cheapest is preferred if it comes first."""
UNKNOWN_NETWORK = 94 * given.MB
UNKNOWN_VOLUMES = 81 * given.MB
GB = 1e9


@dataclass(frozen=True, kw_only=True)
class Workload:
    """``size`` bytes in ``files`` objects, read ``epochs`` times by each of ``runs`` runs over ``keep_days``.

    ``training`` is what the training itself takes for an epoch, in seconds.
    """

    size: int
    files: int
    epochs: int = 1
    runs: int = 1
    training: float = 0.0
    keep_days: float = 30.0

    @property
    def mean(self) -> float:
        """The mean size of an object, at least one byte."""
        return max(1.0, self.size / self.files)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """USD: ``machine`` an hour; None when unknown."""

    machine: float | None
    rates: Rates = field(default_factory=Rates)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of one run: before the first batch, of the first epoch and of each later one."""

    first_batch: float
    first_epoch: float
    later_epoch: float
    before: float = 0.0

    def run(self, epochs: int) -> float:
        """All epochs, with what precedes them."""
        return self.before + self.first_epoch + (epochs - 1) * self.later_epoch


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What one strategy takes. ``cost`` is USD for all runs; ``obstacle`` says why the job cannot use it."""

    strategy: str
    first: Timing
    later: Timing
    seconds: float
    """Of all runs together, with what is built before the first one."""
    cost: Amount
    obstacle: str | None = None


_STEPS = 200
"""Until a share of files no longer changes by more than a hundredth, also where nearly all have room."""


@dataclass(frozen=True)
class Disk:
    """A disk: bytes and I/O a second."""

    throughput: float
    iops: float

    def files(self, size: float) -> float:
        """Files of ``size`` bytes that it reads or writes in a second."""
        operations = math.ceil(size / given.LARGEST_IO.value)
        return min(self.throughput / size, self.iops / operations)


def still_there(room: float) -> float:
    """The share of files in memory when all are read again, each time in another order, in a memory that
    holds the share ``room`` of all.

    Each missing file takes the place of another one, whichever. Of the reads after that of a file, the share
    ``1 - s`` evicts one of ``room``; as many follow as two orders leave between its places, from none to
    twice the number of files. With ``a = (1 - s) / room`` it is then still there with a probability of
    ``((1 - exp(-a)) / a) ** 2``, which is ``s`` itself.
    """
    if room >= 1:
        return 1.0
    if room <= 0:
        return 0.0
    share = 0.0
    for _ in range(_STEPS):
        evicted = (1 - share) / room
        share = ((1 - math.exp(-evicted)) / evicted) ** 2
    return share


class Planner:
    """Forecasts for one workload on one machine."""

    def __init__(self, work: Workload, machine: MachineSpeed, prices: Prices) -> None:
        self._work = work
        self._machine = machine
        self._prices = prices
        self._network = machine.network or UNKNOWN_NETWORK
        self._volume = Disk(
            min(given.GP3_THROUGHPUT.value, machine.volumes or UNKNOWN_VOLUMES),
            min(given.GP3_IOPS.value, machine.volumes_iops or given.GP3_IOPS.value),
        )
        self._store = Disk(given.STORE_THROUGHPUT.value, given.STORE_IOPS.value)

    def forecasts(self) -> tuple[Forecast, ...]:
        """One for each of ``STRATEGIES``."""
        ways = {
            "stage": self._stage,
            "direct": self._direct,
            "cache": self._cache,
            "volume": self._kept,
            "snapshot": self._snapshot,
        }
        return tuple(ways[each]() for each in STRATEGIES)

    # Rates, in objects a second

    def _arriving(self, connections: int, cpu: float, cores: int) -> float:
        """Objects that arrive from S3."""
        size = self._work.mean
        each = given.FIRST_BYTE.value + size / given.CONNECTION.value
        return min(
            min(connections, self._work.files) / each,
            given.REQUESTS.value,
            self._network / size,
            cores / cpu,
        )

    @property
    def _loaded(self) -> float:
        """Objects that the loader reads from S3."""
        workers = given.workers_of(self._machine.cpus)
        cores = min(workers, max(1, self._machine.cpus))
        return self._arriving(workers * given.LOADER_IN_FLIGHT, given.LOADER_CPU.value, cores)

    @property
    def _staged(self) -> float:
        """Objects that the agent copies to a volume."""
        arriving = self._arriving(given.STAGING_CONNECTIONS, given.STAGING_CPU.value, 1)
        return min(arriving, self._volume.files(self._work.mean))

    @property
    def _from_memory(self) -> float:
        return given.workers_of(self._machine.cpus) / given.FILE_CPU.value

    def _from(self, disk: Disk) -> float:
        return min(disk.files(self._work.mean), self._from_memory)

    @property
    def _share_in_memory(self) -> float:
        """How many of the files are still in memory when they are read once more, as a share."""
        return still_there(given.MEMORY_FOR_FILES * self._machine.memory / max(1, self._work.size))

    def _again(self, disk: Disk) -> float:
        """Files that are read a second after they were read or written once."""
        missing = 1 - self._share_in_memory
        if missing <= 0:
            return self._from_memory
        return min(disk.files(self._work.mean) / missing, self._from_memory)

    # Seconds

    def _epoch(self, rate: float, at_once: int) -> float:
        """Loading overlaps with training once the first of ``at_once`` objects is there."""
        loading = self._work.files / rate
        return max(loading, self._work.training + self._first(rate, at_once))

    def _first(self, rate: float, at_once: int) -> float:
        """Until the first object is there."""
        return min(at_once, self._work.files) / rate

    def _batch(self, rate: float, at_once: int) -> float:
        return max(self._first(rate, at_once), min(given.BATCH, self._work.files) / rate)

    @property
    def _requests_at_once(self) -> int:
        return given.workers_of(self._machine.cpus) * given.LOADER_IN_FLIGHT

    @property
    def _files_at_once(self) -> int:
        return given.workers_of(self._machine.cpus) * given.FILES_AT_ONCE

    @property
    def _listing(self) -> float:
        return math.ceil(self._work.files / 1000) * given.LIST_REQUEST.value

    # Strategies

    def _direct(self) -> Forecast:
        epoch = self._epoch(self._loaded, self._requests_at_once) + given.FIRST_BYTE.value
        run = Timing(
            first_batch=self._listing + self._batch(self._loaded, self._requests_at_once),
            first_epoch=epoch,
            later_epoch=epoch,
            before=self._listing,
        )
        reads = self._work.epochs * self._work.runs
        return self._forecast("direct", run, run, requests=self._requests(reads, self._work.runs))

    def _after_copy(self) -> Timing:
        copy = self._listing + self._work.files / self._staged + given.FIRST_BYTE.value
        again = self._again(self._volume)
        epoch = self._epoch(again, self._files_at_once)
        return Timing(
            first_batch=copy + self._batch(again, self._files_at_once),
            first_epoch=epoch,
            later_epoch=epoch,
            before=copy,
        )

    def _stage(self) -> Forecast:
        run = self._after_copy()
        return self._forecast(
            "stage",
            run,
            run,
            requests=self._requests(self._work.runs, self._work.runs),
            storage=self._while_running(run, run),
        )

    def _cache(self) -> Forecast:
        on_store = self._machine.store >= self._work.size
        disk = self._store if on_store else self._volume
        filling = min(self._loaded, disk.files(self._work.mean))
        run = Timing(
            first_batch=self._listing + self._batch(self._loaded, self._requests_at_once),
            first_epoch=self._epoch(filling, self._requests_at_once) + given.FIRST_BYTE.value,
            later_epoch=self._epoch(self._again(disk), self._files_at_once),
            before=self._listing,
        )
        return self._forecast(
            "cache",
            run,
            run,
            requests=self._requests(self._work.runs, self._work.runs),
            storage=amount(0.0) if on_store else self._while_running(run, run),
        )

    def _on_volume(self, first_rate: float) -> Timing:
        """A run that finds all files on a volume."""
        return Timing(
            first_batch=self._listing + self._batch(first_rate, self._files_at_once),
            first_epoch=self._epoch(first_rate, self._files_at_once),
            later_epoch=self._epoch(self._again(self._volume), self._files_at_once),
            before=self._listing,
        )

    def _kept(self) -> Forecast:
        month = amount(self._prices.rates.volume_gb_month).times(self._work.size / GB)
        return self._forecast(
            "volume",
            self._after_copy(),
            self._on_volume(self._from(self._volume)),
            requests=self._requests(1, self._work.runs),
            storage=month.times(self._work.keep_days * 24 / HOURS_OF_A_MONTH),
        )

    def _snapshot(self) -> Forecast:
        filling = given.INITIALIZATION.value / self._work.mean
        run = self._on_volume(min(self._from(self._volume), filling))
        building = self._after_copy().before
        month = amount(self._prices.rates.snapshot_gb_month).times(self._work.size / GB)
        storage = month.times(self._work.keep_days * 24 / HOURS_OF_A_MONTH) + self._while_running(run, run)
        # What AWS bills for the rate is in no price list that runctl reads.
        storage = Amount(storage.usd, complete=False)
        return self._forecast(
            "snapshot",
            run,
            run,
            building=building,
            requests=self._requests(1, self._work.runs + 1),
            storage=storage,
        )

    # Costs

    def _requests(self, reads: int, lists: int) -> Amount:
        rates, files = self._prices.rates, self._work.files
        return total(
            [
                amount(rates.get_1000).times(reads * files / 1000),
                amount(rates.put_1000).times(lists * math.ceil(files / 1000) / 1000),
            ]
        )

    def _while_running(self, first: Timing, later: Timing) -> Amount:
        """Space for the data on a volume while the runs last."""
        hours = self._seconds(first, later) / 3600
        month = amount(self._prices.rates.volume_gb_month).times(self._work.size / GB)
        return month.times(hours / HOURS_OF_A_MONTH)

    def _seconds(self, first: Timing, later: Timing) -> float:
        epochs = self._work.epochs
        return first.run(epochs) + (self._work.runs - 1) * later.run(epochs)

    def _forecast(
        self,
        strategy: str,
        first: Timing,
        later: Timing,
        *,
        requests: Amount,
        storage: Amount | None = None,
        building: float = 0.0,
    ) -> Forecast:
        seconds = building + self._seconds(first, later)
        machine = amount(self._prices.machine).times(seconds / 3600)
        return Forecast(
            strategy=strategy,
            first=first,
            later=later,
            seconds=seconds,
            cost=total([machine, requests, *([storage] if storage is not None else [])]),
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The forecasts for one source; ``chosen`` is recommended, for ``reason``."""

    work: Workload
    machine: MachineSpeed
    prices: Prices
    forecasts: tuple[Forecast, ...]
    chosen: Forecast
    reason: str


def plan_data(
    work: Workload, machine: MachineSpeed, prices: Prices, obstacles: Mapping[str, str] | None = None
) -> Plan:
    """The plan for ``work``. ``obstacles`` say by strategy why the job cannot use it; staging is always
    possible.
    """
    hindered = obstacles or {}
    forecasts = tuple(
        replace(each, obstacle=hindered.get(each.strategy))
        for each in Planner(work, machine, prices).forecasts()
    )
    usable = [each for each in forecasts if each.obstacle is None]
    chosen = recommended(usable or forecasts[:1], by_cost=prices.machine is not None)
    return Plan(
        work=work,
        machine=machine,
        prices=prices,
        forecasts=forecasts,
        chosen=chosen,
        reason=_reason(chosen, usable, work, by_cost=prices.machine is not None),
    )


def recommended(forecasts: Iterable[Forecast], *, by_cost: bool) -> Forecast:
    """The cheapest, or the fastest while prices are unknown; of nearly equal ones the first."""
    found = list(forecasts)
    least = min(_measure(each, by_cost=by_cost) for each in found)
    return next(each for each in found if _measure(each, by_cost=by_cost) <= least * NEARLY_EQUAL)


def _measure(forecast: Forecast, *, by_cost: bool) -> float:
    return forecast.cost.usd if by_cost else forecast.seconds


def _reason(chosen: Forecast, usable: Iterable[Forecast], work: Workload, *, by_cost: bool) -> str:
    others = sorted(
        (each for each in usable if each is not chosen), key=lambda each: _measure(each, by_cost=by_cost)
    )
    return "; ".join([_WORDS[chosen.strategy](chosen, work), *_compared(chosen, others, by_cost=by_cost)])


def _compared(chosen: Forecast, others: list[Forecast], *, by_cost: bool) -> Iterator[str]:
    if not others:
        return
    mine, next_one = _measure(chosen, by_cost=by_cost), others[0]
    more = _measure(next_one, by_cost=by_cost) / mine - 1 if mine else 0.0
    what = "cost" if by_cost else "time"
    if abs(more) < NEARLY_EQUAL - 1:
        yield f"{next_one.strategy} is about equal in {what}"
    else:
        yield f"{next_one.strategy} comes next, with {more:+.0%} in {what}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _reads_of(work: Workload) -> str:
    reads = f"a run reads the data {_times(work.epochs)}"
    return reads if work.runs == 1 else f"{reads} and there are {work.runs} runs"


_WORDS = {
    "stage": lambda _, work: (
        f"{_reads_of(work)}: a copy before each run is read fast enough, and any script finds files"
    ),
    "direct": lambda _, work: f"{_reads_of(work)}: reading from S3 while it trains saves the copy",
    "cache": lambda _, work: (
        f"{_reads_of(work)}: the first epoch reads from S3 without a copy before it, later "
        "ones from the machine's disk"
    ),
    "volume": lambda _, work: f"{_reads_of(work)}: one copy on a volume serves all of them",
    "snapshot": lambda _, work: f"{_reads_of(work)}: volumes from one snapshot are ready without a copy",
}
