"""``apply``: makes the jobs of a folder what their files say.

A job goes the way that ``up``, ``watch`` and ``down`` go: what differs from its file as ``up`` applies it,
what lost its machine as ``watch`` brings it back, what is pruned as ``down`` ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runctl_auto.agent.contract import GRACE_SECONDS
from runctl_auto.engine.executor.contract import Done, Executor, Work
from runctl_auto.errors import RunctlError, UsageError
from runctl_auto.jobs.bills.budget_check import refuse_spent_budgets
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.check import CheckedJob, check_job
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.folder.bound import in_planned_place, refuse_other_changes, refuse_other_state
from runctl_auto.jobs.folder.changes import bring_back, release
from runctl_auto.jobs.folder.entry import (
    Entry,
    EntryResult,
    Failure,
    FolderPlan,
    FolderResult,
    Outcome,
    error_of,
    failure_of,
)
from runctl_auto.jobs.folder.look import Looked, look_at_folder
from runctl_auto.jobs.folder.options import FolderOptions
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.folder.previewed import previewed
from runctl_auto.jobs.folder.repository import repository_of
from runctl_auto.jobs.folder.saved_plan import (
    held_to,
    options_of,
    place_of,
    refuse_old,
    refuse_other_ground,
)
from runctl_auto.jobs.follow.follow import PATIENCE_WITH_OTHERS_SECONDS
from runctl_auto.jobs.intent import Intent
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.session import Session
from runctl_auto.operations.down import Down, DownOptions, refuse_leaks
from runctl_auto.operations.plan import folder_plan, preview_orders
from runctl_auto.operations.up import Up, UpOptions
from runctl_auto.stack.plan_file import PlanFile, read_plan_file


@dataclass(frozen=True, kw_only=True)
class ApplyOptions:
    """``yes``: nobody is asked, and nothing is planned before. ``continue_on_error``: the others are begun
    although one failed. ``grace_seconds``: for a run that is replaced or ended. ``discard_artifacts``: of
    jobs that are ended."""

    yes: bool = False
    continue_on_error: bool = False
    grace_seconds: int = GRACE_SECONDS
    discard_artifacts: bool = False


def apply(
    session: Session,
    folder: Path,
    options: FolderOptions,
    executor: Executor[Session],
    *,
    how: ApplyOptions,
    show: Callable[[FolderPlan], None],
) -> FolderResult:
    """Makes the jobs of ``folder`` what their files say. Blocks until that is done, not until runs end.

    ``show`` gets the plan before anything is changed. May be repeated after it was killed at any moment.
    Raises ``UsageError`` when there is no such folder, ``ConfirmationNeededError`` when declined; what goes
    wrong with a job is in its result.
    """
    options = replace(options, grace_seconds=how.grace_seconds, discard_artifacts=how.discard_artifacts)
    looked = look_at_folder(session, folder, options)
    orders = looked.orders
    if not how.yes:
        orders = tuple(_as_planned(each) for each in preview_orders(orders, executor))
    return _applied(session, looked, orders, executor, how=how, show=show)


def apply_saved(
    session: Session,
    file: Path,
    max_age_seconds: float,
    executor: Executor[Session],
    *,
    how: ApplyOptions,
    show: Callable[[FolderPlan], None],
) -> FolderResult:
    """Carries out the plan in ``file``, all of it and nothing else. Blocks, and raises as ``apply`` does.

    Raises ``PlanOutdatedError`` that names all that moved since, before anything is changed.
    """
    plan = read_plan_file(file)
    refuse_old(plan, session.time.now(), max_age_seconds)
    refuse_other_ground(plan, session)
    options = replace(
        options_of(plan), grace_seconds=how.grace_seconds, discard_artifacts=how.discard_artifacts
    )
    looked = look_at_folder(session, _folder_of(plan, session), options)
    return _applied(session, looked, held_to(plan, looked), executor, how=how, show=show)


def _folder_of(plan: PlanFile, session: Session) -> Path:
    root = repository_of(session.folders.root).root
    folder = (root / plan.folder).resolve()
    if not folder.is_relative_to(root):
        raise UsageError(
            f"The plan is for {plan.folder}, which is not in {root}.", next_step="Plan again, and apply that."
        )
    return folder


def _as_planned(order: Order) -> Order:
    """``order``, held to the plan that is shown and confirmed."""
    placement = order.entry.placement
    place = None if placement is None else place_of(placement)
    return replace(order, place=place, is_bound=order.entry.is_previewed)


def _applied(
    session: Session,
    looked: Looked,
    orders: Sequence[Order],
    executor: Executor[Session],
    *,
    how: ApplyOptions,
    show: Callable[[FolderPlan], None],
) -> FolderResult:
    plan = folder_plan(looked, orders)
    show(plan)
    if plan.has_changes:
        require_confirmation(
            session.reporter,
            f"Apply this to {len(plan.changing)} jobs?",
            "Nothing was changed: the plan was not confirmed.",
            yes=how.yes,
            where={"folder": str(plan.folder)},
        )
    results = carry_out_all(orders, executor, continue_on_error=how.continue_on_error)
    return folder_result(plan, results)


def carry_out_all(
    orders: Sequence[Order], executor: Executor[Session], *, continue_on_error: bool
) -> Mapping[str, EntryResult]:
    """The results of all orders that change something and were begun, by job."""
    works = [Work(each.job, each) for each in orders if each.entry.is_change]
    results: dict[str, EntryResult] = {}

    def goes_on(done: Done[Order, EntryResult]) -> bool:
        return continue_on_error or (done.result is not None and done.result.error is None)

    for done in executor.run(works, carry_out, goes_on=goes_on):
        order, found = done.work.item, done.result
        if done.error is not None:
            failure = failure_of(error_of(done.error, order.job))
            found = EntryResult(entry=order.entry, outcome="failed", error=failure)
        assert found is not None  # noqa: S101 - it did not raise
        results[order.job] = found
    return results


def folder_result(plan: FolderPlan, results: Mapping[str, EntryResult]) -> FolderResult:
    """The result of applying ``plan``; entries without one in ``results`` had nothing to do, are refused, or
    were not begun."""
    return FolderResult(plan=plan, results=tuple(_result(each, results) for each in plan.entries))


def _result(entry: Entry, results: Mapping[str, EntryResult]) -> EntryResult:
    found = results.get(entry.job or "") if entry.is_change else None
    if found is not None:
        return found
    if entry.error is not None:
        return EntryResult(entry=entry, outcome="failed", error=entry.error)
    return EntryResult(entry=entry, outcome="not-begun" if entry.is_change else "nothing-to-do")


def carry_out(session: Session, order: Order) -> EntryResult:
    """Carries out one entry. Blocks. What goes wrong is in the result."""
    began = session.time.monotonic()
    entry = order.entry
    outcome: Outcome = "failed"
    failure: Failure | None = None
    try:
        entry, is_changed = _carried_out(session, order)
        outcome = "done" if is_changed else "nothing-to-do"
    except RunctlError as error:
        failure = failure_of(error)
    session.reporter.say(outcome if failure is None else f"failed: {failure.what}")
    return EntryResult(entry=entry, outcome=outcome, error=failure, seconds=session.time.monotonic() - began)


def _carried_out(session: Session, order: Order) -> tuple[Entry, bool]:
    """The entry as it was applied, and whether that changed something."""
    job = session.job(order.job)
    if order.action == "destroy":
        return _ended(session, order), True
    if order.action == "finished":
        return order.entry, release(job)
    if order.action == "bring-back" and not order.needs_file:
        return order.entry, bring_back(job)
    assert order.path is not None  # noqa: S101 - only a job to be ended has none
    change = ApplyFile(session, check_job(order.path), order)
    applied = change.run()
    entry = order.entry if change.view is None else previewed(order.entry, change.view, change.checked.file)
    return replace(entry, run=applied.config.run.id, placement=applied.config.placement), applied.changed


def _ended(session: Session, order: Order) -> Entry:
    options = DownOptions(
        yes=True,
        discard_artifacts=order.discard_artifacts,
        grace_seconds=order.grace_seconds,
        source=order.source,
        state=order.state if order.is_bound else None,
    )
    change = Down(session.job(order.job), options)
    refuse_leaks(change.run().receipt)
    return order.entry if change.view is None else previewed(order.entry, change.view, None)


class ApplyFile(Up):
    """Applies a job file of a folder, as ``up`` applies one by itself and asks nobody.

    It waits for another command that works on the job. An update that changes no resource is made all the
    same when the stack does not record what was applied, so that the next look sees it.
    """

    verb = "apply"
    patience_seconds = PATIENCE_WITH_OTHERS_SECONDS
    confirm = Change.confirm
    """The plan of the folder is confirmed as a whole."""

    def __init__(self, session: Session, checked: CheckedJob, order: Order) -> None:
        super().__init__(
            session,
            checked,
            UpOptions(
                yes=True,
                detach=True,
                grace_seconds=order.grace_seconds,
                source=order.source,
                refresh=order.refresh,
            ),
        )
        self._order = order

    def decide(self) -> Intent:
        if self._order.is_bound:
            refuse_other_state(self._order, None if self.job.is_new else self.current.state)
        intent = super().decide()
        return in_planned_place(self._order, intent) if self._order.is_bound else intent

    def has_changes(self, decision: Intent, view: PlanView) -> bool:
        if self._order.is_bound:
            refuse_other_changes(self._order, view)
        is_needed = super().has_changes(decision, view) or not self._is_recorded(decision)
        if is_needed:
            refuse_spent_budgets(self.session, self.job.name, self.budgets)
        return is_needed

    def _is_recorded(self, decision: Intent) -> bool:
        history = self.session.driver.backend.history(self.job.name)
        if not history or not history[0].is_complete_update:
            return False
        recorded = parse_config(history[0].config)
        return recorded is not None and recorded.fingerprint == decision.config.fingerprint
