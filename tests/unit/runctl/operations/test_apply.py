"""``apply``: what goes wrong with one job is its result; options say whether the others go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.job_folders import FolderWorld
from support.job_stacks import placement, stack_config, stack_state
from support.output_schemas import problems

from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.engine.executor.local_pool import LocalPool
from runctl_auto.errors import (
    ConfirmationNeededError,
    ExitCode,
    PlanOutdatedError,
    PolicyViolationError,
    RunctlError,
    StackLockedError,
    Violation,
)
from runctl_auto.jobs.folder.bound import in_planned_place, refuse_other_changes, refuse_other_state
from runctl_auto.jobs.folder.entry import Entry, EntryResult, FolderPlan, failure_of
from runctl_auto.jobs.folder.options import FolderOptions
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.folder.previewed import not_planned, previewed
from runctl_auto.jobs.folder.saved_plan import place_of
from runctl_auto.jobs.intent import Intent
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.session import Session
from runctl_auto.operations import apply as module
from runctl_auto.operations.apply import ApplyOptions, apply
from runctl_auto.operations.plan import plan
from runctl_auto.stack.config import Protection

CREATE = PlannedChange("create", "aws:s3/bucket:Bucket", "b", "urn:b")


@pytest.fixture
def world(tmp_path: Path) -> FolderWorld:
    made = FolderWorld(tmp_path)
    for name in ("first", "second", "third"):
        made.write(name)
    (made.folder / "wrong.yaml").write_text("name: wrong\nrun: x\nregoin: us-east-1\n")
    return made


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """Errors by job: what is carried out fails with them, or succeeds."""
    errors: dict[str, Exception] = {}

    def carry_out(_session: Session, order: Order) -> EntryResult:
        error = errors.get(order.job)
        if error is not None and not isinstance(error, RunctlError):
            raise error
        return EntryResult(
            entry=order.entry,
            outcome="done" if error is None else "failed",
            error=None if error is None else failure_of(error),
        )

    monkeypatch.setattr(module, "carry_out", carry_out)
    return errors


def applied(world: FolderWorld, **how: Any) -> tuple[dict[str, str], ExitCode]:
    shown: list[FolderPlan] = []
    pool = LocalPool(1, lambda _job: world.session)
    options = ApplyOptions(**{"yes": True, **how})
    result = apply(world.session, world.folder, FolderOptions(), pool, how=options, show=shown.append)
    assert problems("apply", result.as_json()) == []
    assert [each.entry for each in result.results] == list(shown[0].entries), "shown before it is done"
    return {each.entry.title: each.outcome for each in result.results}, result.exit_code


@pytest.mark.usefixtures("fails")
def test_a_wrong_file_hides_no_other(world: FolderWorld) -> None:
    outcomes, code = applied(world)
    assert outcomes == {"first": "done", "second": "done", "third": "done", "wrong": "failed"}
    assert code == ExitCode.USAGE


def test_after_a_failure_no_other_begins(world: FolderWorld, fails: dict[str, Exception]) -> None:
    fails["second"] = StackLockedError("Somebody works on it.")
    outcomes, code = applied(world)
    assert outcomes == {"first": "done", "second": "failed", "third": "not-begun", "wrong": "failed"}
    assert code == ExitCode.FAILURE, "a locked stack and a wrong file have no code in common"


def test_the_others_begin_all_the_same_when_asked(world: FolderWorld, fails: dict[str, Exception]) -> None:
    fails["second"] = StackLockedError("Somebody works on it.")
    outcomes, _ = applied(world, continue_on_error=True)
    assert outcomes["third"] == "done"


def test_a_fault_of_runctl_in_one_job_does_not_take_the_rest_with_it(
    world: FolderWorld, fails: dict[str, Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    fails["first"] = KeyError("x")
    outcomes, _ = applied(world, continue_on_error=True)
    assert outcomes == {"first": "failed", "second": "done", "third": "done", "wrong": "failed"}

    def preview_order(_session: Session, order: Order) -> Entry:
        raise KeyError(order.job)

    monkeypatch.setattr("runctl_auto.operations.plan.preview_order", preview_order)
    found = plan(world.session, world.folder, FolderOptions(), LocalPool(2, lambda _job: world.session))
    assert problems("plan", found.as_json()) == []
    assert [each.error is not None for each in found.entries] == [True] * 4


def test_nothing_is_begun_unless_it_is_confirmed(
    world: FolderWorld, fails: dict[str, Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runctl_auto.operations.plan.preview_order", lambda _session, order: order.entry)
    world.session.reporter.confirm = lambda _question: False  # type: ignore[method-assign]
    with pytest.raises(ConfirmationNeededError):
        applied(world, yes=False)


def test_a_plan_fits_its_schema_whatever_is_in_it(
    world: FolderWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    violation = Violation("maximum-sizes", "m", "90 GB", "50 GB", "resources.disk", "first.yaml", 7)

    def preview_order(_session: Session, order: Order) -> Entry:
        if order.job == "first":
            return not_planned(order.entry, PolicyViolationError("No.", violations=[violation]))
        view = PlanView(order.job, "r1", Plan((CREATE,), 3, advised=(violation,)), placement())
        return previewed(order.entry, view, None)

    monkeypatch.setattr("runctl_auto.operations.plan.preview_order", preview_order)
    found = plan(world.session, world.folder, FolderOptions(), LocalPool(2, lambda _job: world.session))
    assert problems("plan", found.as_json()) == []
    first, second, _, wrong = found.entries
    assert (first.action, wrong.action) == ("refused", "invalid")
    assert [(each.mandatory, each.violation.line) for each in first.findings] == [(True, 7)]
    assert [(each.mandatory, each.violation.line) for each in second.findings] == [(False, 7)]
    assert second.resources == {"create": 1}
    assert found.exit_code == ExitCode.FAILURE
    assert found.has_changes


def _intent(*zones: str, fingerprint: str = "f") -> Intent:
    places = tuple(placement(zone=zone) for zone in zones)
    config = stack_config(placement=places[0], fingerprint=fingerprint)
    return Intent(config, places, Protection(), replaces_active_run=False)


def _order(**changes: Any) -> Order:
    entry = Entry(action="create", reason="new", job="digits", file="digits.yaml", changes=(CREATE,))
    place = place_of(placement(zone="us-east-1b", price_hour=9.0))
    return replace(Order(entry=entry, place=place, fingerprint="f", is_bound=True), **changes)


def test_the_planned_place_is_taken_whatever_its_price_and_no_other() -> None:
    found = in_planned_place(_order(), _intent("us-east-1a", "us-east-1b"))
    assert found.config.placement.zone == "us-east-1b"
    assert [each.zone for each in found.places] == ["us-east-1b"]


OUTDATED: dict[str, Callable[[], object]] = {
    "place": lambda: in_planned_place(_order(), _intent("us-east-1a")),
    "content": lambda: in_planned_place(_order(), _intent("us-east-1b", fingerprint="g")),
    "state": lambda: refuse_other_state(_order(state="s"), replace(stack_state(), version="t")),
    "stack is new": lambda: refuse_other_state(_order(), replace(stack_state(), version="t")),
    "more": lambda: refuse_other_changes(
        _order(), PlanView("digits", "r", Plan((CREATE, replace(CREATE, urn="urn:c")), 0), None)
    ),
    "less": lambda: refuse_other_changes(_order(), PlanView("digits", "r", Plan((), 0), None)),
    "other": lambda: refuse_other_changes(
        _order(), PlanView("digits", "r", Plan((replace(CREATE, operation="replace"),), 0), None)
    ),
}


@pytest.mark.parametrize("what", OUTDATED)
def test_what_was_not_planned_is_refused(what: str) -> None:
    with pytest.raises(PlanOutdatedError, match="digits"):
        OUTDATED[what]()


def test_what_was_planned_is_let_through() -> None:
    refuse_other_changes(_order(), PlanView("digits", "r", Plan((CREATE,), 0), None))
    refuse_other_state(_order(), None)
    refuse_other_state(_order(state="s"), replace(stack_state(), version="s"))
