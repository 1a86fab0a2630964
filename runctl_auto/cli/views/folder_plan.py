"""A folder's plan and what came of it, as lines."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.jobs.folder.entry import SIGNS, Entry, EntryResult, FolderPlan, FolderResult
from runctl_auto.reports.figures import rate_text, spent_text

_MOST_UNCHANGED = 10


def plan_lines(plan: FolderPlan, *, every_job: bool) -> Iterator[str]:
    """What is told of a plan before it is confirmed."""
    yield f"Plan for {plan.folder}"
    quiet = [each for each in plan.entries if not each.is_change and not each.has_failed]
    width = max((len(each.title) for each in plan.entries), default=0)
    for each in plan.entries:
        if each.is_change or each.has_failed or every_job or len(quiet) <= _MOST_UNCHANGED:
            yield from _entry(each, width)
    yield f"  {counts_text(plan)}"
    if all(each.is_previewed or each.cost is not None or each.action == "destroy" for each in plan.changing):
        yield from _costs(plan)
    for other in plan.others:
        yield f"  not a job: {other.file}: {other.what}"
    for removed in plan.removed:
        yield f"  its file {removed.file} is gone: {removed.job}; --prune ends it"
    if plan.left_aside:
        yield f"  not looked at: {plan.left_aside}, as the options ask"
    for note in plan.notes:
        yield f"  {note}"


def counts_text(plan: FolderPlan) -> str:
    """``2 to create, 1 refused, 997 unchanged``."""
    words = {"create": "to create", "update": "to update", "bring-back": "to bring back", "destroy": "to end"}
    told = [f"{count} {words.get(action, action)}" for action, count in plan.counts.items() if count]
    return ", ".join(told) or "no jobs"


def result_lines(result: FolderResult) -> Iterator[str]:
    """What is told once a folder was applied."""
    width = max((len(each.entry.title) for each in result.results), default=0)
    quiet = 0
    for each in result.results:
        if each.outcome == "nothing-to-do" and not each.entry.is_change:
            quiet += 1
            continue
        yield _result(each, width)
        if each.error is not None:
            yield from _error(each.error.text, each.error.next_step)
    if quiet:
        yield f"  {quiet} with nothing to do"


def _entry(entry: Entry, width: int) -> Iterator[str]:
    counts = ", ".join(f"{count} to {operation}" for operation, count in entry.resources.items())
    cost = _cost(entry)
    told = "; ".join(filter(None, [entry.reason, counts, cost]))
    yield f"{SIGNS[entry.action]} {entry.title:<{width}}  {entry.action}: {told}"
    if entry.error is not None:
        yield from _error(_more(entry), entry.error.next_step)
    for each in entry.advice:
        yield f"      policy: {each}"
    for note in entry.notes:
        yield f"      {note}"


def _more(entry: Entry) -> str:
    """What an error tells beyond the reason."""
    first, _, rest = entry.error.text.partition("\n") if entry.error else ("", "", "")
    return rest if first.rstrip(".") == entry.reason else f"{first}\n{rest}"


def _result(result: EntryResult, width: int) -> str:
    entry = result.entry
    counts = ", ".join(f"{operation} {count}" for operation, count in entry.resources.items())
    took = f"{result.seconds:.1f} s" if result.seconds else ""
    more = "; ".join(filter(None, [counts, took]))
    return f"  {entry.title:<{width}}  {entry.action}: {result.outcome}" + (f" ({more})" if more else "")


def _error(text: str, next_step: str | None) -> Iterator[str]:
    for line in text.splitlines():
        yield f"      {line}"
    if next_step:
        yield f"      next: {next_step}"


def _cost(entry: Entry) -> str:
    if entry.cost is None or entry.has_failed or entry.cost == entry.cost_before:
        return ""
    before = rate_text(entry.cost_before.hour) if entry.cost_before is not None else "$0"
    return f"{before} -> {rate_text(entry.cost.hour)} an hour"


def _costs(plan: FolderPlan) -> Iterator[str]:
    yield f"  an hour: {rate_text(plan.hour_before)} -> {rate_text(plan.hour_after)}"
    before, after = plan.worst_before, plan.worst_after
    if after is not None:
        yield f"  at most: {spent_text(before) if before is not None else 'unlimited'} -> {spent_text(after)}"
