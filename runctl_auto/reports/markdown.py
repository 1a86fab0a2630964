"""The report as markdown, for a comment on a pull request: a summary, and one fold for each job."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.cost.amount import Amount
from runctl_auto.jobs.folder.entry import SIGNS, Entry, Failure, Finding, FolderPlan
from runctl_auto.reports.money import rate, spent
from runctl_auto.reports.report import Report, Row
from runctl_auto.reports.untrusted_text import block, code

MARK = "<!-- runctl {verb} -->"
"""The first line, by which a pipeline finds the comment that it updates."""
LIMIT = 64_000
"""UTF-16 units; GitHub refuses comments of more than 65,536."""

_ROOM_OF_TAIL = 400
_MOST_CHANGES = 40
_MOST_FINDINGS = 20
_MOST_NOTES = 10
_MESSAGE = 1500
_TEXT = 300

_WORDS: dict[str, str] = {
    "create": "to create",
    "update": "to update",
    "bring-back": "to bring back",
    "destroy": "to destroy",
}


def markdown(report: Report) -> str:
    """The report, at most ``LIMIT`` long. What does not fit is counted, with a pointer to all of it."""
    text = _Bounded(LIMIT - _ROOM_OF_TAIL)
    text.add("\n".join(_head(report)) + "\n")
    rows = list(report.rows())
    told = [each for each in rows if not each.is_quiet]
    for index, row in enumerate(told):
        if not text.add("\n".join(_fold(row)) + "\n"):
            text.end(_left_out(report, len(told) - index))
            return text.text
    quiet = [each.entry for each in rows if each.is_quiet]
    if quiet and not text.add("\n".join(_quiet(quiet)) + "\n"):
        text.end(f"\n{len(quiet)} jobs have nothing to do.\n")
    return text.text


def _head(report: Report) -> Iterator[str]:
    yield MARK.format(verb=report.verb)
    yield f"### runctl {report.verb} of {code(report.folder)}: {_summary(report)}"
    if report.error is not None:
        yield ""
        yield from _failure(report.error)
    plan = report.plan
    if plan is None:
        return
    yield ""
    yield from _costs(plan)
    for other in plan.others[:_MOST_NOTES]:
        yield f"* not a job: {code(other.file)}: {code(other.what)}"
    yield from _more(len(plan.others), _MOST_NOTES, "files that are no jobs")
    for removed in plan.removed[:_MOST_NOTES]:
        yield f"* {code(removed.file)} is gone: `--prune` destroys job {code(removed.job)}"
    yield from _more(len(plan.removed), _MOST_NOTES, "jobs without a file")
    for note in plan.notes[:_MOST_NOTES]:
        yield f"* {code(note, _TEXT)}"
    if plan.left_aside:
        yield f"* left out by the options: {plan.left_aside}"
    yield ""


def _summary(report: Report) -> str:
    if report.error is not None:
        return "failed"
    if report.result is None:
        told = [f"{count} {_WORDS.get(action, action)}" for action, count in report.counts.items()]
    else:
        outcomes = [each.outcome for each in report.result.results]
        told = [f"{outcomes.count(each)} {each}" for each in dict.fromkeys(outcomes)]
    return ", ".join(told).replace("-", " ") or "no jobs"


def _costs(plan: FolderPlan) -> Iterator[str]:
    yield "| USD | before | after |"
    yield "| --- | --- | --- |"
    yield f"| an hour | {rate(plan.hour_before)} | {rate(plan.hour_after)} |"
    yield f"| at most | {_worst(plan.worst_before)} | {_worst(plan.worst_after)} |"
    yield ""


def _worst(amount: Amount | None) -> str:
    return "no limit" if amount is None else spent(amount)


def _fold(row: Row) -> Iterator[str]:
    entry = row.entry
    yield f"<details{' open' if row.error is not None else ''}><summary>{_title(row)}</summary>"
    yield ""
    if entry.file is not None:
        yield f"* file {code(entry.file)}"
    yield f"* why: {code(entry.reason, _TEXT)}"
    if entry.placement is not None:
        place = entry.placement
        yield f"* place: {code(f'{place.instance_type} {place.market} in {place.zone}')}"
    yield from _cost_of(entry)
    for note in entry.notes[:_MOST_NOTES]:
        yield f"* {code(note, _TEXT)}"
    yield from _more(len(entry.notes), _MOST_NOTES, "notes")
    yield ""
    if row.error is not None:
        yield from _failure(row.error)
    yield from _findings(entry.findings)
    yield from _changes(entry)
    yield "</details>"


def _title(row: Row) -> str:
    entry = row.entry
    told = entry.action.replace("-", " ")
    if row.outcome is not None:
        told = f"{told}: {row.outcome.replace('-', ' ')}"
    elif row.error is not None and entry.action not in ("refused", "invalid"):
        told = f"{told}: failed"
    counts = ", ".join(f"{count} {code(operation)}" for operation, count in entry.resources.items())
    return f"{SIGNS[entry.action]} <b>{code(entry.title)}</b> {told}{f' ({counts})' if counts else ''}"


def _cost_of(entry: Entry) -> Iterator[str]:
    before, after = entry.cost_before, entry.cost
    if before is None and after is None:
        return
    none = Amount()
    hour = rate(before.hour if before else none), rate(after.hour if after else none)
    worst = _worst(before.worst_case if before else none), _worst(after.worst_case if after else none)
    yield f"* USD an hour: {hour[0]} → {hour[1]}; at most: {worst[0]} → {worst[1]}"


def _failure(error: Failure) -> Iterator[str]:
    yield block(error.text, _MESSAGE)
    yield ""
    if error.next_step:
        yield f"Next: {code(error.next_step, _TEXT)}"
        yield ""


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    if not findings:
        return
    yield "| policy | level | where | found |"
    yield "| --- | --- | --- | --- |"
    for each in findings[:_MOST_FINDINGS]:
        found = each.violation
        where = ":".join(str(part) for part in (found.file, found.line) if part is not None)
        level = "refuses" if each.mandatory else "advises"
        allowed = f"; allowed: {found.allowed}" if found.allowed else ""
        yield (
            f"| {code(found.rule)} | {level} | {code(where or found.resource)} "
            f"| {code(found.found + allowed, _TEXT)} |"
        )
    yield ""
    yield from _more(len(findings), _MOST_FINDINGS, "findings")


def _changes(entry: Entry) -> Iterator[str]:
    if not entry.changes:
        return
    yield "| operation | resource | type |"
    yield "| --- | --- | --- |"
    for each in sorted(entry.changes, key=lambda each: (each.operation, each.name))[:_MOST_CHANGES]:
        protected = " (protected)" if each.protected else ""
        yield f"| {code(each.operation)}{protected} | {code(each.name)} | {code(each.type)} |"
    yield ""
    yield from _more(len(entry.changes), _MOST_CHANGES, "changes")


def _more(count: int, most: int, what: str) -> Iterator[str]:
    if count > most:
        yield f"* … and {count - most} more {what}"


def _quiet(entries: list[Entry]) -> Iterator[str]:
    yield f"<details><summary>{len(entries)} with nothing to do</summary>"
    yield ""
    yield ", ".join(code(each.title, 60) for each in entries)
    yield ""
    yield "</details>"


def _left_out(report: Report, count: int) -> str:
    command = f"`runctl {report.verb}`"
    return (
        f"\n**{count} more jobs are not shown: the comment would be too long.** The other reports of this "
        f"run have all of them, as {command} printed them.\n"
    )


class _Bounded:
    """A text that grows up to a limit, in UTF-16 units."""

    def __init__(self, limit: int) -> None:
        self.text = ""
        self._left = limit

    def add(self, piece: str) -> bool:
        """Whether ``piece`` was added; it is not when it does not fit."""
        size = len(piece.encode("utf-16-le", "replace")) // 2
        if size > self._left:
            return False
        self.text += piece
        self._left -= size
        return True

    def end(self, piece: str) -> None:
        """Adds the last piece, for which there always is room."""
        self.text += piece
