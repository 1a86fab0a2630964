"""An entry once an engine has planned it, or could not."""

from __future__ import annotations

from dataclasses import replace

from runctl_auto.engine.violations import with_line
from runctl_auto.errors import ExitCode, RunctlError
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.folder.entry import Action, Entry, failure_of
from runctl_auto.jobs.folder.verdict import REFRESHED
from runctl_auto.jobs.reporting import PlanView


def previewed(entry: Entry, view: PlanView, file: JobFile | None) -> Entry:
    """``entry`` with what ``view`` tells; ``file`` gives the lines of what policies advise. One that is only
    compared with the cloud is unchanged when nothing differs.
    """
    advised = view.plan.advised
    if entry.reason == REFRESHED.reason and not view.plan.changes:
        entry = replace(entry, action="unchanged", reason="in the cloud as its file says")
    return replace(
        entry,
        run=view.run,
        is_previewed=True,
        changes=view.plan.changes,
        unchanged=view.plan.unchanged,
        placement=view.placement,
        cost=view.cost if view.cost is not None else entry.cost,
        cost_before=view.cost_before if view.cost is not None else entry.cost_before,
        advice=tuple(with_line(each, file) for each in advised) if file is not None else advised,
        notes=(*entry.notes, *view.notes),
    )


def not_planned(entry: Entry, error: RunctlError) -> Entry:
    """``entry`` of which ``error`` says why it has no plan."""
    return replace(entry, action=_action(entry, error), error=failure_of(error), cost=entry.cost_before)


def _action(entry: Entry, error: RunctlError) -> Action:
    """What policies and limits forbid is refused, what is wrong with the file invalid; for anything else
    nothing is known to be wrong with the job."""
    if error.exit_code == ExitCode.REFUSED:
        return "refused"
    return "invalid" if error.exit_code == ExitCode.USAGE else entry.action
