"""What every command works with: settings, folders, engine, providers, and who hears what happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from runctl_auto.backend.claims import Claims
from runctl_auto.cost.book import PriceBook
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.environment import Environment
from runctl_auto.errors import UsageError
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.jobs.storage.stack import StorageStack
from runctl_auto.local.project import PROJECT_NAME, ProjectFolders
from runctl_auto.providers.contract import Provider
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.kinds import kind_of, name_in, removal

if TYPE_CHECKING:
    from runctl_auto.engine.policy_pack import PackInForce


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


def _elapsed() -> float:
    """Seconds of a clock that nobody sets; they count while the machine sleeps too, where the system can."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


@dataclass(frozen=True)
class Time:
    """The clock, replaceable in tests. ``monotonic`` counts seconds, while the machine sleeps too; ``now`` is
    in UTC."""

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = _elapsed
    now: Callable[[], datetime] = _utc_now


class Surroundings(Protocol):
    """What deciding about a job needs of a session; a job that another program declares has no more."""

    @property
    def settings(self) -> Settings: ...

    @property
    def folders(self) -> ProjectFolders: ...

    @property
    def reporter(self) -> Reporter: ...

    @property
    def time(self) -> Time: ...

    @property
    def prices(self) -> PriceBook: ...

    @property
    def program(self) -> Path | None:
        """The folder of the program that runs in place of runctl's own."""

    @property
    def policies(self) -> PackInForce | None:
        """The policies that judge changes, None when none do, or runctl does not know them."""

    @property
    def backend(self) -> str | None:
        """The address of the backend that holds the job's stack, None if unknown."""

    def provider(self, region: str | None = None) -> Provider:
        """The provider of a region, None for the person's own. Asks nobody."""


@dataclass(frozen=True)
class Session:
    """One command's surroundings.

    ``make_provider`` makes the provider of a region, None for the one that the person's own settings name.
    ``prices`` is the price book at hand. ``shell`` is the environment that the person started the command
    with. ``program`` is the folder of the program that runs in place of runctl's own. ``policies`` judge
    every change; None when none do.
    """

    settings: Settings
    folders: ProjectFolders
    environment: Environment
    driver: Driver
    make_provider: Callable[[str | None], Provider]
    reporter: Reporter
    time: Time = field(default_factory=Time)
    prices: PriceBook = field(default_factory=PriceBook)
    shell: Mapping[str, str] = field(default_factory=dict, repr=False)
    program: Path | None = None
    policies: PackInForce | None = None
    _providers: dict[str | None, Provider] = field(default_factory=dict)
    _claims: dict[str, Claims] = field(default_factory=dict)

    @property
    def backend(self) -> str:
        """The address of the backend."""
        return self.environment.backend

    def beside(self, reporter: Reporter) -> Session:
        """A session for another thread, told to ``reporter``: with the same surroundings, and nothing that is
        not to be shared between threads. May be called from any thread."""
        driver = self.driver.beside(reporter.engine_event, reporter.engine_output)
        return replace(self, driver=driver, reporter=reporter, _providers={}, _claims={})

    def for_reading(self, reporter: Reporter) -> Session:
        """As ``beside``, for a thread that only reads: nothing is started for it."""
        driver = self.driver.for_reading()
        return replace(self, driver=driver, reporter=reporter, _providers={}, _claims={})

    def provider(self, region: str | None = None) -> Provider:
        """The provider of a region, None for the person's own; made once. Asks nobody."""
        if region not in self._providers:
            self._providers[region] = self.make_provider(region)
        return self._providers[region]

    def claims(self) -> Claims | None:
        """The claims on jobs of the backend; None where only an engine writes there. Asks nobody."""
        backend = self.driver.backend
        files = backend.versioned_files
        if files is None:
            return None
        if backend.url not in self._claims:
            now = self.time.now
            self._claims[backend.url] = Claims(
                files, PROJECT_NAME, self.time.monotonic, lambda: now().isoformat()
            )
        return self._claims[backend.url]

    def job(self, name: str) -> Job:
        """The job of this name, which need not exist. Asks nobody.

        Raises ``UsageError`` for the stack of a volume or snapshot, which has verbs of its own.
        """
        kind = kind_of(name)
        if kind != "job":
            raise UsageError(
                f"'{name}' is a {kind}, not a job.",
                where={kind: name_in(name)},
                next_step=f"`runctl {kind} --help` lists what can be done with it; `{removal(name)}` "
                "removes it.",
            )
        return Job(self, name)

    def stack(self, name: str) -> StackInHand:
        """The stack of this name, of a job, volume or snapshot, which need not exist. Asks nobody."""
        kind = kind_of(name)
        return self.job(name) if kind == "job" else StorageStack(self, kind, name_in(name))

    @property
    def downloads(self) -> Path:
        """The folder of all fetched artifacts: in it a folder for each job."""
        return self.folders.root / self.settings.checkpoint.directory
