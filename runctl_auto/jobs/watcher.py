"""Looks at jobs from the backend, and acts where a machine is lost.

Reads states where they lie, statuses and machines; an engine is started only to make a machine. What it needs
to know is in the stack: a watcher may be ended and started anywhere, and several may watch the same jobs, of
which the claim on a job lets one at a time act (``jobs/claim.py``). Whatever goes wrong with one job is told,
and the others are watched on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from runctl_auto.engine.failures import no_such_job
from runctl_auto.errors import (
    InterruptionsExhaustedError,
    JobEndedError,
    MachineNeverReportedError,
    RunctlError,
    StackLockedError,
    TrainingFailedError,
)
from runctl_auto.job_file.spec import Recovery
from runctl_auto.jobs.follow import Lost
from runctl_auto.jobs.follow_group import GroupWatch
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.notices import Notices
from runctl_auto.jobs.replace import ReplaceUnattended, refuse_unreadable
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.right_account import another_account
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.silent_machines import SilentMachines
from runctl_auto.jobs.watch_events import EventName, WatchEvent
from runctl_auto.jobs.watched_job import WatchedJob
from runctl_auto.jobs.watching import HUNG_SECONDS, Seen, judge, was_applied
from runctl_auto.providers.compute import Compute, compute_in
from runctl_auto.providers.contract import RunKey
from runctl_auto.stack.config import StackConfig

EVERY_SECONDS = 10.0
_SETTLING_SECONDS = 60.0
"""How long a stack is read in every round after its state changed: the history is written after the state."""
_FIRST_WAIT_SECONDS = 15.0
_LONGEST_WAIT_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """``jobs`` to watch, all of the backend if empty. ``once``: one round. ``hung_seconds``: how long a
    machine that runs may be silent."""

    jobs: tuple[str, ...] = ()
    once: bool = False
    every_seconds: float = EVERY_SECONDS
    hung_seconds: float = HUNG_SECONDS


class Watcher:
    """The jobs that are watched. ``round`` never raises for one of them."""

    def __init__(self, session: Session, options: WatchOptions, tell: Callable[[WatchEvent], None]) -> None:
        self._session = session
        self._options = options
        self._tell = tell
        self._jobs: dict[str, WatchedJob] = {name: WatchedJob(name) for name in options.jobs}
        self._accounts: dict[str, str] = {}
        self._backend_problem: str | None = None
        self.notices = Notices(session, "watch")

    @property
    def is_done(self) -> bool:
        return all(each.is_done for each in self._jobs.values())

    def refuse_unknown(self) -> None:
        """Raises ``JobNotFoundError`` for a name that the backend does not have."""
        if not self._jobs:
            return
        with self._session.reporter.working("looking at the jobs", after=PATIENCE_SECONDS):
            known = self._versions()
        for name in self._jobs:
            if name not in known:
                raise no_such_job(name, {"job": name})

    def raise_failures(self) -> None:
        """Raises what went wrong with a job, if something did."""
        failed = []
        for each in self._jobs.values():
            if each.given_up is not None:
                raise each.given_up
            if each.status is not None and each.status.ended and not each.status.succeeded:
                failed.append(each.name)
        if failed:
            raise TrainingFailedError(
                f"The training of {', '.join(failed)} did not succeed.",
                where={"jobs": ", ".join(failed)},
                next_step=f"`runctl status {failed[0]}` tells why.",
            )

    def round(self) -> None:
        """Looks at every job once, and acts where a machine is lost."""
        try:
            versions = self._versions()
        except (RunctlError, OSError) as error:
            self._tell_backend(str(error))
            return
        self._tell_backend(None)
        for name in sorted(versions) if not self._options.jobs else ():
            if name not in self._jobs or self._jobs[name].is_gone:
                self._jobs[name] = WatchedJob(name)
        for watched in self._jobs.values():
            self._guarded(watched, lambda each: self._read(each, versions.get(each.name)))
        self._read_statuses()
        self._read_groups()
        running = self._running()
        for watched in self._jobs.values():
            self._guarded(watched, lambda each: self._look_at(each, running))

    def _guarded(self, watched: WatchedJob, step: Callable[[WatchedJob], None]) -> None:
        """Takes a step with one job, unless it waits after failures; what goes wrong is told."""
        time = self._session.time
        if watched.is_gone or time.monotonic() < watched.not_before:
            return
        try:
            step(watched)
        except StackLockedError as error:
            self._event(watched, "left", once=(watched.machine, str(error.owners)), message=error.what)
        except JobEndedError as error:
            self._event(watched, "left", once=error.what, message=error.what)
            self._wait(watched)
        except (InterruptionsExhaustedError, MachineNeverReportedError) as error:
            self._give_up(watched, error)
        except RunctlError as error:
            self._event(watched, "problem", once=error.what, message=_told(error))
            self._wait(watched)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            self._event(watched, "problem", once=text, message=text)
            self._wait(watched)

    def _wait(self, watched: WatchedJob) -> None:
        watched.failures += 1
        seconds = min(_FIRST_WAIT_SECONDS * 2 ** (watched.failures - 1), _LONGEST_WAIT_SECONDS)
        watched.not_before = self._session.time.monotonic() + seconds

    def _give_up(self, watched: WatchedJob, error: RunctlError) -> None:
        watched.given_up, watched.given_up_on = error, watched.attempt
        self._event(watched, "given-up", once=watched.given_up_on, message=_told(error))

    def _versions(self) -> Mapping[str, str]:
        """What changes with a stack's state, by the stack's name."""
        driver = self._session.driver
        found = driver.backend.versions() if driver.backend.is_readable else None
        if found is not None:
            return found
        return {each.name: str(each.updated_at) for each in driver.jobs()}

    def _read(self, watched: WatchedJob, version: str | None) -> None:
        """Configuration and machine, when they may have changed."""
        now = self._session.time.monotonic()
        if version is None:
            watched.is_gone = watched.version is not None
            if watched.is_gone:
                self._event(watched, "gone", message="its stack was removed")
            return
        if version == watched.version and now >= watched.read_until:
            return
        if version != watched.version:
            watched.read_until = now + _SETTLING_SECONDS
        watched.config = self._config_of(watched.name)
        compute = self._compute_of(watched.name)
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

    def _read_statuses(self) -> None:
        """The statuses of all runs that are not known to have ended: a request each, several at a time."""
        regions: dict[str, list[WatchedJob]] = {}
        for each in self._jobs.values():
            if each.config is not None and not each.is_gone:
                regions.setdefault(each.config.placement.region, []).append(each)
        for region, members in regions.items():
            wanted = [each for each in members if not self._has_ended(each)]
            try:
                provider = self._session.provider(region)
                keys = [_key(each.config) for each in wanted if each.config is not None]
                found = provider.statuses(keys) if keys else []
            except RunctlError as error:
                found = [error] * len(wanted)
            for each, status in zip(wanted, found, strict=True):
                each.status = None if isinstance(status, RunctlError) else status
                if isinstance(status, RunctlError):
                    self._guarded(each, partial(_raise, status))

    def _read_groups(self) -> None:
        """The machines that groups have now; a request for each region."""
        regions: dict[str, list[WatchedJob]] = {}
        for each in self._jobs.values():
            if each.config is not None and each.group is not None and not each.is_done:
                regions.setdefault(each.config.placement.region, []).append(each)
        for region, members in regions.items():
            try:
                found = self._session.provider(region).groups([each.group for each in members if each.group])
            except RunctlError as error:
                self._tell_backend(error.what)
                continue
            for each in members:
                group = found.get(each.group or "")
                machine = group.machines[0] if group is not None and group.machines else None
                if machine is not None and each.machine not in (None, machine):
                    if each.config is not None:
                        self.notices.interrupted(each.config, each.machine, "the cloud has made another one")
                    each.machine = machine
                    self._event(each, "replaced", machine=machine, message="by the cloud")
                each.machine = machine or each.machine

    def _has_ended(self, watched: WatchedJob) -> bool:
        status = watched.status
        run = watched.config.run.id if watched.config is not None else None
        return status is not None and status.ended and status.run == run

    def _running(self) -> frozenset[str]:
        """Which of the machines of runs that go on have not ended; a request for each region. Where that
        cannot be asked, all of them: nothing is known to be lost."""
        regions: dict[str, list[str]] = {}
        for each in self._jobs.values():
            if each.config is not None and each.machine is not None and not each.is_done:
                regions.setdefault(each.config.placement.region, []).append(each.machine)
        running: set[str] = set()
        for region, machines in regions.items():
            try:
                running |= self._session.provider(region).running(sorted(machines))
            except RunctlError as error:
                self._tell_backend(error.what)
                running.update(machines)
        return frozenset(running)

    def _look_at(self, watched: WatchedJob, running: frozenset[str]) -> None:
        config = watched.config
        if config is None or watched.given_up is not None:
            return
        self._refuse_another_account(config)
        self._tell_phase(watched)
        seen = Seen(
            config=config,
            status=watched.status,
            machine=watched.machine,
            runs=watched.machine in running,
            was_placed=self._was_placed(watched, config),
            silent_seconds=watched.heartbeat.silent_seconds(
                watched.machine, watched.status, self._session.time.monotonic()
            ),
            has_group=watched.group is not None,
        )
        verdict = judge(seen, hung_seconds=self._options.hung_seconds)
        if isinstance(verdict, Lost):
            self._recover(watched, config, verdict)
            return
        if verdict == "goes-on" and watched.group is not None:
            self._look_at_group(watched, config, watched.group)
        watched.failures = 0
        watched.told.pop("problem", None)

    def _look_at_group(self, watched: WatchedJob, config: StackConfig, group: str) -> None:
        """Tells when the cloud makes no more machines for a run that has not ended."""
        provider = self._session.provider(config.placement.region)
        if watched.group_watch is None:
            watched.group_watch = GroupWatch(provider, group, self._session.reporter)
        last = watched.group_watch.look(has_reported=watched.status is not None)
        if last is not None:
            why = f"{last.reason or 'its group ended'}; `runctl up` goes on from the last checkpoint"
            self._event(watched, "lost", once=last.id, machine=last.id or None, message=why)
            self.notices.interrupted(config, last.id or None, why)

    def _was_placed(self, watched: WatchedJob, config: StackConfig) -> bool:
        """Asked only where it matters: of a run without machine and status."""
        if watched.machine is not None or watched.group is not None or watched.status is not None:
            return True
        if watched.was_placed is None:
            history = self._session.driver.backend.history(watched.name)
            watched.was_placed = history is not None and was_applied(history, config.run.id)
        return watched.was_placed

    def _recover(self, watched: WatchedJob, config: StackConfig, lost: Lost) -> None:
        recovery = "cloud" if watched.group is not None else config.job.recovers_by
        machine = lost.machine.id or None
        if lost.is_hung:
            silent = f"it has not reported for {self._options.hung_seconds:.0f} s or more"
            self._event(watched, "hung", once=machine or "", machine=machine, message=silent)
            self.notices.silent(config, machine or "", self._options.hung_seconds)
        else:
            self._event(watched, "lost", once=machine or "", machine=machine, message=_who(recovery))
            self.notices.interrupted(config, machine, _who(recovery))
        if recovery != "none":
            refuse_unreadable(config, lost)
        if recovery == "runctl":
            self._replace(watched, config, lost)
        elif recovery == "cloud" and lost.is_hung and machine is not None:
            self._session.provider(config.placement.region).terminate([machine])

    def _replace(self, watched: WatchedJob, config: StackConfig, lost: Lost) -> None:
        self._silent_machines(watched, config).refuse_another(lost)
        job = self._session.job(watched.name)
        change = ReplaceUnattended(job, config, lost)
        found = change.run()
        watched.version = None  # read anew
        if change.replaced:
            watched.failures = 0
            place = found.placement
            made = job.compute().instance
            where = f"{place.instance_type} {place.market} in {place.zone}"
            self._event(watched, "replaced", machine=made, message=where)

    def _silent_machines(self, watched: WatchedJob, config: StackConfig) -> SilentMachines:
        if watched.silent is None or watched.silent.run != config.run.id:
            session = self._session
            provider = session.provider(config.placement.region)
            watched.silent = SilentMachines(
                watched.name, config.run.id, provider, session.reporter, session.time
            )
        return watched.silent

    def _refuse_another_account(self, config: StackConfig) -> None:
        """Another account's machines all seem gone."""
        region, held = config.placement.region, config.placement.account
        if region not in self._accounts:
            self._accounts[region] = self._session.provider(region).account().id
        if self._accounts[region] != held:
            raise another_account(config.job.name, held, self._accounts[region])

    def _tell_phase(self, watched: WatchedJob) -> None:
        status = watched.status
        phase = status.phase if status is not None else "starting"
        run = watched.config.run.id if watched.config is not None else None
        if watched.told.get("phase") == (run, phase):
            return
        is_first = "phase" not in watched.told
        watched.told["phase"] = (run, phase)
        name: EventName = "ended" if status is not None and status.ended else "phase"
        message = None if status is None else status.reason
        if name == "ended" and status is not None and watched.config is not None:
            self.notices.ended(watched.config, status, is_news=not is_first)
        self._event(watched, "watching" if is_first and name == "phase" else name, message=message)

    def _event(
        self,
        watched: WatchedJob,
        event: EventName,
        *,
        once: object = None,
        machine: str | None = None,
        message: str | None = None,
    ) -> None:
        """Tells an event; with ``once`` not again while that stays the same."""
        if once is not None:
            if watched.told.get(event) == once:
                return
            watched.told[event] = once
        status = watched.status
        self._tell(
            WatchEvent(
                event=event,
                job=watched.name,
                at=self._session.time.now().isoformat(),
                run=watched.config.run.id if watched.config is not None else None,
                phase=status.phase if status is not None else None,
                machine=machine or watched.machine,
                message=message,
            )
        )

    def _tell_backend(self, problem: str | None) -> None:
        if problem is not None and problem != self._backend_problem:
            self._session.reporter.say(f"not known at the moment: {problem}")
        self._backend_problem = problem


def _raise(error: RunctlError, _watched: WatchedJob) -> None:
    raise error


def _key(config: StackConfig) -> RunKey:
    return RunKey(config.job.name, config.placement.account, config.run.id)


def _who(recovery: Recovery) -> str:
    return {
        "runctl": "a new one is made",
        "cloud": "the cloud makes the next one",
        "none": "recovery: none, so that no other is made",
    }[recovery]


def _told(error: RunctlError) -> str:
    return f"{error.what} {error.next_step}" if error.next_step else error.what
