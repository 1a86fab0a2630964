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
* follow the run to its end: ``jobs/follow/following.py``; a lost machine is replaced:
  ``jobs/lost_machine/replace.py``, but not one after the other that never reports: ``silent.py`` there
* fetch the artifacts: ``jobs/artifacts/fetch.py``
* take the ended run's machine out of the stack: ``jobs/release.py``
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.saving.lineage import OwnLineage
from runctl_auto.jobs.apply import protect_when_placed
from runctl_auto.jobs.bills.budget_check import refuse_spent_budgets
from runctl_auto.jobs.capacity_wait import until_capacity
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.current_job import NEW_JOB, CurrentJob, current_job
from runctl_auto.jobs.follow.follow import (
    await_end,
)
from runctl_auto.jobs.follow.following import Following
from runctl_auto.jobs.graceful_stop import stop_run
from runctl_auto.jobs.intent import Intent, other_places
from runctl_auto.jobs.lost_machine.elastic import apply_beside_others
from runctl_auto.jobs.notices.tell import Notices
from runctl_auto.jobs.place_again import PlaceAgain
from runctl_auto.jobs.planning import JobFileChange
from runctl_auto.jobs.recovery import recover
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.up_options import START_FROM_NOTHING, AnyUpOptions, nothing_to_start_from
from runctl_auto.jobs.up_result import UpResult
from runctl_auto.local import correlation
from runctl_auto.operations.checkpoint import checkpoints_of, sequence_of
from runctl_auto.providers.compute import compute_in
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.source import Source


@dataclass(frozen=True)
class UpOptions(AnyUpOptions):
    """How ``up`` is asked to work."""

    source: Source | None = None
    """The file of a folder that is applied; None for a job by itself."""
    refresh: bool = False
    """Whether what others have changed is healed also where the job has no machine."""


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
    following = Following(
        change.job,
        change.checked.file,
        applied.config,
        changed=applied.changed,
        times=change.times,
        notices=change.notices,
    )
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
            raise nothing_to_start_from(self.job.name)
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

        with self.times.phase("apply"):
            self._applied_config, _ = apply_beside_others(
                self.job, decision.config, self.current.state, others, refresh=self.refreshes
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
