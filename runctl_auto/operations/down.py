"""``down``: ends a job and proves that nothing of it is left. Needs the stack alone, no job file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from runctl_auto.agent.contract import GRACE_SECONDS, Reason, artifacts_prefix
from runctl_auto.engine.events import Plan
from runctl_auto.errors import (
    CloudError,
    JobEndedError,
    LeakedError,
    PlanOutdatedError,
    UnfetchedArtifactsError,
)
from runctl_auto.jobs.artifacts import Download, fetch_artifacts
from runctl_auto.jobs.blocked_deletions import sentence
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.graceful_stop import StopOutcome, stop_run
from runctl_auto.jobs.intent import observed_state
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.last_bill import LastBill
from runctl_auto.jobs.protected_teardown import (
    TeardownProtection,
    confirm_included,
    teardown_protection,
)
from runctl_auto.jobs.recovery import Recovered, recover
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.teardown_deletions import delete_what_can_go
from runctl_auto.jobs.teardown_receipt import prove_teardown
from runctl_auto.leftovers.archive import store
from runctl_auto.leftovers.receipt import Blocked, Receipt, deleted_between, kept_in
from runctl_auto.local.printable import printable
from runctl_auto.providers.compute import compute_in
from runctl_auto.providers.contract import MOST_RUNS, Results
from runctl_auto.providers.resource import NOTHING_RELATED
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.source import Source
from runctl_auto.stack.state import BUCKET, StackState

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class DownOptions:
    """How ``down`` is asked to work."""

    yes: bool = False
    discard_artifacts: bool = False
    grace_seconds: int = GRACE_SECONDS
    include_protected: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    source: Source | None = None
    """The job is ended only if it was applied from this file of a folder; None: whatever it was."""
    state: str | None = None
    """The job is ended only if its state still has this version; None: whatever it is."""


@dataclass(frozen=True)
class DownResult:
    """What ``down`` came to. ``receipt_file`` holds the receipt, which outlives the stack."""

    receipt: Receipt
    stopped: StopOutcome | None
    downloads: tuple[Download, ...]
    receipt_file: Path | None = None


def down(session: Session, job: str, options: DownOptions) -> DownResult:
    """Ends ``job``: graceful stop, artifacts fetched, destroy without what is protected, scan, receipt.

    May be repeated after it, or an ``up``, was killed at any moment. Blocks. What is left that should not be
    is in the receipt (``refuse_leaks`` turns it into an error). Raises ``UnfetchedArtifactsError`` when
    artifacts would be lost, ``ConfirmationNeededError`` when declined, ``UsageError`` in another account.
    """
    return Down(session.job(job), options).run()


def refuse_leaks(receipt: Receipt) -> None:
    """Raises ``LeakedError`` when the receipt names something that should not be there, or has a gap."""
    if receipt.is_complete:
        return
    refused = [sentence(each) for each in receipt.blocked]
    leaked = [f"{each.kind} {each.id}" for each in receipt.leaked]
    unseen = [f"{each.kind} could not be looked for" for each in receipt.unchecked]
    raise LeakedError(
        f"Teardown of job '{receipt.job}' is incomplete: {'; '.join((*refused, *leaked, *unseen))}.",
        receipt=receipt.as_json(),
        where={"job": receipt.job},
        next_step=_next_step(receipt),
    )


def _next_step(receipt: Receipt) -> str:
    if receipt.blocked:
        return receipt.blocked[0].next_step
    by_hand = f", or remove by hand: {receipt.leaked[0].remove}" if receipt.leaked else ""
    return f"Repeat `runctl down {receipt.job}`{by_hand}"


@dataclass(frozen=True)
class Teardown:
    """The decision. ``config`` is None for a job that was never set up, of which there is only a stack."""

    config: StackConfig | None
    before: StackState
    protection: TeardownProtection = field(default_factory=TeardownProtection)
    trains: bool = False


class _PlannedTeardown(Change[Teardown, ResultT]):
    """The steps of a teardown up to its plan."""

    def __init__(self, job: Job, options: DownOptions) -> None:
        super().__init__(job)
        self._options = options
        self._config: StackConfig | None = None
        self._recovered = Recovered(StackState((), ()))

    def open(self) -> None:
        self._config = self.job.config()
        if self._config is not None:
            _refuse_another_source(self._config, self._options.source)
            refuse_another_account(self.job, self._config)

    def decide(self) -> Teardown:
        before, config = self._recovered.state, self._config
        _refuse_another_state(self.job, before, self._options.state)
        if config is None:
            return Teardown(None, before)
        include = self._options.include_protected
        protection = teardown_protection(self.session, self.job.name, before, include)
        return Teardown(config, before, protection, _is_training(self.job, config, before))

    def plan(self, decision: Teardown) -> PlanView | None:
        if decision.config is None:
            return None
        before, protection = decision.before, decision.protection
        plan = Plan((), 0)
        if before.resources:
            with self.session.reporter.working("planning"):
                plan = self.job.stack.preview_destroy()
        plan = replace(plan, changes=(*plan.changes, *protection.deletions(before)))
        grace = self._options.grace_seconds
        first = f"the training is running: it gets {grace} s to save its checkpoint and is stopped"
        notes = (*((first,) if decision.trains else ()), *protection.kept(before), *protection.notes)
        return PlanView(self.job.name, decision.config.run.id, plan, None, notes)


class PreviewDown(_PlannedTeardown[PlanView]):
    """What ``down`` would delete. Changes and recovers nothing."""

    verb = "preview-down"

    def recover(self) -> None:
        self._recovered = Recovered(observed_state(self.job))

    def result(self) -> PlanView:
        return self.view or PlanView(self.job.name, None, Plan((), 0), None)


class Down(_PlannedTeardown[DownResult]):
    """Tears a job down."""

    verb = "down"
    patience_seconds = 30.0

    def __init__(self, job: Job, options: DownOptions) -> None:
        super().__init__(job, options)
        self._related = NOTHING_RELATED
        self._stopped: StopOutcome | None = None
        self._downloads: tuple[Download, ...] = ()
        self._blocked: tuple[Blocked, ...] = ()
        self._receipt: Receipt | None = None
        self._bill: LastBill | None = None
        self._receipt_file: Path | None = None

    def recover(self) -> None:
        self._recovered = recover(self.job, self._config)

    def configure(self, decision: Teardown) -> None:
        """What the settings protect is protected in the state; the configuration stays."""
        decision.protection.keep_listed(self.job.stack)

    def confirm(self, decision: Teardown, view: PlanView) -> None:  # noqa: ARG002
        what = "Stop the training, delete this" if decision.trains else "Delete this"
        require_confirmation(
            self.session.reporter,
            f"{what} and end job '{self.job.name}'?",
            "Nothing was deleted: the plan was not confirmed.",
            yes=self._options.yes,
            where={"job": self.job.name},
        )
        confirm_included(self.session, self.job.name, decision.protection, self._options.confirmed)

    def apply(self, decision: Teardown) -> None:
        if decision.config is None:
            self._destroy_unused(decision.before)
            return
        self._stopped = _stop(self.job, decision.config, decision.before, self._options)
        if not self._options.discard_artifacts:
            self._downloads = _fetch_all(self.job, decision.before)
        self._bill = LastBill.before_teardown(self.job, decision.config, decision.before)
        self._related = self.job.scanner(decision.config).relations(decision.before)
        has_ended = self._stopped is not None and self._stopped.how in ("stopped", "ended-before")
        self._blocked = delete_what_can_go(
            self.job, decision.config, decision.before, decision.protection, has_ended=has_ended
        )

    def _destroy_unused(self, before: StackState) -> None:
        if before.in_cloud():
            with self.session.reporter.working("deleting"):
                self.job.stack.destroy()

    def record(self, decision: Teardown) -> None:
        """Proves what is gone, removes the stack when all is, and writes the receipt."""
        if decision.config is None:
            self._receipt = _remove_unused(self.job, decision.before)
            return
        session = self.session
        self._receipt = prove_teardown(
            self.job,
            decision.config,
            self._recovered,
            self._related,
            self._blocked,
            run=decision.config.run.id,
        )
        self._receipt_file = store(self._receipt, session.folders.make_private(), session.time.now())
        if self._bill is not None:
            self._bill.after_teardown({each.id for each in self._receipt.deleted})

    def result(self) -> DownResult:
        assert self._receipt is not None  # noqa: S101 - record made it
        return DownResult(self._receipt, self._stopped, self._downloads, self._receipt_file)


def _refuse_another_source(config: StackConfig, source: Source | None) -> None:
    """Raises ``JobEndedError`` when the job was applied from another file since it was to be ended."""
    if source is not None and config.source != source:
        raise JobEndedError(
            f"Job '{config.job.name}' is not ended: it was applied from another file meanwhile.",
            where={"job": config.job.name},
            next_step="Plan again.",
        )


def _refuse_another_state(job: Job, state: StackState, planned: str | None) -> None:
    if planned is not None and state.version != planned:
        raise PlanOutdatedError(
            f"The plan for job '{job.name}' is outdated: another command has changed the job since.",
            where={"job": job.name},
            next_step="Plan again, and apply that.",
        )


def _remove_unused(job: Job, before: StackState) -> Receipt:
    """A stack that was made and never configured holds nothing."""
    after = job.state()
    is_empty = not after.in_cloud()
    if is_empty:
        job.stack.remove()
    return Receipt(job.name, deleted_between(before, after), kept_in(after), (), stack_removed=is_empty)


def _is_training(job: Job, config: StackConfig, state: StackState) -> bool:
    if not compute_in(state).exists:
        return False
    status = job.status(config.run.id)
    return (status is None or not status.ended) and job.compute_now(state).runs


def _stop(job: Job, config: StackConfig, state: StackState, options: DownOptions) -> StopOutcome | None:
    """Stops the run that is active, and sees to it that it gets no other machine; None when there is none to
    stop."""
    compute = compute_in(state)
    session = job.session
    with session.reporter.working("stopping the training"):
        outcome = stop_run(
            job.results,
            config.run.id,
            reason=Reason.DOWN,
            grace_seconds=options.grace_seconds,
            machine_runs=lambda: compute.now(job.provider).has_machine,
            sleep=session.time.sleep,
            clock=session.time.monotonic,
        )
    if outcome.how == "late":
        session.reporter.say("the training did not stop in time; it is ended now")
    if compute.group:
        job.provider.end_group(compute.group)
    return outcome if compute.exists else None


def _fetch_all(job: Job, state: StackState) -> tuple[Download, ...]:
    """Artifacts of all runs that left some. What cannot be fetched stops the teardown, once all others are
    here.
    """
    if state.first(BUCKET) is None:
        return ()
    results, folder = job.results, job.downloads
    fetched: list[Download] = []
    refused: list[UnfetchedArtifactsError] = []
    with job.session.reporter.working("fetching artifacts"):
        runs = results.runs()
        for run in runs:
            try:
                _refuse_incomplete(results, run)
                found = fetch_artifacts(results, run, folder / run)
            except UnfetchedArtifactsError as error:
                refused.append(error)
                continue
            if found is not None:
                fetched.append(found)
    for other in refused[1:]:
        job.session.reporter.say(printable(other.what))
    if refused:
        raise refused[0]
    if len(runs) >= MOST_RUNS:
        raise UnfetchedArtifactsError(
            f"The bucket names more than {MOST_RUNS} runs of job '{job.name}', and not all were looked at.",
            where={"bucket": results.name, "job": job.name},
            next_step="Look at runs/ in the bucket; --discard-artifacts gives up what was not fetched.",
        )
    return tuple(fetched)


def _refuse_incomplete(results: Results, run: str) -> None:
    """Refuses a run whose artifacts are not all in the bucket."""
    if results.has_unlisted_artifacts(run):
        raise UnfetchedArtifactsError(
            f"Run {run} was writing its artifacts when its machine ended: some are in the bucket, and no "
            "list of them.",
            where={"bucket": results.name, "run": run},
            next_step=f"Fetch {artifacts_prefix(run)} by hand or let `runctl up` finish the run; "
            "--discard-artifacts gives them up.",
        )
    _refuse_never_stored(results, run)


def _refuse_never_stored(results: Results, run: str) -> None:
    """Refuses a run that has ended and could store none of its artifacts."""
    try:
        status = results.status(run)
    except CloudError:  # nothing is known of it: then nothing is known to be lost
        return
    lost = status.unsaved_artifacts if status is not None and status.ended else None
    if lost is not None and results.artifacts(run) is None:
        raise UnfetchedArtifactsError(
            f"Run {run} has ended and could not store its artifacts: {lost}",
            where={"bucket": results.name, "run": run},
            next_step="Its last checkpoint may hold what is needed: `runctl checkpoint pull JOB` fetches it; "
            "--discard-artifacts gives the artifacts up.",
        )
