"""``plan``: shows what ``apply`` would make of a folder of job files.

Where each part lives, all in ``jobs/folder/``:

* find and check the job files: ``job_files.py``
* what the backend and the runs tell, in bulk: ``stacks.py``
* decide what becomes of every job, without an engine: ``verdict.py``, ``look.py``
* the result, as data: ``entry.py``
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runctl_auto.engine.events import Plan
from runctl_auto.engine.executor.contract import Executor, Work
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.check import check_job
from runctl_auto.jobs.folder.entry import CHANGING, Entry, FolderPlan, error_of
from runctl_auto.jobs.folder.look import Looked, look_at_folder
from runctl_auto.jobs.folder.options import FolderOptions
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.folder.previewed import not_planned, previewed
from runctl_auto.jobs.folder.saved_plan import plan_to_save
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.session import Session
from runctl_auto.operations.down import DownOptions, foresee
from runctl_auto.operations.preview import preview
from runctl_auto.stack.plan_file import write_plan_file


def plan(
    session: Session,
    folder: Path,
    options: FolderOptions,
    executor: Executor[Session],
    *,
    out: Path | None = None,
) -> FolderPlan:
    """What ``apply`` would do; saved to the file ``out``, it is what ``apply_saved`` does. Blocks.

    Changes nothing. Engines work only on what differs from what was applied last. Raises ``UsageError`` when
    there is no such folder, or ``out`` cannot be written; all else that is wrong is in the entries.
    """
    looked = look_at_folder(session, folder, options)
    orders = preview_orders(looked.orders, executor)
    if out is not None:
        write_plan_file(out, plan_to_save(session, looked, orders, options))
    return folder_plan(looked, orders)


def preview_orders(orders: Sequence[Order], executor: Executor[Session]) -> tuple[Order, ...]:
    """``orders`` with what engines plan for those that change something. Blocks."""
    works = [Work(each.job, each) for each in orders if each.action in CHANGING and not each.entry.has_failed]
    planned: dict[str, Entry] = {}
    for done in executor.run(works, preview_order):
        order, found = done.work.item, done.result
        if done.error is not None:
            found = not_planned(order.entry, error_of(done.error, order.job))
        assert found is not None  # noqa: S101 - it did not raise
        planned[order.job] = found
    return tuple(replace(each, entry=planned.get(each.job, each.entry)) for each in orders)


def preview_order(session: Session, order: Order) -> Entry:
    """The entry of ``order`` with the engine's plan, or with what went wrong. Changes nothing. Blocks."""
    try:
        if order.path is None:
            options = DownOptions(grace_seconds=order.grace_seconds)
            return previewed(order.entry, _teardown(session, order.job, options), None)
        checked = check_job(order.path)
        view = preview(session, checked, source=order.source, refresh=order.refresh)
        return previewed(order.entry, view, checked.file)
    except RunctlError as error:
        return not_planned(order.entry, error)


def _teardown(session: Session, job: str, options: DownOptions) -> PlanView:
    """The plan to end ``job``; empty for one that was never set up."""
    return foresee(session, job, options, in_full=False).view or PlanView(job, None, Plan((), 0), None)


def folder_plan(looked: Looked, orders: Sequence[Order]) -> FolderPlan:
    """The plan of a folder that was looked at, once ``orders`` are planned."""
    entries = [*(each.entry for each in orders), *looked.errors]
    return FolderPlan(
        folder=looked.files.folder,
        entries=tuple(sorted(entries, key=lambda each: (each.job or "", each.file or ""))),
        others=looked.others,
        removed=looked.removed,
        left_aside=looked.left_aside,
        notes=looked.notes,
    )
