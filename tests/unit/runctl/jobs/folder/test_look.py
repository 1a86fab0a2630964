"""What becomes of every job of a folder, without an engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.job_folders import AT, FolderWorld, status
from support.job_stacks import instance_state, job_spec, stack_config, stack_state, volume_state

from runctl_auto.errors import UnreachableError, UsageError
from runctl_auto.jobs.folder.stacks import KnownStack
from runctl_auto.jobs.folder.verdict import by_run, may_have_lost_machine
from runctl_auto.stack.source import Source
from runctl_auto.stack.state import StackState


@pytest.fixture
def world(tmp_path: Path) -> FolderWorld:
    return FolderWorld(tmp_path)


def test_a_new_file_is_created_and_an_applied_one_is_left_alone(world: FolderWorld) -> None:
    world.write("first")
    world.write("second")
    world.apply("first")
    world.asked.clear()
    looked = world.look()
    assert [(each.job, each.action) for each in looked.orders] == [
        ("first", "unchanged"),
        ("second", "create"),
    ]
    assert world.asked == ["first"], "one request a run, none for what is new"


@pytest.mark.parametrize("what", ["file", "code", "settings", "program"])
def test_what_differs_from_what_was_applied_is_updated(world: FolderWorld, what: str) -> None:
    world.write("first")
    world.apply("first")
    if what == "file":
        world.write("first", tags={"team": "nlp"})
    elif what == "code":
        (world.folder / "first-work" / "more.py").write_text("")
    elif what == "settings":
        aws = world.session.settings.aws.model_copy(update={"end_schedule": True})
        settings = world.session.settings.model_copy(update={"aws": aws})
        world.session = replace(world.session, settings=settings)
    else:
        world.session = replace(world.session, program=world.root)
    assert world.order("first").action == "update"
    assert world.asked == [], "how the run is does not matter"


@pytest.mark.parametrize("phase", ["running", "succeeded"])
def test_with_refresh_what_is_unchanged_or_finished_is_compared_with_the_cloud(
    world: FolderWorld, phase: str
) -> None:
    world.write("first")
    world.apply("first")
    world.statuses["first"] = status(phase)
    assert world.order("first").action in ("unchanged", "finished")
    order = world.order("first", refresh=True)
    assert (order.action, order.refresh) == ("update", True)
    assert order.entry.reason == "it is compared with the cloud"


def test_an_update_that_failed_or_was_killed_is_repeated(world: FolderWorld) -> None:
    world.write("first")
    config = world.apply("first")
    world.record("first", config, succeeded=False)
    assert world.order("first").entry.reason == "its last update did not succeed"
    world.record("first", config)
    pending: Any = ({"type": "creating", "resource": instance_state()},)
    world.states["first"] = replace(world.states["first"], pending=pending)
    assert world.order("first").entry.reason == "its last update was interrupted"
    world.record("first", config, kind="destroy")
    assert world.order("first").action == "update"


def test_a_stack_that_was_made_and_never_applied_is_created(world: FolderWorld) -> None:
    world.write("first")
    world.states["first"] = StackState((), ())
    assert world.order("first").action == "create"


def test_a_first_update_that_was_killed_is_continued_or_pruned(world: FolderWorld) -> None:
    world.write("first")
    config = world.apply("first")
    del world.records["first"]
    assert world.order("first").action == "create", "killed on another machine"
    world.here["first"] = config.to_values()
    assert world.order("first").action == "update"
    (world.folder / "first.yaml").unlink()
    assert [each.action for each in world.look(prune=True).orders] == ["destroy"]
    world.here.clear()
    looked = world.look(prune=True)
    assert looked.orders == ()
    assert "`runctl down first`" in looked.notes[0]


def test_a_lost_machine_is_brought_back_unless_nobody_wants_that(world: FolderWorld) -> None:
    world.write("first")
    config = world.apply("first")
    world.statuses["first"] = status(updated_at=(AT - timedelta(hours=1)).isoformat())
    assert world.order("first").action == "unchanged", "its machine runs"
    assert "runctl watch" in world.order("first").entry.notes[0]
    world.machines["i-1"] = "terminated"
    assert world.order("first").action == "bring-back"
    world.record("first", replace(config, job=config.job.model_copy(update={"recovery": "none"})))
    assert world.order("first").action == "finished"


def test_the_machine_of_an_ended_run_is_released_once(world: FolderWorld) -> None:
    world.write("first")
    world.apply("first")
    world.statuses["first"] = status("succeeded")
    order = world.order("first")
    assert (order.action, order.entry.is_change, order.entry.resources) == ("finished", True, {"delete": 1})
    world.states["first"] = stack_state()
    order = world.order("first")
    assert (order.action, order.entry.is_change) == ("finished", False)
    assert order.entry.cost is not None
    assert order.entry.cost.hour.usd == 0


def test_a_run_that_cannot_be_asked_for_hides_no_other(world: FolderWorld) -> None:
    for name in ("first", "second"):
        world.write(name)
        world.apply(name)
    world.statuses["first"] = UnreachableError("S3 does not answer.")
    first, second = world.look().orders
    assert (first.action, second.action) == ("unchanged", "unchanged")
    assert "S3 does not answer" in first.entry.notes[0]
    assert second.entry.notes == ()


def test_a_job_of_another_repository_is_refused_or_adopted(world: FolderWorld) -> None:
    world.write("first")
    config = world.apply("first")
    world.record("first", replace(config, source=Source("github.com/other/jobs", "first.yaml")))
    order = world.order("first")
    assert order.action == "refused"
    assert order.entry.error is not None
    assert "--adopt" in str(order.entry.error.next_step)
    assert world.order("first", adopt=True).action == "update"
    assert world.look(prune=True).orders[0].action == "refused", "never pruned either"


def test_a_job_that_was_applied_by_itself_is_taken_into_the_folder(world: FolderWorld) -> None:
    world.write("first")
    config = world.apply("first")
    world.record("first", replace(config, source=None))
    assert world.order("first").action == "update"
    (world.folder / "first.yaml").unlink()
    assert world.look().removed == (), "a folder does not end what it did not make"


def test_a_file_that_is_gone_is_told_and_pruned_only_when_asked(world: FolderWorld) -> None:
    world.write("first")
    world.apply("first")
    (world.folder / "first.yaml").unlink()
    looked = world.look()
    assert [each.job for each in looked.removed] == ["first"]
    assert looked.orders == ()
    pruned = world.look(prune=True)
    assert [(each.job, each.action) for each in pruned.orders] == [("first", "destroy")]
    assert pruned.removed == ()


def test_what_is_protected_is_not_pruned_and_the_others_are(world: FolderWorld) -> None:
    for name in ("first", "second"):
        world.write(name)
        world.apply(name)
        (world.folder / f"{name}.yaml").unlink()
    world.states["first"] = stack_state(volume_state(protect=True))
    orders = world.look(prune=True).orders
    assert [(each.job, each.action) for each in orders] == [("first", "refused"), ("second", "destroy")]
    assert orders[0].entry.error is not None
    assert orders[0].entry.error.kind == "protected"


def test_a_file_that_became_unreadable_does_not_end_its_job(world: FolderWorld) -> None:
    world.write("first")
    world.apply("first")
    (world.folder / "first.yaml").write_text("name: [")
    looked = world.look(prune=True)
    assert looked.orders == ()
    assert [each.action for each in looked.errors] == ["invalid"]


def test_only_what_matches_is_looked_at_also_for_pruning(world: FolderWorld) -> None:
    for name in ("first", "second", "third"):
        world.write(name)
        world.apply(name)
    for name in ("first", "second"):
        (world.folder / f"{name}.yaml").unlink()
    looked = world.look(only=("sec*",), prune=True)
    assert [each.job for each in looked.orders] == ["second"]
    assert looked.left_aside == 1


def test_two_files_of_one_job_are_an_error_of_both(world: FolderWorld) -> None:
    world.write("first")
    world.write("second")
    file = world.folder / "second.yaml"
    file.write_text(file.read_text().replace("name: second", "name: first"))
    looked = world.look(prune=True)
    assert [(each.job, each.action) for each in looked.errors] == [("first", "invalid"), ("first", "invalid")]
    assert looked.orders == ()


def test_no_folder_is_an_error(world: FolderWorld) -> None:
    world.folder.rmdir()
    with pytest.raises(UsageError, match="not a folder"):
        world.look()


PHASES = st.sampled_from(["booting", "running", "interrupted", "succeeded", "failed", "stopped"])


@given(
    phase=st.none() | PHASES,
    heard=st.integers(0, 7200),
    has_compute=st.booleans(),
    machine_runs=st.none() | st.booleans(),
    recovery=st.sampled_from(["runctl", "none"]),
)
def test_no_run_that_ended_or_goes_on_gets_a_machine(
    phase: str | None, heard: int, has_compute: bool, machine_runs: bool | None, recovery: str
) -> None:
    known = KnownStack(
        name="digits",
        config=stack_config(job=job_spec(recovery=recovery)),
        is_applied=True,
        state=stack_state(instance_state()) if has_compute else stack_state(),
        status=None
        if phase is None
        else status(phase, updated_at=(AT - timedelta(seconds=heard)).isoformat()),
        machine_runs=machine_runs,
    )
    verdict = by_run(known, AT)
    has_ended = phase in ("succeeded", "failed", "stopped")
    if has_ended:
        assert verdict.action == "finished"
        assert verdict.needs_engine == has_compute
    if verdict.action == "bring-back":
        assert not has_ended
        assert not machine_runs
        assert recovery == "runctl"
        assert may_have_lost_machine(known, AT)
    if machine_runs and not has_ended:
        assert verdict.action == "unchanged"
    assert verdict.action in ("finished", "unchanged", "bring-back")
