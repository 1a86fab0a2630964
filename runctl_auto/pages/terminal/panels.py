"""What is told of one job on a terminal: its machine, and its cost, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.cost.charges import Kind
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.local.printable import printable
from runctl_auto.pages.looks.job_facts import ending, job_facts, trouble
from runctl_auto.pages.looks.job_row import row_of
from runctl_auto.pages.looks.machine_use import machine_use
from runctl_auto.pages.looks.timeline import timeline_of
from runctl_auto.reports.figures import rate_text, short_age, spent_text, usd

_WIDTH = 12
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("machines", "machine"),
    ("disks", "disk"),
    ("addresses", "address"),
    ("volumes", "volume"),
)
_HOW = {"runs": "runs", "ended": "ended", "interrupted": "interrupted", "vanished": "vanished"}


def machine_lines(job: ListedJob) -> list[str]:
    """The machine as it reports itself, those before it, and what befell the run."""
    return _safe(_machine(job))


def cost_lines(job: ListedJob) -> list[str]:
    """What the job has cost, and for what."""
    return _safe(_cost(job))


def _machine(job: ListedJob) -> Iterator[str]:
    row, facts = row_of(job), job.facts
    if job.problem is not None:
        yield _line("problem", job.problem)
    if facts is None:
        return
    yield _line("machine", f"{row.machine} in {row.zone}")
    if row.heard_seconds is not None:
        yield _line("last heard", f"{short_age(row.heard_seconds)} before this look")
    for name, text in machine_use(facts.status):
        yield _line(name, text)
    told = ending(job)
    if told is not None:
        yield _line("end", told)
    if row.checkpoints is not None:
        last = f", last {short_age(row.checkpoint_seconds)} before" if row.checkpoint_seconds else ""
        yield _line("checkpoints", f"{row.checkpoints}{last}")
    timeline = timeline_of(facts)
    for number, each in enumerate(timeline.placed, timeline.left_out + 1):
        yield _line(
            f"machine {number}",
            f"{each.began:%d %b %H:%M}, {short_age(each.seconds)}, {_HOW[each.how]}: {each.type} "
            f"{each.market} in {each.zone}",
        )
    for mark in timeline.marks:
        yield _line(f"{mark.at:%d %b %H:%M}", mark.what)
    for what, why in trouble(job):
        yield _line("trouble", f"{what}: {why}")
    for name, text in job_facts(job):
        yield _line(name.lower(), text)


def _cost(job: ListedJob) -> Iterator[str]:
    facts = job.facts
    if facts is None:
        yield _line("cost", "unknown: the job was never set up")
        return
    cost = facts.cost
    yield _line("so far", spent_text(cost.total))
    yield _line("an hour now", rate_text(cost.hour))
    yield from _of_kinds(facts)
    if facts.config.job.budget is not None:
        yield _line("budget", usd(facts.config.job.budget))
    for each in cost.machines:
        until = "now" if each.goes_on else f"{each.ended:%d %b %H:%M}"
        yield _line(
            each.resource,
            f"{spent_text(each.usd)}, {each.began:%d %b %H:%M} to {until}: {each.what}",
        )


def _of_kinds(facts: RunFacts) -> Iterator[str]:
    for name, kind in _KINDS:
        found = facts.cost.of(kind)
        if found.usd or not found.complete:
            yield _line(name, spent_text(found))


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}  {text}"


def _safe(lines: Iterator[str]) -> list[str]:
    return [printable(line) for line in lines]
