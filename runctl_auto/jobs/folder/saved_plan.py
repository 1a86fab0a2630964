"""Saves a folder's plan, and holds the folder to a saved one: all of it is carried out, or nothing begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version

from runctl_auto.backend.mark import backend_mark
from runctl_auto.engine.events import PlannedChange
from runctl_auto.errors import PlanOutdatedError
from runctl_auto.jobs.fingerprint import policies_digest, program_digest
from runctl_auto.jobs.folder.entry import Entry
from runctl_auto.jobs.folder.look import Looked
from runctl_auto.jobs.folder.options import FolderOptions
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.session import Session
from runctl_auto.stack.config import Placement
from runctl_auto.stack.plan_file import PlanFile, PlannedJob, PlannedPlace, PlannedStep

_CLOCKS_DIFFER = timedelta(minutes=5)


def plan_to_save(
    session: Session, looked: Looked, orders: Sequence[Order], options: FolderOptions
) -> PlanFile:
    """What was planned for a folder, bound to all that it was planned from."""
    return PlanFile(
        runctl=version("runctl"),
        program=program_digest(session.program),
        made_at=session.time.now().isoformat(),
        repository=looked.repository.name,
        folder=looked.repository.below(looked.files.folder),
        backend=backend_mark(session.environment.backend),
        policies=policies_digest(session),
        is_whole=options.is_whole,
        prune=options.prune,
        adopt=options.adopt,
        refresh=options.refresh,
        files=dict(looked.hashes),
        codes=_codes(looked.orders),
        jobs=tuple(_planned(each) for each in orders if each.entry.is_change),
    )


def options_of(plan: PlanFile) -> FolderOptions:
    """The part of the folder that a plan is about."""
    files = None if plan.is_whole else frozenset((*plan.files, *(each.file for each in plan.jobs)))
    return FolderOptions(prune=plan.prune, adopt=plan.adopt, refresh=plan.refresh, files=files)


def refuse_old(plan: PlanFile, now: datetime, max_age_seconds: float) -> None:
    """Raises ``PlanOutdatedError`` for a plan that is older than allowed, or not made yet."""
    try:
        age = now - datetime.fromisoformat(plan.made_at)
    except (ValueError, TypeError):
        raise _outdated(["age: it does not say when it was made"]) from None
    if age > timedelta(seconds=max_age_seconds):
        hours = timedelta(seconds=round(age.total_seconds()))
        raise _outdated(
            [f"age: it was made {hours} ago, at most {timedelta(seconds=max_age_seconds)} is allowed"]
        )
    if age < -_CLOCKS_DIFFER:
        raise _outdated([f"age: it was made at {plan.made_at}, which is not yet"])


def refuse_other_ground(plan: PlanFile, session: Session) -> None:
    """Raises ``PlanOutdatedError`` when version, policies or backend are not those of the plan."""
    reasons = []
    if plan.runctl != version("runctl"):
        reasons.append(f"version: it was made by runctl {plan.runctl}, and this is {version('runctl')}")
    elif plan.program != program_digest(session.program):
        reasons.append("version: the program that declares resources has changed")
    if plan.policies != policies_digest(session):
        reasons.append("policies: the rules, or what the project sets them to, have changed")
    if plan.backend != backend_mark(session.environment.backend):
        reasons.append("backend: it was made for stacks in another backend")
    if reasons:
        raise _outdated(reasons)


def held_to(plan: PlanFile, looked: Looked) -> tuple[Order, ...]:
    """The orders of ``plan``, for the folder as it is now. Raises ``PlanOutdatedError`` that names all that
    moved since."""
    now = {each.job: each for each in looked.orders}
    reasons = list(dict.fromkeys((*_moved_files(plan, looked), *_moved_jobs(plan, looked, now))))
    if reasons:
        raise _outdated(reasons)
    planned = {each.job: each for each in plan.jobs}
    return tuple(_bound(each, planned.get(each.job)) for each in looked.orders)


def _moved_files(plan: PlanFile, looked: Looked) -> Iterator[str]:
    if plan.repository != looked.repository.name:
        yield f"folder: it was made for {plan.repository}, and this is {looked.repository.name}"
        return
    for name in sorted({*plan.files, *looked.hashes}):
        before, after = plan.files.get(name), looked.hashes.get(name)
        if before is None and plan.is_whole:
            yield f"job file: {name} is new"
        elif after is None:
            yield f"job file: {name} is gone"
        elif before is not None and before != after:
            yield f"job file: {name} has changed"
    for name, code in _codes(looked.orders).items():
        if name in plan.codes and plan.codes[name] != code:
            yield f"code: the work folder of {name} has changed"


def _moved_jobs(plan: PlanFile, looked: Looked, now: Mapping[str, Order]) -> Iterator[str]:
    for each in plan.jobs:
        order = now.get(each.job)
        if order is None:
            yield f"state: job '{each.job}' is not there any more"
        elif each.state != order.state:
            yield f"state: job '{each.job}' was changed by another command"
        elif each.fingerprint != order.fingerprint:
            if each.code == order.code and plan.files.get(each.file) == looked.hashes.get(each.file):
                yield f"settings: what they say of job '{each.job}' has changed"
        elif each.action != order.action:
            now_is = f"{order.action}, since {order.entry.reason}"
            yield f"state: job '{each.job}' was planned as {each.action}, and now is {now_is}"


def _bound(order: Order, planned: PlannedJob | None) -> Order:
    """``order`` as it was planned; one without a plan does nothing."""
    if planned is None:
        entry = order.entry
        if not entry.is_change:
            return order
        return replace(order, entry=replace(entry, action="unchanged", reason="not in the plan", changes=()))
    entry = replace(
        order.entry,
        is_previewed=True,
        changes=tuple(
            PlannedChange(each.operation, each.type, each.name, each.urn) for each in planned.steps
        ),
    )
    return replace(order, entry=entry, place=planned.place, is_bound=True)


def _planned(order: Order) -> PlannedJob:
    entry = order.entry
    return PlannedJob(
        job=order.job,
        file=entry.file or "",
        action=entry.action,
        code=order.code,
        fingerprint=order.fingerprint,
        state=order.state,
        place=_place(entry),
        steps=tuple(
            PlannedStep(operation=each.operation, type=each.type, name=each.name, urn=each.urn)
            for each in entry.changes
        ),
    )


def _place(entry: Entry) -> PlannedPlace | None:
    return None if entry.placement is None else place_of(entry.placement)


def place_of(placement: Placement) -> PlannedPlace:
    """What of a placement a plan holds on to; its price may move."""
    return PlannedPlace(
        market=placement.market,
        instance_type=placement.instance_type,
        zone=placement.zone,
        subnet=placement.subnet,
    )


def _codes(orders: Sequence[Order]) -> dict[str, str]:
    return {
        each.entry.file: each.code
        for each in orders
        if each.path is not None and each.entry.file is not None and each.code is not None
    }


def _outdated(reasons: Sequence[str]) -> PlanOutdatedError:
    return PlanOutdatedError(
        "The plan is outdated, and nothing was changed:",
        reasons=reasons,
        next_step="Plan again, look at it, and apply that.",
    )
