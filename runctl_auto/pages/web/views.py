"""The pages, from what was looked at. They ask nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from runctl_auto.cost.amount import Amount
from runctl_auto.errors import RunctlError
from runctl_auto.pages.drawing.curve import curve
from runctl_auto.pages.drawing.days import days
from runctl_auto.pages.drawing.machines import lanes
from runctl_auto.pages.looks.costs import Costs, Share
from runctl_auto.pages.looks.job_facts import ending, job_facts, trouble
from runctl_auto.pages.looks.job_row import row_of
from runctl_auto.pages.looks.leaks import ShownLeaks
from runctl_auto.pages.looks.look import Look
from runctl_auto.pages.looks.reading import JobDetails
from runctl_auto.pages.looks.receipts import ShownReceipt
from runctl_auto.pages.looks.sorting import Shown
from runctl_auto.pages.looks.timeline import timeline_of
from runctl_auto.pages.web.links import Links
from runctl_auto.pages.web.rendering import render
from runctl_auto.reports.figures import spent_text, usd

MOST_CURVES = 24
"""So many metrics of a job are drawn: `runctl plot` draws any."""


def index_page(
    links: Links,
    look: Look | None,
    *,
    shown: Shown | None = None,
    problem: RunctlError | None = None,
    leaks: str | None = None,
) -> str:
    """All jobs; ``look`` is None before the first. ``leaks`` is a word on leaks, None for none."""
    wanted = shown or Shown()
    values = {
        "page": "index",
        "look": look,
        "rows": wanted.of(look.rows) if look else [],
        "notes": look.notes if look else (),
        "shown": wanted,
        "problem": _told(problem),
        "leaks": leaks,
    }
    return render("index", links, look.at if look else None, values)


def job_page(links: Links, look: Look, name: str, details: JobDetails) -> str:
    """One job of a look. Raises KeyError for another name."""
    job = look.jobs[name]
    timeline = timeline_of(job.facts) if job.facts is not None else None
    marks = timeline.marks if timeline else ()
    drawn = [found for each in details.metrics.series if (found := curve(each)) is not None]
    values = {
        "page": "job",
        "row": row_of(job),
        "facts": job_facts(job),
        "ending": ending(job),
        "trouble": trouble(job),
        "timeline": timeline,
        "lanes": lanes(timeline) if timeline else None,
        "events": [(f"{each.at:%Y-%m-%d %H:%M:%S}Z", each.what) for each in marks],
        "curves": drawn[:MOST_CURVES],
        "more_curves": max(0, len(drawn) - MOST_CURVES),
        "curves_problem": details.metrics.problem,
        "log": details.log,
        "log_problem": details.log_problem,
    }
    return render("job", links, look.at, values)


def costs_page(links: Links, costs: Costs | None, problem: RunctlError | None = None) -> str:
    """The costs; None before they are read."""
    values = {
        "page": "costs",
        "costs": costs,
        "problem": _told(problem),
        "days": days(costs.by_day, costs.since.date(), costs.until.date()) if costs else None,
        "budgets": [_budget(each.of, each.spent, each.usd, each.percent) for each in costs.budgets]
        if costs
        else [],
        "owners": _shares(costs.by_owner) if costs else [],
        "jobs": [_share(each) for each in costs.by_job] if costs else [],
        "types": _shares(costs.by_type) if costs else [],
    }
    return render("costs", links, costs.until if costs else None, values)


def leaks_page(
    links: Links, found: ShownLeaks | None, at: datetime | None, problem: RunctlError | None = None
) -> str:
    """What a search found; None before its end."""
    return render("leaks", links, at, {"page": "leaks", "leaks": found, "problem": _told(problem)})


def receipts_page(links: Links, receipts: Sequence[ShownReceipt], at: datetime | None) -> str:
    """The receipts of teardowns."""
    return render("receipts", links, at, {"page": "receipts", "receipts": receipts})


def refused_page(links: Links, what: str, why: str) -> str:
    """Instead of a page that there is not."""
    return render("refused", links, None, {"page": "", "what": what, "why": why})


def leaks_word(found: ShownLeaks | None) -> str:
    """For the index: how many there are, or that nobody has looked."""
    if found is None:
        return "not searched"
    return str(found.count) if found.count else "none"


def _told(problem: RunctlError | None) -> str | None:
    if problem is None:
        return None
    return f"{problem} {problem.next_step}" if problem.next_step else str(problem)


def _shares(shares: Sequence[Share]) -> list[tuple[str, str]]:
    return [_share(each) for each in shares]


def _share(share: Share) -> tuple[str, str]:
    return f"{share.key} (gone)" if share.gone else share.key, spent_text(share.usd)


def _budget(of: str, spent: Amount, budget: float, percent: int) -> tuple[str, str, str, str]:
    return of, spent_text(spent), usd(budget), f"{percent} %"
