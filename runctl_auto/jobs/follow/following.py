"""Follows a run to its end: gives it machines when it loses one, fetches its results, lets its machine go."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from runctl_auto.agent.tracing import spans
from runctl_auto.errors import (
    InterruptionsExhaustedError,
    JobEndedError,
    MachineLostError,
    NoCapacityError,
    NotFoundError,
    StackLockedError,
)
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.artifacts.fetch import Download, fetch_artifacts
from runctl_auto.jobs.capacity_wait import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, until_capacity
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere, refuse_stopped_elsewhere
from runctl_auto.jobs.follow.follow import (
    PATIENCE_WITH_OTHERS_SECONDS,
    Ended,
    Follower,
    Lost,
    Starved,
)
from runctl_auto.jobs.follow.heartbeat import HUNG_SECONDS
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.lost_machine.elastic import rest_goes_on
from runctl_auto.jobs.lost_machine.replace import MAX_REPLACEMENTS, ReplaceMachine, refuse_unreadable
from runctl_auto.jobs.lost_machine.silent import SilentMachines
from runctl_auto.jobs.lost_machine.starved_group import FeedGroup, capacity_seconds
from runctl_auto.jobs.notices.tell import Notices
from runctl_auto.jobs.phase_times import PhaseTimes
from runctl_auto.jobs.release import ReleaseMachine
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.throttling import Result, past_throttling
from runctl_auto.jobs.traces.forward import forward_spans_of
from runctl_auto.jobs.up_result import UpResult, training_failed
from runctl_auto.local.printable import printable
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig

LOCK_POLL_SECONDS = 2.0


class Following:
    """Follows an applied job's run to its end, for ``up``. ``changed``: whether that changed anything."""

    def __init__(
        self,
        job: Job,
        file: JobFile,
        config: StackConfig,
        *,
        changed: bool,
        times: PhaseTimes,
        notices: Notices,
    ) -> None:
        self._session = job.session
        self._job = job
        self._file = file
        self._times = times
        self._config = config
        self._changed = changed
        self._replacements = 0
        self._pause = FIRST_WAIT_SECONDS
        self._notices = notices

    def until_end(self) -> UpResult:
        """Blocks until the run has ended, and gives it a new machine whenever it loses the one it has."""
        job, session = self._job, self._session
        run = self._config.run.id
        follower = Follower(
            job.results,
            job.provider,
            run,
            session.reporter,
            session.time,
            nodes=self._config.job.nodes,
            asks_for_missing=True,
        )
        silent = SilentMachines(job.name, run, job.provider, session.reporter, session.time)
        with self._times.phase("training"), spans.span("up: follow", run=run):
            outcome = self._follow(follower)
            while not isinstance(outcome, Ended):
                if isinstance(outcome, Starved):
                    self._config = self._once_unlocked(partial(self._feed, outcome))
                    outcome = self._follow(follower)
                    continue
                if not outcome.is_missing:
                    self._tell_lost(outcome)
                refuse_unreadable(self._config, outcome)
                if outcome.silent:
                    raise silent.given_up(outcome, outcome.silent)
                if outcome.is_hung and self._config.job.recovers_by == "none":
                    session.reporter.say(_hangs(outcome))
                    outcome = self._follow(follower)
                    continue
                self._refuse_to_replace(outcome)
                silent.refuse_another(outcome)
                self._replacements += not outcome.is_missing
                self._refuse_endless()
                self._make_another(outcome, follower)
                outcome = self._follow(follower)
        self._notices.ended(self._config, outcome.status)
        return self.finish(outcome.status)

    def _make_another(self, lost: Lost, follower: Follower) -> None:
        """Makes a machine in place of a lost one; where enough of several go on without it, and it cannot be
        had, the follower tells when it is time to ask again.
        """
        replacement = partial(self._once_unlocked, partial(self._replace, lost))
        reporter, job = self._session.reporter, self._job
        goes_on = rest_goes_on(job, self._config, job.state())
        try:
            self._config = until_capacity(
                replacement,
                replacement,
                retry=None if goes_on else self._file.spec.retry,
                reporter=reporter,
                time=self._session.time,
            )
            self._pause = FIRST_WAIT_SECONDS
        except NoCapacityError as error:
            if not rest_goes_on(job, self._config, job.state()):
                raise
            reporter.say(f"{error.what} It is asked for again in {self._pause:.0f} s")
            follower.tell_missing_in(self._pause)
            self._pause = min(2 * self._pause, LONGEST_WAIT_SECONDS)

    def finish(self, status: RunStatus) -> UpResult:
        """Fetches artifacts, releases the machine, and tells the result, or what went wrong."""
        refuse_stopped_elsewhere(self._config, status)
        forward_spans_of(self._job, self._config)
        download = self._fetch()
        with self._times.phase("release"):
            try:
                self._patiently(lambda: ReleaseMachine(self._job, self._config).run())
            except (JobEndedError, StackLockedError) as error:  # the run's result is fetched all the same
                self._session.reporter.say(f"the machine is left to another command: {error.what}")
        result = self.result(status, download)
        if not status.succeeded:
            raise training_failed(self._config, status, result)
        return result

    def result(self, status: RunStatus | None = None, download: Download | None = None) -> UpResult:
        """What ``up`` came to so far."""
        return UpResult.of(
            self._config,
            changed=self._changed,
            seconds=self._times.seconds,
            status=status,
            download=download,
            replacements=self._replacements,
            program=self._session.program,
        )

    def _fetch(self) -> Download | None:
        job, run = self._job, self._config.run.id
        working = self._session.reporter.working("fetching artifacts", after=PATIENCE_SECONDS)
        with self._times.phase("bring home"), working:
            try:
                return fetch_artifacts(job.results, run, job.downloads / run)
            except NotFoundError:
                refuse_ended_elsewhere(job, self._config)
                raise

    def _follow(self, follower: Follower) -> Ended | Lost | Starved:
        limit = capacity_seconds(self._config)
        return self._patiently(
            lambda: follower.until_end_or_starved(self._job.compute(), capacity_seconds=limit)
        )

    def _patiently(self, attempt: Callable[[], Result]) -> Result:
        return past_throttling(attempt, self._session.reporter, self._session.time)

    def _feed(self, starved: Starved) -> StackConfig:
        return FeedGroup(self._job, self._file, self._config, starved).run()

    def _replace(self, lost: Lost) -> StackConfig:
        return ReplaceMachine(self._job, self._file, self._config, lost).run()

    def _once_unlocked(self, attempt: Callable[[], StackConfig]) -> StackConfig:
        """What ``attempt`` comes to, once nobody else holds the stack: a command elsewhere knows no claim."""
        time = self._session.time
        deadline = time.monotonic() + PATIENCE_WITH_OTHERS_SECONDS
        while True:
            try:
                return attempt()
            except StackLockedError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(LOCK_POLL_SECONDS)

    def _tell_lost(self, lost: Lost) -> None:
        if lost.is_hung:
            self._notices.silent(self._config, lost.machine.id, HUNG_SECONDS)
        else:
            self._notices.interrupted(self._config, lost.machine.id or None, _why_lost(lost))

    def _refuse_to_replace(self, lost: Lost) -> None:
        """Raises ``MachineLostError`` when runctl is not the one that makes the next machine."""
        config = self._config
        if config.job.recovers_by == "runctl":
            return
        why = f": {lost.machine.reason}" if lost.machine.reason else ""
        raise MachineLostError(
            f"Run {config.run.id} of job '{config.job.name}' lost its machine{why}, and has not ended.",
            where={"job": config.job.name, "run": config.run.id, "machine": lost.machine.id or "none"},
            next_step=f"`runctl logs {config.job.name}` shows its output; `runctl up` goes on from the last "
            f"checkpoint, as a new attempt; `runctl down {config.job.name}` removes everything.",
        )

    def _refuse_endless(self) -> None:
        if self._replacements > MAX_REPLACEMENTS:
            job, run = self._job.name, self._config.run.id
            raise InterruptionsExhaustedError(
                f"Run {run} lost its machine {self._replacements} times.",
                where={"job": job, "run": run},
                next_step=f"`runctl logs {job}` shows why; `runctl up` goes on from the last "
                "checkpoint; spot_policy: on-demand avoids interruptions.",
            )


def _why_lost(lost: Lost) -> str:
    return printable(lost.machine.reason or "it ended, and the run has not")


def _hangs(lost: Lost) -> str:
    return (
        f"machine {lost.machine.id} does not report; recovery: none, so that it is left as it is, and "
        "no other is made"
    )
