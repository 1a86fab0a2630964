"""``down``: ends a job and proves that nothing of it is left. Needs the stack alone, no job file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.contract import GRACE_SECONDS, Reason
from runctl_auto.errors import LeakedError, PlanChangedError, PlanOutdatedError
from runctl_auto.jobs.artifacts.fetch import Download
from runctl_auto.jobs.artifacts.of_job import fetch_all_artifacts
from runctl_auto.jobs.bills.last import LastBill
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.graceful_stop import StopOutcome, stop_run
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.recovery import Recovered, recover
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.run_metrics import keep_metrics
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.teardown.blocked import sentence
from runctl_auto.jobs.teardown.deletions import delete_what_can_go
from runctl_auto.jobs.teardown.plan import (
    Teardown,
    decide_teardown,
    plan_teardown,
    planned_deletions,
    refuse_another_source,
)
from runctl_auto.jobs.teardown.preview import TeardownForecast, TeardownPreview
from runctl_auto.jobs.teardown.protected import confirm_included
from runctl_auto.jobs.teardown.receipt import prove_teardown
from runctl_auto.jobs.traces.forward import forward_spans_of
from runctl_auto.leftovers.archive import store
from runctl_auto.leftovers.receipt import Blocked, Deleted, Receipt, deleted_between, kept_in
from runctl_auto.providers.compute import compute_in
from runctl_auto.providers.resource import NOTHING_RELATED
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.source import Source
from runctl_auto.stack.state import StackState


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
    """What ``down`` came to. ``receipt_file`` holds the receipt, which outlives the stack. ``planned`` is
    what the plan was to delete."""

    receipt: Receipt
    stopped: StopOutcome | None
    downloads: tuple[Download, ...]
    receipt_file: Path | None = None
    planned: tuple[Deleted, ...] = ()


def foresee(session: Session, job: str, options: DownOptions, *, in_full: bool = True) -> TeardownForecast:
    """What ``down`` would do with the same options, as things are now. Changes nothing and asks nobody.

    ``in_full``: also looks for what is in no state, as ``down`` does in the end. Blocks. Raises as ``down``,
    but for artifacts that would be lost: these are in the forecast.
    """
    return TeardownPreview(
        session.job(job),
        grace_seconds=options.grace_seconds,
        include_protected=options.include_protected,
        discard_artifacts=options.discard_artifacts,
        looks_for_unmanaged=in_full,
        source=options.source,
    ).run()


def down(
    session: Session, job: str, options: DownOptions, *, expected: Collection[Deleted] | None = None
) -> DownResult:
    """Ends ``job``: graceful stop, artifacts fetched, destroy without what is protected, scan, receipt.

    May be repeated after it, or an ``up``, was killed at any moment. Blocks. What is left that should not be
    is in the receipt (``refuse_leaks`` turns it into an error). Raises ``UnfetchedArtifactsError`` when
    artifacts would be lost, ``ConfirmationNeededError`` when declined, ``UsageError`` in another account.

    ``expected`` is what a person has confirmed: ``PlanChangedError`` when the plan deletes anything else.
    """
    return Down(session.job(job), options, expected).run()


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


class Down(Change[Teardown, DownResult]):
    """Tears a job down."""

    verb = "down"
    patience_seconds = 30.0

    def __init__(self, job: Job, options: DownOptions, expected: Collection[Deleted] | None = None) -> None:
        super().__init__(job)
        self._options = options
        self._expected = expected
        self._deletions: tuple[Deleted, ...] = ()
        self._config: StackConfig | None = None
        self._recovered = Recovered(StackState((), ()))
        self._related = NOTHING_RELATED
        self._stopped: StopOutcome | None = None
        self._downloads: tuple[Download, ...] = ()
        self._blocked: tuple[Blocked, ...] = ()
        self._receipt: Receipt | None = None
        self._bill: LastBill | None = None
        self._receipt_file: Path | None = None

    def open(self) -> None:
        self._config = self.job.config()
        if self._config is not None:
            refuse_another_source(self._config, self._options.source)
            refuse_another_account(self.job, self._config)

    def recover(self) -> None:
        self._recovered = recover(self.job, self._config)

    def decide(self) -> Teardown:
        _refuse_another_state(self.job, self._recovered.state, self._options.state)
        include = self._options.include_protected
        return decide_teardown(self.job, self._config, self._recovered.state, include)

    def configure(self, decision: Teardown) -> None:
        """What the settings protect is protected in the state; the configuration stays."""
        decision.protection.keep_listed(self.job.stack)

    def plan(self, decision: Teardown) -> PlanView | None:
        view = plan_teardown(self.job, decision, self._options.grace_seconds)
        self._deletions = planned_deletions(decision.before, view)
        return view

    def confirm(self, decision: Teardown, view: PlanView) -> None:  # noqa: ARG002
        self._refuse_unexpected()
        what = "Stop the training, delete this" if decision.trains else "Delete this"
        require_confirmation(
            self.session.reporter,
            f"{what} and end job '{self.job.name}'?",
            "Nothing was deleted: the plan was not confirmed.",
            yes=self._options.yes,
            where={"job": self.job.name},
        )
        confirm_included(self.session, self.job.name, decision.protection, self._options.confirmed)

    def _refuse_unexpected(self) -> None:
        if self._expected is None:
            return
        more = [each for each in self._deletions if each not in self._expected]
        if more:
            names = ", ".join(f"{each.name} ({each.id})" for each in more)
            raise PlanChangedError(
                f"Job '{self.job.name}' has changed since its plan was confirmed: {names} would be deleted "
                "too.",
                where={"job": self.job.name},
                next_step="Nothing of it was deleted. Repeat the command to see the new plan.",
            )

    def apply(self, decision: Teardown) -> None:
        if decision.config is None:
            self._destroy_unused(decision.before)
            return
        self._stopped = _stop(self.job, decision.config, decision.before, self._options)
        forward_spans_of(self.job, decision.config, remember=False)
        if not self._options.discard_artifacts:
            self._downloads = fetch_all_artifacts(self.job, decision.before)
            keep_metrics(self.job, decision.before)
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
        return DownResult(self._receipt, self._stopped, self._downloads, self._receipt_file, self._deletions)


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
