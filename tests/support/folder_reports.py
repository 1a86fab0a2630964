"""Reports of folders, for tests of their formats: ordinary ones, and any with hostile texts and sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from support.job_stacks import placement

from runctl_auto.cost.estimate import Estimate, Part
from runctl_auto.engine.events import PlannedChange
from runctl_auto.errors import FieldProblem, Violation
from runctl_auto.jobs.folder.entry import (
    ACTIONS,
    Entry,
    EntryResult,
    Failure,
    FolderPlan,
    FolderResult,
    OtherFile,
    Removed,
)
from runctl_auto.reports.report import Report

HOSTILE = (
    "<script>alert(1)</script>",
    "</details></code></pre>",
    "`|`\n\n# heading\n| a | b |",
    "@team #12 https://example.org [x](javascript:y) ![i](http://h/i.png)",
    "\x1b[31mred\x1b[0m\x00\x07\r\n",
    "\u202eright to left\u200b\ufeff",
    "]]>&amp;&#60;",
    "\ud800 half a pair",
    "::error file=a::workflow command",
    "-->",
    "e\u0301" * 300,
    "x" * 5000,
    "",
)

texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=80))


def estimate(price: float | None = 0.1, hours: float | None = 2.0) -> Estimate:
    part = Part(name="m5.large spot", kind="machine", quantity=1, unit="machines", price=price, lasts="run")
    return Estimate(parts=(part,), hours=hours, nodes=1)


def change(name: str = "digits-machine", operation: str = "create") -> PlannedChange:
    return PlannedChange(operation, "aws:ec2/instance:Instance", name, f"urn:pulumi:x::y::z::{name}")


def violation(**changes: Any) -> Violation:
    values: dict[str, Any] = {
        "rule": "price-within-max-price",
        "resource": "digits",
        "found": "0.30 USD an hour",
        "allowed": "at most 0.10",
        "field": "max_price",
        "file": "jobs/digits.yaml",
        "line": 7,
        **changes,
    }
    return Violation(**values)


def failure(text: str = "The policies refuse the change.", **changes: Any) -> Failure:
    values: dict[str, Any] = {"kind": "policy", "what": text, "text": text, "exit_code": 4, **changes}
    return Failure(**values)


def entry(job: str | None = "digits", action: str = "create", **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "action": action,
        "reason": "its file is new",
        "job": job,
        "file": f"{job}.yaml",
        **changes,
    }
    return Entry(**values)


def planned(*entries: Entry, **changes: Any) -> Report:
    return Report(
        verb="plan", folder="jobs", plan=FolderPlan(folder=Path("jobs"), entries=entries, **changes)
    )


def applied(*results: EntryResult) -> Report:
    plan = FolderPlan(folder=Path("jobs"), entries=tuple(each.entry for each in results))
    return Report(verb="apply", folder="jobs", plan=plan, result=FolderResult(plan=plan, results=results))


_prices = st.one_of(st.none(), st.floats(0, 1e6))
_estimates = st.one_of(st.none(), st.builds(estimate, _prices, st.one_of(st.none(), st.floats(0, 1e5))))
_lines = st.one_of(st.none(), st.integers(-5, 10**9))
_violations = st.builds(
    violation,
    rule=texts,
    resource=texts,
    found=texts,
    allowed=st.one_of(st.none(), texts),
    file=st.one_of(st.none(), texts),
    line=_lines,
)
_problems = st.builds(FieldProblem, texts, _lines, _lines, texts, texts)
_failures = st.builds(
    failure,
    texts,
    kind=st.sampled_from(["policy", "job-file", "failure"]),
    next_step=st.one_of(st.none(), texts),
    violations=st.lists(_violations, max_size=3).map(tuple),
    problems=st.lists(_problems, max_size=3).map(tuple),
)
_entries = st.builds(
    entry,
    st.one_of(st.none(), texts),
    st.sampled_from(ACTIONS),
    reason=texts,
    file=st.one_of(st.none(), texts),
    changes=st.lists(st.builds(change, texts, texts), max_size=4).map(tuple),
    placement=st.one_of(st.none(), st.builds(lambda zone: placement(zone=zone), texts)),
    cost=_estimates,
    cost_before=_estimates,
    advice=st.lists(_violations, max_size=3).map(tuple),
    notes=st.lists(texts, max_size=3).map(tuple),
    error=st.one_of(st.none(), _failures),
)
_results = st.builds(
    EntryResult,
    entry=_entries,
    outcome=st.sampled_from(["done", "nothing-to-do", "failed", "not-begun"]),
    error=st.one_of(st.none(), _failures),
    seconds=st.floats(0, 1e6),
)


@st.composite
def any_report(draw: st.DrawFn) -> Report:
    """A plan, a result or a failure, of a few entries or, repeated, of many."""
    folder = draw(texts)
    if draw(st.integers(0, 9)) == 0:
        return Report(verb="plan", folder=folder, error=draw(_failures))
    times = draw(st.sampled_from([1, 1, 1, 60]))
    others = tuple(OtherFile(draw(texts), draw(texts)) for _ in range(draw(st.integers(0, 2))))
    removed = tuple(Removed(draw(texts), draw(texts)) for _ in range(draw(st.integers(0, 2))))
    if draw(st.booleans()):
        results = tuple(draw(st.lists(_results, max_size=3))) * times
        plan = FolderPlan(
            folder=Path("jobs"),
            entries=tuple(each.entry for each in results),
            others=others,
            removed=removed,
        )
        return Report(verb="apply", folder=folder, plan=plan, result=FolderResult(plan=plan, results=results))
    entries = tuple(draw(st.lists(_entries, max_size=3))) * times
    return Report(
        verb="plan",
        folder=folder,
        plan=FolderPlan(folder=Path("jobs"), entries=entries, others=others, removed=removed),
    )
