"""A saved plan is carried out as it is, or refused with all that moved since."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.job_folders import AT, FolderWorld
from support.job_stacks import placement

from runctl_auto.engine.events import PlannedChange
from runctl_auto.errors import PlanOutdatedError, UsageError
from runctl_auto.jobs.folder.options import FolderOptions
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.folder.saved_plan import (
    held_to,
    options_of,
    plan_to_save,
    refuse_old,
    refuse_other_ground,
)
from runctl_auto.stack.plan_file import PlanFile, read_plan_file, write_plan_file

SECRET = "hf_do_not_write_this"


@pytest.fixture
def world(tmp_path: Path) -> FolderWorld:
    made = FolderWorld(tmp_path)
    made.write("first", env={"TOKEN": SECRET}, run=f"train --key {SECRET}")
    made.apply("first")
    made.write("first", env={"TOKEN": SECRET}, tags={"team": "nlp"})
    made.write("second")
    return made


def saved(world: FolderWorld, options: FolderOptions | None = None) -> PlanFile:
    """The plan, written and read again; engines have planned one step for every job that changes."""
    options = options or FolderOptions()
    looked = world.look(only=options.only, prune=options.prune, refresh=options.refresh)
    orders = [_previewed(each) for each in looked.orders]
    file = world.root / "plan.json"
    write_plan_file(file, plan_to_save(world.session, looked, orders, options))
    return read_plan_file(file)


def _previewed(order: Order) -> Order:
    if not order.entry.is_change:
        return order
    step = PlannedChange("create", "aws:s3/bucket:Bucket", "b", f"urn:{order.job}::b")
    return replace(order, entry=replace(order.entry, changes=(step,), placement=placement()))


def test_an_unmoved_plan_is_bound_to_its_changes_and_places(world: FolderWorld) -> None:
    plan = saved(world)
    refuse_old(plan, AT + timedelta(hours=1), 7200)
    refuse_other_ground(plan, world.session)
    orders = held_to(plan, world.look())
    assert [(each.job, each.action, each.is_bound) for each in orders] == [
        ("first", "update", True),
        ("second", "create", True),
    ]
    assert [each.urn for each in orders[1].entry.changes] == ["urn:second::b"]
    assert orders[1].place is not None
    assert orders[1].place.zone == "us-east-1a"


def test_a_plan_that_compared_with_the_cloud_is_carried_out_so(world: FolderWorld) -> None:
    world.write("third")
    world.apply("third")
    plan = saved(world, FolderOptions(refresh=True))
    options = options_of(plan)
    assert options.refresh
    orders = {each.job: each for each in held_to(plan, world.look(refresh=options.refresh))}
    assert (orders["third"].action, orders["third"].refresh, orders["third"].is_bound) == (
        "update",
        True,
        True,
    )


def test_no_value_of_the_job_is_in_the_file(world: FolderWorld) -> None:
    saved(world)
    assert SECRET not in (world.root / "plan.json").read_text()


def _job_file(world: FolderWorld) -> None:
    world.write("first", tags={"team": "other"})


def _new_file(world: FolderWorld) -> None:
    world.write("third")


def _gone(world: FolderWorld) -> None:
    (world.folder / "second.yaml").unlink()


def _code(world: FolderWorld) -> None:
    (world.folder / "second-work" / "train.py").write_text("other")


def _state(world: FolderWorld) -> None:
    world.states["first"] = replace(world.states["first"], version="first-2")


def _settings(world: FolderWorld) -> None:
    aws = world.session.settings.aws.model_copy(update={"end_schedule": True})
    world.session = replace(world.session, settings=world.session.settings.model_copy(update={"aws": aws}))


MOVES: dict[str, tuple[Callable[[FolderWorld], None], str]] = {
    "job file": (_job_file, "job file: first.yaml has changed"),
    "new file": (_new_file, "job file: third.yaml is new"),
    "gone": (_gone, "job file: second.yaml is gone"),
    "code": (_code, "code: the work folder of second.yaml has changed"),
    "state": (_state, "state: job 'first' was changed by another command"),
    "settings": (_settings, "settings: what they say of job 'first' has changed"),
}


@pytest.mark.parametrize("move", MOVES)
def test_what_moved_is_named(world: FolderWorld, move: str) -> None:
    plan = saved(world)
    act, reason = MOVES[move]
    act(world)
    with pytest.raises(PlanOutdatedError) as refused:
        held_to(plan, world.look())
    assert reason in refused.value.reasons


def test_all_that_moved_is_named_at_once(world: FolderWorld) -> None:
    plan = saved(world)
    _job_file(world)
    _code(world)
    with pytest.raises(PlanOutdatedError) as refused:
        held_to(plan, world.look())
    assert len(refused.value.reasons) == 2


def test_policies_and_version_and_backend_and_age(world: FolderWorld) -> None:
    plan = saved(world)
    for changes, word in (
        ({"policies": "0" * 64}, "policies"),
        ({"runctl": "0.0.1"}, "version"),
        ({"program": "0" * 64}, "version"),
        ({"backend": "0123456789"}, "backend"),
    ):
        with pytest.raises(PlanOutdatedError) as refused:
            refuse_other_ground(replace(plan, **changes), world.session)
        assert [each.partition(":")[0] for each in refused.value.reasons] == [word]
    for moment in (AT + timedelta(hours=3), AT - timedelta(minutes=10)):
        with pytest.raises(PlanOutdatedError, match="age"):
            refuse_old(plan, moment, 7200)
    with pytest.raises(PlanOutdatedError, match="age"):
        refuse_old(replace(plan, made_at="2026-01-31"), AT, 7200)


def test_a_plan_of_some_jobs_says_nothing_of_others(world: FolderWorld) -> None:
    plan = saved(world, FolderOptions(only=("first",)))
    _new_file(world)
    _code(world)
    options = options_of(plan)
    orders = held_to(plan, world.look(files=options.files))
    assert [each.job for each in orders] == ["first"]


def test_a_job_that_was_unchanged_in_the_plan_is_left_alone(world: FolderWorld) -> None:
    world.apply("first")
    plan = saved(world)
    assert [each.job for each in plan.jobs] == ["second"]
    world.machines["i-1"] = "terminated"
    world.statuses["first"] = None
    looked = world.look()
    assert looked.orders[0].action == "bring-back"
    first, second = held_to(plan, looked)
    assert (first.entry.is_change, second.entry.is_change) == (False, True)


def test_what_the_folder_does_not_ask_for_cannot_be_planned(world: FolderWorld) -> None:
    """A file that somebody edited plans nothing of its own."""
    plan = saved(world)
    job = plan.jobs[1]
    for forged in (replace(job, action="destroy"), replace(job, job="third"), replace(job, state="x")):
        with pytest.raises(PlanOutdatedError):
            held_to(replace(plan, jobs=(plan.jobs[0], forged)), world.look())


@pytest.mark.parametrize(
    "content", ["", "[]", "{", "name: first\n", '{"format": 2}', "[" * 100_000, '"\\ud800"']
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content)
    with pytest.raises(UsageError, match="no plan that this version"):
        read_plan_file(file)


def test_a_plan_with_a_key_too_many_is_refused(world: FolderWorld) -> None:
    saved(world)
    file = world.root / "plan.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "more": 1}))
    with pytest.raises(UsageError, match="more"):
        read_plan_file(file)
