"""Looks at jobs from the backend, and acts where a machine is lost.

What it looks at is read by ``jobs/watch/reading.py`` and told by ``jobs/watch/telling.py``; an engine is
started only to make a machine, by ``jobs/lost_machine/side_by_side.py``. What it needs to know is in the
stack: a watcher may be ended and started anywhere, and several may watch the same jobs, of which the claim on
a job lets one at a time act (``jobs/claim.py``). Whatever goes wrong with one job is told, and the others
are watched on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
from runctl_auto.jobs.follow.follow import Lost
from runctl_auto.jobs.follow.group import GroupWatch
from runctl_auto.jobs.follow.heartbeat import HUNG_SECONDS
from runctl_auto.jobs.lost_machine.replace import refuse_unreadable
from runctl_auto.jobs.lost_machine.side_by_side import MOST_AT_ONCE, Made, OpenSession, Replacements, Wanted
from runctl_auto.jobs.lost_machine.silent import SilentMachines
from runctl_auto.jobs.notices.tell import Notices
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.right_account import another_account
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.traces.forward import forward_spans
from runctl_auto.jobs.watch.events import WatchEvent
from runctl_auto.jobs.watch.reading import WatchReading
from runctl_auto.jobs.watch.telling import WatchTelling
from runctl_auto.jobs.watch.verdict import Seen, judge, was_applied
from runctl_auto.jobs.watch.watched_job import WatchedJob
from runctl_auto.stack.config import StackConfig

EVERY_SECONDS = 10.0
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

    def __init__(
        self,
        session: Session,
        options: WatchOptions,
        tell: Callable[[WatchEvent], None],
        open_session: OpenSession | None = None,
    ) -> None:
        """``open_session``: for machines that are made side by side, as many as jobs may run."""
        self._session = session
        self._replacements = Replacements(
            session, open_session, min(session.settings.max_parallel_jobs, MOST_AT_ONCE)
        )
        self._options = options
        self._telling = WatchTelling(session, tell)
        self._reading = WatchReading(session, self._telling)
        self._jobs: dict[str, WatchedJob] = {name: WatchedJob(name) for name in options.jobs}
        self._accounts: dict[str, str] = {}
        self._round_at = session.time.monotonic()

    @property
    def notices(self) -> Notices:
        """To people who are not here."""
        return self._telling.notices

    @property
    def is_done(self) -> bool:
        return not self._replacements.any_begun and all(each.is_done for each in self._jobs.values())

    def refuse_unknown(self) -> None:
        """Raises ``JobNotFoundError`` for a name that the backend does not have."""
        if not self._jobs:
            return
        with self._session.reporter.working("looking at the jobs", after=PATIENCE_SECONDS):
            known = self._reading.versions()
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
        self._tell_replaced()
        self._round_at = self._session.time.monotonic()
        try:
            versions = self._reading.versions()
        except (RunctlError, OSError) as error:
            self._telling.backend(str(error))
            return
        self._telling.backend(None)
        for name in sorted(versions) if not self._options.jobs else ():
            if name not in self._jobs or self._jobs[name].is_gone:
                self._jobs[name] = WatchedJob(name)
        for watched in self._jobs.values():
            self._guarded(watched, lambda each: self._reading.stack(each, versions.get(each.name)))
        for name, problem in self._reading.statuses(self._jobs.values()).items():
            self._guarded(self._jobs[name], partial(_raise, problem))
        self._reading.groups(self._jobs.values())
        running = self._reading.running(self._jobs.values())
        for watched in self._jobs.values():
            self._guarded(watched, lambda each: self._look_at(each, running))
        self._tell_replaced()

    def pause(self) -> None:
        """Blocks until the next round is due: at its time, or when a new machine was made."""
        if self._replacements.any_begun:
            self._replacements.wait(self._options.every_seconds)
        else:
            self._session.time.sleep(self._options.every_seconds)

    def finish(self) -> None:
        """Blocks until all machines that were begun are made, and tells them."""
        self._tell_replaced()
        while self._replacements.any_begun:
            self._replacements.wait()
            self._tell_replaced()

    def leave(self) -> None:
        """Begins no more machines, and waits for those that are being made; see ``Replacements.leave``."""
        self._replacements.leave()
        for made in self._replacements.done():
            if made.error is None:  # what failed did so because it was interrupted
                self._take(self._jobs[made.job], made)

    def _guarded(self, watched: WatchedJob, step: Callable[[WatchedJob], None]) -> None:
        """Takes a step with one job, unless it waits after failures; what goes wrong is told."""
        # A pause that ended within a round would have a step act on what an earlier one has not read.
        if watched.is_gone or self._round_at < watched.not_before:
            return
        if self._replacements.has_begun(watched.name):
            return
        self._step(watched, lambda: step(watched))

    def _step(self, watched: WatchedJob, step: Callable[[], object]) -> None:
        try:
            step()
        except StackLockedError as error:
            self._telling.event(
                watched, "left", once=(watched.machine, str(error.owners)), message=error.what
            )
        except JobEndedError as error:
            self._telling.event(watched, "left", once=error.what, message=error.what)
            self._wait(watched)
        except (InterruptionsExhaustedError, MachineNeverReportedError) as error:
            self._give_up(watched, error)
        except RunctlError as error:
            self._telling.event(watched, "problem", once=error.what, message=_told(error))
            self._wait(watched)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            self._telling.event(watched, "problem", once=text, message=text)
            self._wait(watched)

    def _wait(self, watched: WatchedJob) -> None:
        watched.failures += 1
        seconds = min(_FIRST_WAIT_SECONDS * 2 ** (watched.failures - 1), _LONGEST_WAIT_SECONDS)
        watched.not_before = self._session.time.monotonic() + seconds

    def _give_up(self, watched: WatchedJob, error: RunctlError) -> None:
        watched.given_up, watched.given_up_on = error, watched.attempt
        self._telling.event(watched, "given-up", once=watched.given_up_on, message=_told(error))

    def _look_at(self, watched: WatchedJob, running: frozenset[str]) -> None:
        config = watched.config
        if config is None or watched.given_up is not None:
            return
        self._refuse_another_account(config)
        self._telling.phase(watched)
        self._forward_spans(watched, config)
        gone = (each for each in (watched.machine, *watched.other_machines) if each not in running)
        machine = next(gone, watched.machine)
        seen = Seen(
            config=config,
            status=watched.status,
            machine=machine,
            runs=machine in running,
            was_placed=self._was_placed(watched, config),
            silent_seconds=watched.heartbeat.silent_seconds(
                watched.machine, watched.status, self._session.time.monotonic()
            ),
            has_group=watched.group is not None,
            machines=(watched.machine is not None) + len(watched.other_machines),
        )
        verdict = judge(seen, hung_seconds=self._options.hung_seconds)
        if isinstance(verdict, Lost):
            self._recover(watched, config, verdict)
            return
        if verdict == "goes-on" and watched.group is not None:
            self._look_at_group(watched, config, watched.group)
        watched.failures = 0
        watched.told.pop("problem", None)
        if seen.runs:
            watched.told.pop("lost", None)

    def _forward_spans(self, watched: WatchedJob, config: StackConfig) -> None:
        """What the machines of a traced run recorded goes into this command's trace once it has ended."""
        status = watched.status
        if config.trace is None or status is None or not status.ended or watched.traced == config.run.id:
            return
        watched.traced = config.run.id
        provider = self._session.provider(config.placement.region)
        results = provider.results(watched.name, config.placement.account)
        forward_spans(results.objects(), config, status)

    def _look_at_group(self, watched: WatchedJob, config: StackConfig, group: str) -> None:
        """Tells when the cloud makes no more machines for a run that has not ended."""
        provider = self._session.provider(config.placement.region)
        if watched.group_watch is None:
            watched.group_watch = GroupWatch(provider, group, self._session.reporter)
        end = watched.group_watch.look(has_reported=watched.status is not None)
        if end is None:
            return
        last = end.machine
        if end.silent:
            raise self._silent_machines(watched, config).given_up(Lost(last, watched.status), end.silent)
        why = f"{last.reason or 'its group ended'}; `runctl up` goes on from the last checkpoint"
        self._telling.event(watched, "lost", once=last.id, machine=last.id or None, message=why)
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
        if lost.is_missing:
            missing = "a machine that had no place is asked for again"
            self._telling.event(watched, "lost", once="missing", message=missing)
        elif lost.is_hung:
            silent = f"it has not reported for {self._options.hung_seconds:.0f} s or more"
            self._telling.event(watched, "hung", once=machine or "", machine=machine, message=silent)
            self.notices.silent(config, machine or "", self._options.hung_seconds)
        elif machine is not None or "lost" not in watched.told:
            # Without a machine in the state, another command is replacing the one that was told.
            self._telling.event(watched, "lost", once=machine or "", machine=machine, message=_who(recovery))
            self.notices.interrupted(config, machine, _who(recovery))
        if recovery != "none":
            refuse_unreadable(config, lost)
        if recovery == "runctl":
            self._replace(watched, config, lost)
        elif recovery == "cloud" and lost.is_hung and machine is not None:
            self._session.provider(config.placement.region).terminate([machine])

    def _replace(self, watched: WatchedJob, config: StackConfig, lost: Lost) -> None:
        if lost.machine.id:
            machine = self._session.provider(config.placement.region).machine(lost.machine.id)
            lost = replace(lost, machine=machine)
        self._replacements.begin(Wanted(config, lost, self._silent_machines(watched, config)))

    def _tell_replaced(self) -> None:
        for made in self._replacements.done():
            watched = self._jobs[made.job]
            self._step(watched, partial(self._take, watched, made))

    def _take(self, watched: WatchedJob, made: Made) -> None:
        if made.error is not None:
            raise made.error
        watched.version = None  # read anew
        if made.machine is not None and made.config is not None:
            watched.failures = 0
            place = made.config.placement
            where = f"{place.instance_type} {place.market} in {place.zone}"
            self._telling.event(watched, "replaced", machine=made.machine, message=where)

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


def _raise(error: RunctlError, _watched: WatchedJob) -> None:
    raise error


def _who(recovery: Recovery) -> str:
    return {
        "runctl": "a new one is made",
        "cloud": "the cloud makes the next one",
        "none": "recovery: none, so that no other is made",
    }[recovery]


def _told(error: RunctlError) -> str:
    return f"{error.what} {error.next_step}" if error.next_step else error.what
