"""Holds an order to its plan: nothing is changed that the plan did not say."""

from __future__ import annotations

from dataclasses import replace

from runctl_auto.engine.events import PlannedChange
from runctl_auto.errors import PlanOutdatedError
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.folder.saved_plan import place_of
from runctl_auto.jobs.intent import Intent
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.stack.plan_file import PlannedPlace
from runctl_auto.stack.state import StackState


def in_planned_place(order: Order, intent: Intent) -> Intent:
    """``intent`` in the place that was planned, and in no other. Raises ``PlanOutdatedError`` when file, code
    or settings are not those of the plan any more, or the place is not offered."""
    if order.fingerprint is not None and intent.config.fingerprint != order.fingerprint:
        raise _outdated(order, "its file, code or settings have changed since")
    planned = order.place
    if planned is None:
        return intent
    place = next((each for each in intent.places if place_of(each) == planned), None)
    if place is None:
        raise _outdated(order, f"{_told(planned)} was planned, and is not offered any more")
    if place_of(intent.config.placement) == planned:
        return replace(intent, places=(place,))
    return replace(intent, config=replace(intent.config, placement=place), places=(place,))


def refuse_other_state(order: Order, state: StackState | None) -> None:
    """Raises ``PlanOutdatedError`` when another command changed the stack since it was planned."""
    if order.state != (None if state is None else state.version):
        raise _outdated(order, "another command has changed the job since")


def refuse_other_changes(order: Order, view: PlanView) -> None:
    """Raises ``PlanOutdatedError`` when ``view`` is not what was planned."""
    planned, now = _steps(order.entry.changes), _steps(view.plan.changes)
    other = sorted({*planned.items()} ^ {*now.items()})
    if other:
        names = ", ".join(dict.fromkeys(f"{operation} {urn.rpartition('::')[2]}" for urn, operation in other))
        raise _outdated(order, f"what would change is not what was planned: {names}")


def _steps(changes: tuple[PlannedChange, ...]) -> dict[str, str]:
    return {each.urn: each.operation for each in changes}


def _told(place: PlannedPlace) -> str:
    return f"{place.instance_type} {place.market} in {place.zone}"


def _outdated(order: Order, why: str) -> PlanOutdatedError:
    return PlanOutdatedError(
        f"The plan for job '{order.job}' is outdated: {why}.",
        where={"job": order.job},
        next_step="Plan again, and apply that.",
    )
