"""The budgets in the settings, as plans tell of them and as ``up`` refuses over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from runctl_auto.cost.budgets import Budget, budgets
from runctl_auto.cost.ledger import TAG, Bill
from runctl_auto.engine.events import Plan
from runctl_auto.errors import BudgetSpentError
from runctl_auto.jobs.bills.all_jobs import all_bills
from runctl_auto.jobs.permitted import makes_machine
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.settings.named_budgets import NamedBudget, named_budgets
from runctl_auto.settings.schema import CostSettings


def wanted_budgets(cost: CostSettings, owners: Iterable[str]) -> tuple[NamedBudget, ...]:
    """The budgets that the settings name, for the project and for ``owners``. A budget by name stands in for
    the general one.
    """
    general = [] if cost.monthly is None else [NamedBudget("project", PROJECT_NAME, cost.monthly)]
    if cost.monthly_owner is not None:
        general += [NamedBudget("owner", owner, cost.monthly_owner) for owner in owners]
    named = named_budgets(cost.budgets)
    replaced = {(each.by, each.key) for each in named}
    return (*(each for each in general if (each.by, each.key) not in replaced), *named)


def budgets_of(session: Session, owners: Iterable[str], bills: Sequence[Bill]) -> tuple[Budget, ...]:
    """All budgets that the settings name, and those of ``owners``, with this month's ``bills``."""
    wanted = wanted_budgets(session.settings.cost, owners)
    return tuple(budgets(bills, session.time.now(), wanted))


def budgets_for_plan(
    session: Session, owner: str, plan: Plan, labels: Mapping[str, str] = MappingProxyType({})
) -> tuple[Budget, ...]:
    """The budgets that a plan for a job of ``owner`` with the tags ``labels`` concerns: none unless it rents
    a machine and the settings name one. Blocks.
    """
    own = {("project", PROJECT_NAME), ("owner", owner)}
    own |= {(f"{TAG}{key}", value) for key, value in labels.items()}
    wanted = [each for each in wanted_budgets(session.settings.cost, [owner]) if (each.by, each.key) in own]
    if not wanted or not makes_machine(plan):
        return ()
    with session.reporter.working("adding up this month's costs", after=PATIENCE_SECONDS):
        return tuple(budgets(all_bills(session), session.time.now(), wanted))


def budget_notes(found: Sequence[Budget]) -> tuple[str, ...]:
    """A line for each budget that has reached a step."""
    return tuple(told_of_budget(each) for each in found if each.step)


def refuse_spent_budgets(session: Session, job: str, found: Sequence[Budget]) -> None:
    """Raises ``BudgetSpentError`` when a budget is spent and the settings enforce it."""
    spent = [each for each in found if each.step == 100]
    if session.settings.cost.enforce and spent:
        raise BudgetSpentError(
            f"Job '{job}' gets no machine: {'; '.join(told_of_budget(each) for each in spent)}.",
            where={"job": job, "setting": "cost.enforce"},
            next_step="Wait for the next month, or raise the budget: `runctl config set cost.monthly USD`, "
            "`cost.monthly_owner` or `cost.budgets`.",
        )


def told_of_budget(budget: Budget) -> str:
    """What is spent of a budget, as a part of a sentence."""
    least = "" if budget.spent.complete else "at least "
    return (
        f"{least}${budget.spent.usd:.2f} of the monthly budget of ${budget.usd:.2f} of {budget.of} "
        f"is spent ({budget.percent} %)"
    )
