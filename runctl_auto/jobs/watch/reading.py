"""Reads what a watcher looks at: states where they lie, statuses, groups and machines, in few requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from runctl_auto.errors import RunctlError
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.watch.telling import WatchTelling
from runctl_auto.jobs.watch.watched_job import WatchedJob
from runctl_auto.providers.compute import Compute, compute_in
from runctl_auto.providers.contract import RunKey
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.kinds import kind_of

_SETTLING_SECONDS = 60.0
"""How long a stack is read in every round after its state changed: the history is written after the state."""


class WatchReading:
    """Notes in the watched jobs what it reads."""

    def __init__(self, session: Session, telling: WatchTelling) -> None:
        self._session = session
        self._telling = telling

    def versions(self) -> Mapping[str, str]:
        """What changes with the state of a job's stack, by the job's name."""
        driver = self._session.driver
        found = driver.backend.versions() if driver.backend.is_readable else None
        if found is not None:
            return {stack: version for stack, version in found.items() if kind_of(stack) == "job"}
        return {each.name: str(each.updated_at) for each in driver.jobs()}

    def stack(self, watched: WatchedJob, version: str | None) -> None:
        """Reads configuration and machine, when they may have changed; ``version`` is that of the state."""
        now = self._session.time.monotonic()
        if version is None:
            watched.is_gone = watched.version is not None
            if watched.is_gone:
                self._telling.event(watched, "gone", message="its stack was removed")
            return
        if version == watched.version and now >= watched.read_until:
            return
        if version != watched.version:
            watched.read_until = now + _SETTLING_SECONDS
        watched.config = self._config_of(watched.name)
        compute = self._compute_of(watched.name)
        watched.other_machines = compute.instances[1:]
        if compute.group is None or compute.group != watched.group:
            watched.machine, watched.group_watch = compute.instance, None
        watched.group = compute.group
        watched.was_placed = None
        watched.version = version
        if watched.given_up_on != watched.attempt:
            watched.given_up = watched.given_up_on = None

    def _config_of(self, name: str) -> StackConfig | None:
        driver = self._session.driver
        recorded = driver.backend.config(name)
        return parse_config(recorded if recorded is not None else driver.config_of(name))

    def _compute_of(self, name: str) -> Compute:
        driver = self._session.driver
        state = driver.backend.state(name)
        if state is None:
            found = driver.states([name])[name]
            if isinstance(found, RunctlError):
                raise found
            state = found
        return compute_in(state)

    def statuses(self, jobs: Collection[WatchedJob]) -> dict[str, RunctlError]:
        """Reads the statuses of all runs that are not known to have ended: a request each, several at a time.
        Those that could not be read, by their jobs' names."""
        unread: dict[str, RunctlError] = {}
        regions: dict[str, list[WatchedJob]] = {}
        for each in jobs:
            if each.config is not None and not each.is_gone:
                regions.setdefault(each.config.placement.region, []).append(each)
        for region, members in regions.items():
            wanted = [each for each in members if not _has_ended(each)]
            try:
                provider = self._session.provider(region)
                keys = [_key(each.config) for each in wanted if each.config is not None]
                found = provider.statuses(keys) if keys else []
            except RunctlError as error:
                found = [error] * len(wanted)
            for each, status in zip(wanted, found, strict=True):
                each.status = None if isinstance(status, RunctlError) else status
                if isinstance(status, RunctlError):
                    unread[each.name] = status
        return unread

    def groups(self, jobs: Collection[WatchedJob]) -> None:
        """Reads the machines that groups have now; a request for each region."""
        regions: dict[str, list[WatchedJob]] = {}
        for each in jobs:
            if each.config is not None and each.group is not None and not each.is_done:
                regions.setdefault(each.config.placement.region, []).append(each)
        for region, members in regions.items():
            try:
                found = self._session.provider(region).groups([each.group for each in members if each.group])
            except RunctlError as error:
                self._telling.backend(error.what)
                continue
            for each in members:
                group = found.get(each.group or "")
                machine = group.machines[0] if group is not None and group.machines else None
                if machine is not None and each.machine not in (None, machine):
                    if each.config is not None:
                        why = "the cloud has made another one"
                        self._telling.notices.interrupted(each.config, each.machine, why)
                    each.machine = machine
                    self._telling.event(each, "replaced", machine=machine, message="by the cloud")
                each.machine = machine or each.machine

    def running(self, jobs: Collection[WatchedJob]) -> frozenset[str]:
        """Which of the machines of runs that go on have not ended; a request for each region. Where that
        cannot be asked, all of them: nothing is known to be lost."""
        regions: dict[str, list[str]] = {}
        for each in jobs:
            if each.config is not None and each.machine is not None and not each.is_done:
                asked = regions.setdefault(each.config.placement.region, [])
                asked.extend((each.machine, *each.other_machines))
        running: set[str] = set()
        for region, machines in regions.items():
            try:
                running |= self._session.provider(region).running(sorted(machines))
            except RunctlError as error:
                self._telling.backend(error.what)
                running.update(machines)
        return frozenset(running)


def _has_ended(watched: WatchedJob) -> bool:
    status = watched.status
    run = watched.config.run.id if watched.config is not None else None
    return status is not None and status.ended and status.run == run


def _key(config: StackConfig) -> RunKey:
    return RunKey(config.job.name, config.placement.account, config.run.id)
