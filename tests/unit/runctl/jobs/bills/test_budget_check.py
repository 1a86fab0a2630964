"""Monthly budgets: told at their steps, refused at the dollar, and of this month alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.sessions import fake_session

from runctl_auto.backend.backend import open_backend
from runctl_auto.cli.views.ledger import budget_line
from runctl_auto.cost.budgets import Budget, budgets
from runctl_auto.cost.charges import Charge
from runctl_auto.cost.ledger import Bill
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.errors import BudgetSpentError
from runctl_auto.jobs.bills.archive import BillArchive
from runctl_auto.jobs.bills.budget_check import budget_notes, budgets_for_plan, refuse_spent_budgets
from runctl_auto.jobs.session import Session, Time
from runctl_auto.settings.named_budgets import NamedBudget, named_budgets
from runctl_auto.settings.schema import CostSettings, Settings
from runctl_auto.stack.state import INSTANCE

MARCH = datetime(2026, 3, 1, tzinfo=timezone.utc)
NEW_MACHINE = Plan((PlannedChange("create", INSTANCE, "digits-machine-instance", "urn"),), 0)


def bill(owner: str, hours: float, *, began: datetime = MARCH, is_exact: bool = True) -> Bill:
    """A machine at a dollar an hour."""
    charge = Charge(
        kind="machine",
        resource=f"i-{owner}-{began:%m}",
        what="m5.large spot",
        run="r1",
        began=began,
        ended=began + timedelta(hours=hours),
        quantity=1,
        price_hour=1.0,
        is_exact=is_exact,
    )
    return Bill(
        job=f"job-of-{owner}-{began:%m}",
        project="runctl",
        owner=owner,
        provider="aws",
        account="1",
        region="us-east-1",
        charges=(charge,),
        gone=True,
    )


def session(folder: Path, *bills: Bill, now: datetime, **settings: Any) -> Session:
    driver = create_autospec(Driver, instance=True, backend=open_backend(f"file://{folder}/state", "runctl"))
    driver.jobs.return_value = ()
    found = fake_session(
        folder,
        driver=driver,
        settings=Settings(owner="ann", cost=CostSettings(**settings)),
        time=Time(now=lambda: now),
    )
    for each in bills:
        BillArchive(found).keep(each, "20260301T000000Z")
    return found


@pytest.mark.parametrize(
    ("hours", "step"),
    [(0, 0), (49.99, 0), (50, 50), (79.99, 50), (80, 80), (99.99, 80), (100, 100), (400, 100)],
)
def test_steps_are_reached_at_the_dollar(hours: float, step: int) -> None:
    now = MARCH + timedelta(days=20)
    (found,) = budgets((bill("ann", hours),), now, [NamedBudget("project", "runctl", 100)])
    assert (found.step, found.of) == (step, "project runctl")
    assert bool(budget_notes([found])) == (step > 0)


def test_the_month_begins_at_its_first_second_in_utc(tmp_path: Path) -> None:
    february = bill("ann", 30, began=MARCH - timedelta(hours=24))
    place = session(tmp_path, february, now=MARCH + timedelta(hours=12), monthly=10)
    (found,) = budgets_for_plan(place, "ann", NEW_MACHINE)
    assert found.spent.usd == pytest.approx(6), "six of the thirty hours are in March"
    assert budget_notes([found]) == (
        "$6.00 of the monthly budget of $10.00 of project runctl is spent (60 %)",
    )


def test_a_spent_budget_is_refused_only_where_it_is_enforced(tmp_path: Path) -> None:
    now = MARCH + timedelta(days=9)
    told = session(tmp_path, bill("ann", 60), bill("bob", 50), now=now, monthly=110, monthly_owner=100)
    found = budgets_for_plan(told, "ann", NEW_MACHINE)
    assert [(each.of, each.step) for each in found] == [("project runctl", 100), ("owner ann", 50)]
    refuse_spent_budgets(told, "digits", found)
    strict = session(tmp_path, now=now, monthly=110, monthly_owner=100, enforce=True)
    with pytest.raises(
        BudgetSpentError, match=r"\$110\.00 of the monthly budget .* of project runctl"
    ) as raised:
        refuse_spent_budgets(strict, "digits", budgets_for_plan(strict, "ann", NEW_MACHINE))
    assert "owner ann" not in raised.value.what
    enough = session(tmp_path, now=now, monthly=110.01, monthly_owner=100, enforce=True)
    refuse_spent_budgets(enough, "digits", budgets_for_plan(enough, "ann", NEW_MACHINE))


def test_without_a_budget_or_a_machine_nothing_is_added_up(tmp_path: Path) -> None:
    place = session(tmp_path, bill("ann", 60), now=MARCH, monthly=1)
    assert budgets_for_plan(place, "ann", Plan((), 0)) == ()
    without = session(tmp_path, now=MARCH, enforce=True)
    assert budgets_for_plan(without, "ann", NEW_MACHINE) == ()
    without.driver.jobs.assert_not_called()  # type: ignore[attr-defined]


def test_budgets_by_name_stand_in_for_the_general_ones(tmp_path: Path) -> None:
    """At the dollar of the name: of the job's owner, project and tags, and of nobody else."""
    now = MARCH + timedelta(days=9)
    names = ("owner:ann=40", "owner:bob=1", "tag:team:nlp=60", "tag:team:eyes=1")
    place = session(
        tmp_path,
        replace(bill("ann", 30), tags={"team": "nlp"}),
        now=now,
        monthly_owner=100,
        budgets=names,
        enforce=True,
    )
    found = budgets_for_plan(place, "ann", NEW_MACHINE, {"team": "nlp", "other": "x"})
    assert [(each.of, each.usd, each.step) for each in found] == [
        ("owner ann", 40, 50),
        ("tag team: nlp", 60, 50),
    ]
    refuse_spent_budgets(place, "digits", found)
    others = budgets_for_plan(place, "eve", NEW_MACHINE)
    assert [(each.of, each.usd, each.step) for each in others] == [("owner eve", 100, 0)]
    spent = session(tmp_path, now=now, budgets=("owner:ann=29.99",), enforce=True)
    with pytest.raises(BudgetSpentError, match=r"of owner ann is spent \(100 %\)"):
        refuse_spent_budgets(spent, "digits", budgets_for_plan(spent, "ann", NEW_MACHINE))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann=5",
        "owner:=5",
        "owner:ann",
        "owner:ann=",
        "owner:ann=-1",
        "owner:ann=nan",
        "team:x=5",
        "tag:team=5",
        "tag::x=5",
        "tag:team:=5",
        "owner:ann=inf",
        "owner:ann=0",
    ],
)
def test_names_of_budgets_that_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="owner:NAME=USD"):
        CostSettings(budgets=(text,))


def test_the_last_of_two_budgets_of_a_name_counts() -> None:
    found = named_budgets(("owner:a=b=1", "project:p=2", "owner:a=b=3"))
    assert [(each.by, each.key, each.usd) for each in found] == [("owner", "a=b", 3), ("project", "p", 2)]


def test_what_is_not_known_is_at_least(tmp_path: Path) -> None:
    now = MARCH + timedelta(days=9)
    place = session(tmp_path, bill("ann", 9, is_exact=False), now=now, monthly=10)
    (found,) = budgets_for_plan(place, "ann", NEW_MACHINE)
    assert budget_notes([found])[0].startswith("at least $9.00 of")
    assert budget_line(found) == "this month: ≥ $9.00 of $10.00, project runctl (90 %)"
    assert isinstance(found, Budget)
    assert found.as_json() == {
        "of": "project runctl",
        "monthly": 10,
        "spent": 9.0,
        "at_least": True,
        "step": 80,
    }
