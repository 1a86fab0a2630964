"""``up``: makes the job what its file says, follows the training to its end and fetches the result.

Where each step lives:

* check the job file and the work folder: ``jobs/check.py``, before a session is made
* the order of the steps, the claim, and what is put back when something fails: ``jobs/change.py``
* open or make the stack while the work folder is packaged: ``jobs/planning.py``, ``packaging/``
* recover what an interrupted command left: ``jobs/recovery.py``
* decide run, place and protection: ``jobs/intent.py``; places are offered by ``providers/``
* plan, with policies and prices: ``jobs/planning.py``, ``engine/job_stack.py``
* confirm, and count the jobs that run: ``jobs/confirmation.py``, ``jobs/admission.py``
* stop the run that is replaced: ``jobs/graceful_stop.py``
* apply in the first place that has capacity, then protect: ``jobs/apply.py``
* wait for capacity, and try the places again: ``jobs/capacity_wait.py``, ``jobs/place_again.py``
* follow the run: ``jobs/follow/follow.py``; a lost machine is replaced: ``jobs/lost_machine/replace.py``,
  but not one after the other that never reports: ``jobs/lost_machine/silent.py``
* fetch the artifacts: ``jobs/artifacts/fetch.py``
* take the ended run's machine out of the stack: ``jobs/release.py``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from runctl_auto.agent.contract import GRACE_SECONDS, Phase, Reason
from runctl_auto.agent.saving.lineage import OwnLineage
from runctl_auto.agent.tracing import spans
from runctl_auto.errors import (
    InterruptionsExhaustedError,
    JobEndedError,
    MachineLostError,
    NoCapacityError,
    NotFoundError,
    StackLockedError,
    TrainingFailedError,
    UsageError,
)
from runctl_auto.jobs.apply import apply_in_first_place, protect_when_placed, settle_machine
from runctl_auto.jobs.artifacts.fetch import Download, fetch_artifacts
from runctl_auto.jobs.artifacts.metrics import read_metrics
from runctl_auto.jobs.bills.budget_check import refuse_spent_budgets
from runctl_auto.jobs.capacity_wait import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, until_capacity
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere, refuse_stopped_elsewhere
from runctl_auto.jobs.follow.follow import (
    PATIENCE_WITH_OTHERS_SECONDS,
    Ended,
    Follower,
    Lost,
    Starved,
    await_end,
)
from runctl_auto.jobs.follow.heartbeat import HUNG_SECONDS
from runctl_auto.jobs.graceful_stop import stop_run
from runctl_auto.jobs.intent import NEW_JOB, CurrentJob, Intent, current_job, other_places
from runctl_auto.jobs.lost_machine.elastic import if_refused, rest_goes_on
from runctl_auto.jobs.lost_machine.replace import MAX_REPLACEMENTS, ReplaceMachine, refuse_unreadable
from runctl_auto.jobs.lost_machine.silent import SilentMachines
from runctl_auto.jobs.lost_machine.starved_group import FeedGroup, capacity_seconds
from runctl_auto.jobs.notices.tell import Notices
from runctl_auto.jobs.place_again import PlaceAgain
from runctl_auto.jobs.planning import JobFileChange
from runctl_auto.jobs.recovery import recover
from runctl_auto.jobs.release import ReleaseMachine
from runctl_auto.jobs.reporting import PATIENCE_SECONDS, PlanView
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.throttling import Result, past_throttling
from runctl_auto.jobs.traces.forward import forward_spans_of
from runctl_auto.local import correlation
from runctl_auto.local.printable import printable
from runctl_auto.operations.checkpoint import checkpoints_of, sequence_of
from runctl_auto.operations.up_result import UpResult as UpResult  # noqa: PLC0414 - of this module for others
from runctl_auto.providers.compute import compute_in
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.source import Source

LOCK_POLL_SECONDS = 2.0
START_FROM_NOTHING = "none"


@dataclass(frozen=True)
class UpOptions:
    """How ``up`` is asked to work."""

    yes: bool = False
    detach: bool = False
    rerun: bool = False
    grace_seconds: int = GRACE_SECONDS
    start_from: str | None = None
    """The checkpoint from which a rerun starts: a sequence, or ``none``. None: runctl's own order."""
    source: Source | None = None
    """The file of a folder that is applied; None for a job by itself."""
    refresh: bool = False
    """Whether what others have changed is healed also where the job has no machine."""

    @property
    def afresh(self) -> bool | None:
        """Whether a new run leaves earlier checkpoints; None when that is not said."""
        return None if self.start_from is None else self.start_from == START_FROM_NOTHING


def up(session: Session, job: CheckedJob, options: UpOptions) -> UpResult:
    """Applies ``job``. Blocks until the training has ended unless ``detach``.

    Idempotent: the same file applied twice changes nothing. Raises ``TrainingFailedError`` when the training
    ends without success, ``NoCapacityError`` when no place has capacity, ``ConfirmationNeededError`` when
    the plan was declined.
    """
    change = Up(session, job, options)
    with correlation.about(job=job.spec.name):
        return _told_when_ended(session, job, options, change)


def _told_when_ended(session: Session, job: CheckedJob, options: UpOptions, change: Up) -> UpResult:
    try:
        return _applied_and_followed(session, job, options, change)
    finally:
        change.notices.drain()


def _applied_and_followed(session: Session, job: CheckedJob, options: UpOptions, change: Up) -> UpResult:
    applied = until_capacity(
        change.run,
        change.place_again,
        retry=job.spec.retry,
        reporter=session.reporter,
        time=session.time,
    )
    correlation.note_run(job.spec.name, applied.config.run.id)
    following = _Following(change, applied)
    if options.detach:
        return following.result()
    status = applied.before.status
    if not applied.changed and status is not None and status.ended:
        if status.phase != Phase.STOPPED:
            session.reporter.say(f"run {applied.config.run.id} has ended before; --rerun makes a new attempt")
        return following.finish(status)
    return following.until_end()


@dataclass(frozen=True)
class Applied:
    """A job that is what its file says. ``before`` is the job as it was; ``changed`` is False when that was
    the same."""

    config: StackConfig
    before: CurrentJob
    changed: bool


class Up(JobFileChange[Applied]):
    """Applies a job file."""

    verb = "up"

    def __init__(self, session: Session, checked: CheckedJob, options: UpOptions) -> None:
        super().__init__(
            session,
            checked,
            rerun=options.rerun,
            afresh=options.afresh,
            source=options.source,
            refresh=options.refresh,
        )
        self.checked = checked
        self._options = options
        self._changed = False
        self._applied_config: StackConfig | None = None
        self._wanted: Protection | None = None
        self._start: str | None = None
        self.notices = Notices(session, "up")

    def recover(self) -> None:
        with self.times.phase("prepare"):
            if self.job.is_new:
                self.current = NEW_JOB
            else:
                self.current = current_job(self.job, self.config, recover(self.job, self.config).state)

    def decide(self) -> Intent:
        notes = self._start_notes()
        intent = super().decide()
        self._applied_config, self._wanted = intent.config, intent.wanted
        return replace(intent, notes=(*intent.notes, *notes))

    def _start_notes(self) -> tuple[str, ...]:
        """What the plan says of the checkpoint that was asked for. Raises ``UsageError`` if there is none."""
        wanted = self._options.start_from
        if wanted is None:
            return ()
        if self.current.config is None:
            raise UsageError(
                f"Job '{self.job.name}' has never run: there is no checkpoint to start from.",
                where={"job": self.job.name},
                next_step="Repeat without --from.",
            )
        if wanted == START_FROM_NOTHING:
            return ("the run starts afresh; earlier checkpoints stay in the bucket",)
        self._start = checkpoints_of(self.job).complete(sequence_of(wanted)).sequence
        return (f"the run starts from checkpoint {self._start}",)

    def has_changes(self, decision: Intent, view: PlanView) -> bool:
        self._changed = bool(view.plan.changes) or decision.config.protection != decision.wanted
        return self._changed

    def confirm(self, decision: Intent, view: PlanView) -> None:  # noqa: ARG002
        self.notices.budgets(self.budgets)
        refuse_spent_budgets(self.session, self.job.name, self.budgets)
        require_confirmation(
            self.session.reporter,
            "Apply this?",
            "Nothing was changed: the plan was not confirmed.",
            yes=self._options.yes,
            where={"job": self.job.name},
        )

    def apply(self, decision: Intent) -> None:
        self._stop_replaced_run(decision)
        if self._start is not None:
            OwnLineage(self.job.results.objects(), decision.config.run.lineage).choose(self._start)

        def others() -> Iterator[Placement]:
            yield from decision.places[1:] or other_places(self.session, decision.config, self.current)

        elsewhere, clear = if_refused(self.job, decision.config, self.current.state, others)
        with self.times.phase("apply"):
            self._applied_config, _ = apply_in_first_place(
                self.job.stack,
                decision.config,
                elsewhere(),
                self.session.reporter,
                refresh=self.refreshes,
                settle=partial(settle_machine, self.job),
                clear=clear,
                now=self.session.time.now,
            )

    def record(self, decision: Intent) -> None:
        """Protection begins once the job is placed."""
        assert self._applied_config is not None  # noqa: S101 - apply set it
        with self.times.phase("apply"):
            self._applied_config = protect_when_placed(
                self.job.stack, self._applied_config, decision.wanted, self.session.reporter
            )

    def result(self) -> Applied:
        assert self._applied_config is not None  # noqa: S101 - decide set it
        return Applied(self._applied_config, self.current, self._changed)

    def place_again(self) -> Applied:
        """Tries the places of the decided run anew, once all have refused."""
        assert self._applied_config is not None  # noqa: S101 - decide set it
        assert self._wanted is not None  # noqa: S101 - decide set it
        with self.times.phase("apply"):
            again = PlaceAgain(self.job, self.checked.file, self._applied_config, self._wanted)
            self._applied_config = again.run()
        return self.result()

    def _stop_replaced_run(self, intent: Intent) -> None:
        before = self.current
        compute = compute_in(before.state)
        if not intent.replaces_active_run or before.config is None or not compute.exists:
            return
        place, time = before.config.placement, self.session.time
        provider = self.session.provider(place.region)
        with self.times.phase("stop"), self.session.reporter.working("stopping the run that is replaced"):
            outcome = stop_run(
                provider.results(self.job.name, place.account),
                before.config.run.id,
                reason=Reason.REPLACE,
                grace_seconds=self._options.grace_seconds,
                machine_runs=lambda: compute.now(provider).has_machine,
                sleep=time.sleep,
                clock=time.monotonic,
            )
            if compute.group:
                provider.end_group(compute.group)
            for machine in compute.now(provider).all:
                await_end(provider, machine, time)
        if outcome.how == "late":
            self.session.reporter.say("the run did not stop in time; it goes on from its last checkpoint")


class _Following:
    """Follows an applied job's run to its end."""

    def __init__(self, change: Up, applied: Applied) -> None:
        self._session = change.session
        self._job = change.job
        self._file = change.checked.file
        self._times = change.times
        self._config = applied.config
        self._changed = applied.changed
        self._replacements = 0
        self._pause = FIRST_WAIT_SECONDS
        self._notices = change.notices

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
            reporter.say(f"{error.what} The others go on; asking again in {self._pause:.0f} s")
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
        config = self._config
        return UpResult(
            job=config.job.name,
            run=config.run.id,
            attempt=config.run.attempt,
            placement=config.placement,
            changed=self._changed,
            status=status,
            download=download,
            metrics=read_metrics(download),
            seconds=self._times.seconds,
            replacements=self._replacements,
            program=self._session.program,
            trail=config.trail,
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


def training_failed(config: StackConfig, status: RunStatus, result: UpResult) -> TrainingFailedError:
    how = f"with exit code {status.exit_code}" if status.exit_code is not None else f"({status.reason})"
    verb = "was stopped" if status.phase == Phase.STOPPED else "failed"
    where = {"job": config.job.name, "run": config.run.id}
    if status.reason:
        where["reason"] = status.reason
    if result.download is not None:
        where["artifacts"] = str(result.download.folder)
    message = f": {status.message}" if status.message else ""
    again = "`runctl up --rerun` tries again"
    if status.reason == Reason.LEFT_PROCESSES:  # it would end the same way
        again = "let `run` end with `wait`, or set background: wait or stop, then `runctl up --rerun`"
    if status.phase == Phase.STOPPED:
        again = f"`runctl resume {config.job.name}` continues it"
    return TrainingFailedError(
        f"The training of job '{config.job.name}' {verb} {how}{message}.",
        training_exit_code=status.exit_code,
        where=where,
        next_step=f"`runctl logs {config.job.name}` shows its output; {again}; "
        f"`runctl down {config.job.name}` removes everything.",
    )
