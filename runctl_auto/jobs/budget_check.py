"""The budgets in the settings, as plans tell of them and as ``up`` refuses over them."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.cost.budgets import Budget, budgets
from runctl_auto.cost.ledger import Bill
from runctl_auto.engine.events import Plan
from runctl_auto.errors import BudgetSpentError
from runctl_auto.jobs.bills import all_bills
from runctl_auto.jobs.permitted import makes_machine
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.local.project import PROJECT_NAME


def budgets_now(session: Session, owner: str, bills: Sequence[Bill]) -> tuple[Budget, ...]:
    """The budgets that the settings name, of the project and of ``owner``, with this month's ``bills``."""
    wanted = session.settings.cost
    found = budgets(
        bills,
        session.time.now(),
        project=PROJECT_NAME,
        owner=owner,
        monthly=wanted.monthly,
        monthly_owner=wanted.monthly_owner,
    )
    return tuple(found)


def budgets_for_plan(session: Session, owner: str, plan: Plan) -> tuple[Budget, ...]:
    """The budgets that a plan concerns: none unless it rents a machine and the settings name one. Blocks."""
    wanted = session.settings.cost
    if not makes_machine(plan) or (wanted.monthly is None and wanted.monthly_owner is None):
        return ()
    with session.reporter.working("adding up this month's costs", after=PATIENCE_SECONDS):
        return budgets_now(session, owner, all_bills(session))


def budget_notes(found: Sequence[Budget]) -> tuple[str, ...]:
    """A line for each budget that has reached a step."""
    return tuple(_told(each) for each in found if each.step)


def refuse_spent_budgets(session: Session, job: str, found: Sequence[Budget]) -> None:
    """Raises ``BudgetSpentError`` when a budget is spent and the settings enforce it."""
    spent = [each for each in found if each.step == 100]
    if session.settings.cost.enforce and spent:
        raise BudgetSpentError(
            f"Job '{job}' gets no machine: {'; '.join(_told(each) for each in spent)}.",
            where={"job": job, "setting": "cost.enforce"},
            next_step="Wait for the next month, or raise the budget: `runctl config set cost.monthly USD` or "
            "`cost.monthly_owner`.",
        )


def _told(budget: Budget) -> str:
    least = "" if budget.spent.complete else "at least "
    return (
        f"{least}${budget.spent.usd:.2f} of the monthly budget of ${budget.usd:.2f} of {budget.of} "
        f"is spent ({budget.percent} %)"
    )
