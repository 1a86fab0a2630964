"""``cost`` of jobs of this machine: nothing, told as for every other job."""

from __future__ import annotations

from dataclasses import replace

from runctl_auto.agent.contract import Phase
from runctl_auto.cost.ledger import BEGINNING, Period, grouped
from runctl_auto.errors import JobNotFoundError, NotSupportedError
from runctl_auto.jobs.bills.last import bill_of
from runctl_auto.jobs.local.listing import list_here
from runctl_auto.jobs.local.session import LocalSession
from runctl_auto.operations.cost import CostQuery, Ledger


def cost_here(session: LocalSession, query: CostQuery) -> Ledger:
    """Of the named jobs, or of all. Raises as ``cost``; ``NotSupportedError`` for ``actual``: there is no
    bill."""
    if query.actual:
        raise NotSupportedError(
            "There is no bill for this machine to compare with.",
            where={"provider": "local"},
            next_step="Leave out --actual.",
        )
    bills = []
    for each in list_here(session):
        if each.facts is not None and (not query.jobs or each.summary.name in query.jobs):
            spent = each.facts.cost
            bill = bill_of(each.facts.config, spent.charges, unread=spent.unread)
            bills.append(replace(bill, stopped=each.phase == Phase.STOPPED))
    for job in sorted(query.jobs - {each.job for each in bills}):
        raise JobNotFoundError(f"Job '{job}' was never set up on this machine.", where={"job": job})
    period = Period(since=query.since or BEGINNING, until=query.until or session.time.now())
    groups = grouped(tuple(bills), query.by, period)
    shown = tuple(each for each in groups if each.lines or each.unread)
    return Ledger(by=query.by, period=period, bills=tuple(bills), groups=shown, budgets=(), actual=None)
