"""All jobs that fit: one question, and what happens to one keeps no other from its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, job_spec, resource, stack_config, stack_state, volume_state
from support.output_schemas import problems
from support.sessions import fake_provider, fake_results, fake_scanner, fake_session

from runctl_auto.cli.views.teardown import all_json
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.engine.executor.local_pool import LocalPool
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import ConfirmationNeededError, StackLockedError
from runctl_auto.jobs.filters import Filters
from runctl_auto.jobs.session import Time
from runctl_auto.operations.down import DownOptions
from runctl_auto.operations.down_all import DownAllResult, down_all
from runctl_auto.run.status import RunStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
STARTED = {"ann-1": "2026-11-22T11:00:00Z", "ann-2": "2026-11-20T11:00:00Z", "bob-1": "2026-11-22T11:59:00Z"}


class World:
    """Three jobs with a bucket each; that of ``bob-1`` has a protected volume too."""

    def __init__(self, folder: Path, *, agrees: bool = True) -> None:
        self.stacks: dict[str, Any] = {}
        self.told = Told(agrees=agrees)
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.jobs.return_value = tuple(JobSummary(name, 2, None, False) for name in STARTED)
        configs = {
            name: replace(
                stack_config(job=job_spec(name=name, tags={"team": "nlp"} if name == "ann-1" else {})),
                owner=name.partition("-")[0],
            )
            for name in STARTED
        }
        for name, config in configs.items():
            bucket = {**resource("aws:s3/bucket:Bucket", f"{name}-bucket", f"b-{name}")}
            bucket["urn"] = bucket["urn"].replace("digits", name)
            kept = [volume_state(protect=True)] if name == "bob-1" else []
            stack: Any = create_autospec(JobStack, instance=True)
            stack.job = name
            stack.config.return_value = config.to_values()
            stack.unfinished.return_value = ()
            before, after = stack_state(bucket, *kept), stack_state(*kept)
            stack.state.side_effect = [before, before, after]
            change = PlannedChange("delete", bucket["type"], f"{name}-bucket", bucket["urn"])
            stack.preview_destroy.return_value = Plan((change,), 0)
            self.stacks[name] = stack
        self.driver.config_of.side_effect = lambda job: configs[job].to_values()
        self.driver.open.side_effect = self.stacks.__getitem__
        results = fake_results(status=RunStatus("r1", "succeeded"), runs=())
        provider = fake_provider(results=results, scanner=fake_scanner())
        provider.statuses.side_effect = lambda runs: [
            RunStatus("r1", "running", started_at=STARTED[each.job]) for each in runs
        ]
        self.session = fake_session(
            folder, driver=self.driver, provider=provider, told=self.told, time=Time(now=lambda: NOW)
        )

    def end(
        self, filters: Filters | None = None, *, yes: bool = True, dry_run: bool = False
    ) -> DownAllResult:
        pool = LocalPool(1, lambda stack: self.session)
        result = down_all(self.session, filters or Filters(), DownOptions(yes=yes), pool, dry_run=dry_run)
        assert problems("down", all_json(result)) == []
        return result

    def ended(self) -> list[str]:
        return [name for name, stack in self.stacks.items() if stack.destroy.called]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(
    ("filters", "ended"),
    [
        (Filters(), ["ann-1", "ann-2", "bob-1"]),
        (Filters(owners=frozenset({"ann"})), ["ann-1", "ann-2"]),
        (Filters(tags={"team": None}), ["ann-1"]),
        (Filters(older_than=1800), ["ann-1", "ann-2"]),
        (Filters(older_than=86_400), ["ann-2"]),
        (Filters(phases=frozenset({"failed"})), []),
    ],
)
def test_the_jobs_that_fit_are_ended_and_no_others(world: World, filters: Filters, ended: list[str]) -> None:
    result = world.end(filters)
    assert world.ended() == ended == [each.job for each in result.jobs]
    assert result.exit_code == 0


def test_all_plans_come_before_the_one_question(world: World) -> None:
    told_before: list[str] = []
    world.told.confirm = lambda question: (
        told_before.extend(  # type: ignore[method-assign]
            [question, *(each.job for each in world.told.plans)]
        )
        or True
    )
    world.end(yes=False)
    assert "3 jobs of ann, bob" in told_before[0]
    assert set(told_before[1:]) == set(STARTED)


def test_declined_ends_none(tmp_path: Path) -> None:
    world = World(tmp_path, agrees=False)
    with pytest.raises(ConfirmationNeededError):
        world.end(yes=False)
    assert world.ended() == []


def test_a_dry_run_ends_none_and_asks_nobody(world: World) -> None:
    result = world.end(yes=False, dry_run=True)
    assert (world.ended(), world.told.questions) == ([], [])
    assert [len(each.forecast.planned) for each in result.jobs if each.forecast] == [1, 1, 1]
    assert result.exit_code == 0


def test_what_is_protected_is_kept_and_told(world: World) -> None:
    [bob] = [each for each in world.end().jobs if each.job == "bob-1"]
    assert bob.result is not None
    assert [each.id for each in bob.result.receipt.kept] == ["vol-data"]
    assert any("kept, since it is protected" in note for plan in world.told.plans for note in plan.notes)


def fails_to_plan(stack: Any) -> None:
    stack.await_quiet.side_effect = StackLockedError("carol works on it")


def fails_to_end(stack: Any) -> None:
    stack.destroy.side_effect = StackLockedError("carol works on it")


@pytest.mark.parametrize("breaks", [fails_to_plan, fails_to_end])
def test_a_job_that_fails_does_not_take_the_others_with_it(
    world: World, breaks: Callable[[Any], None]
) -> None:
    breaks(world.stacks["ann-2"])
    result = world.end()
    assert [each.job for each in result.jobs if each.result is not None] == ["ann-1", "bob-1"]
    [failed] = [each for each in result.jobs if each.error is not None]
    assert failed.job == "ann-2"
    assert failed.error is not None
    assert "carol" in failed.error.text
    assert result.exit_code == 1
