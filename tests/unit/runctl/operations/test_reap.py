"""Reaping: machines beyond their limits, of this backend's jobs and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, job_spec, placement, stack_config
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.backend.mark import backend_mark
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.errors import AccessDeniedError, CloudError, ConfirmationNeededError, EngineError
from runctl_auto.jobs.session import Time
from runctl_auto.operations.reap import limit_of, reap
from runctl_auto.providers.contract import TaggedMachine
from runctl_auto.run.status import RunStatus, parse_run_status
from runctl_auto.stack.config import GroupChoice

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
BACKEND = "s3://states"
OWNER = stack_config().owner


def machine(identity: str, minutes: float, **tags: str) -> TaggedMachine:
    own = {"job": "digits", "owner": OWNER, "backend": backend_mark(BACKEND), "run": "r1", **tags}
    return TaggedMachine(
        identity, NOW - timedelta(minutes=minutes), {f"runctl:{key}": value for key, value in own.items()}
    )


class World:
    def __init__(self, *machines: TaggedMachine, **job: Any) -> None:
        self.terminated: list[str] = []
        self.bucket: Any = fake_results()
        provider = fake_provider(results=self.bucket)
        provider.tagged_machines.return_value = machines
        provider.terminate.side_effect = self.terminated.extend
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.jobs.return_value = (JobSummary("digits", 1, None, False),)
        self.config = replace(stack_config(), job=job_spec(**job))
        self.driver.config_of.return_value = self.config.to_values()
        self.told = Told(agrees=False)
        self.session = fake_session(
            driver=self.driver,
            provider=provider,
            told=self.told,
            backend=BACKEND,
            time=Time(now=lambda: NOW),
        )

    def reaped(self) -> list[str]:
        result = reap(self.session, yes=True)
        assert [each.instance for each in result.reaped] == self.terminated
        return self.terminated


def test_a_machine_ten_minutes_over_its_limit_is_ended() -> None:
    world = World(machine("i-late", 71), machine("i-soon", 69), max_duration=3600)
    assert world.reaped() == ["i-late"]


def test_what_the_budget_pays_for_is_a_limit() -> None:
    price = stack_config().placement.price_hour
    assert price
    world = World(machine("i-1", 71), machine("i-2", 69), budget=price, max_price=price)
    assert limit_of(world.config) == (3600.0, "budget")
    assert world.reaped() == ["i-1"]


@pytest.mark.parametrize(
    "tags", [{"job": "other"}, {"owner": "eve"}, {"backend": "0000000000"}], ids=["job", "owner", "backend"]
)
def test_a_machine_of_somebody_else_stays(tags: dict[str, str]) -> None:
    assert World(machine("i-1", 9999, **tags), max_duration=60).reaped() == []


def test_without_limits_a_machine_lives_as_long_as_its_run() -> None:
    world = World(machine("i-1", 9999))
    assert world.reaped() == []
    world.bucket.status.return_value = RunStatus("r1", "failed", ended_at="2026-11-22T11:55:00.000Z")
    assert world.reaped() == []
    world.bucket.status.return_value = RunStatus("r1", "failed", ended_at="2026-11-22T11:40:00.000Z")
    assert world.reaped() == ["i-1"]


def test_the_group_that_would_replace_the_machine_is_ended_first() -> None:
    world = World(replace(machine("i-1", 71), group="g"), machine("i-2", 71), max_duration=3600)
    provider: Any = world.session.provider()
    order: list[str] = []
    provider.end_group.side_effect = order.append
    provider.terminate.side_effect = order.extend
    reap(world.session, yes=True)
    assert order == ["g", "i-1", "i-2"]


@pytest.mark.parametrize(("minutes", "reaped"), [(79, []), (81, ["i-1"])])
def test_a_young_machine_of_a_run_past_its_latest_end_is_ended(minutes: int, reaped: list[str]) -> None:
    world = World(machine("i-1", 1), max_duration=3600, recovery="cloud")
    began = int((NOW - timedelta(minutes=minutes)).timestamp())
    group = GroupChoice(prices={"t3.micro": 0.01}, subnets=(), root_device="/dev/xvda", began_at=began)
    world.driver.config_of.return_value = replace(world.config, group=group).to_values()
    assert world.reaped() == reaped


def test_nothing_is_ended_when_declined() -> None:
    world = World(machine("i-1", 9999), max_duration=60)
    with pytest.raises(ConfirmationNeededError):
        reap(world.session, yes=False)
    assert world.terminated == []
    assert "i-1 of job 'digits'" in world.told.said[0]


def test_a_job_that_cannot_be_read_is_told_and_hides_no_other() -> None:
    world = World(machine("i-1", 9999), max_duration=60)
    world.driver.jobs.return_value = (
        JobSummary("broken", 1, None, False),
        JobSummary("digits", 1, None, False),
    )
    values = world.config.to_values()

    def config_of(job: str) -> dict[str, str]:
        if job == "broken":
            raise EngineError("no such history")
        return values

    world.driver.config_of.side_effect = config_of
    result = reap(world.session, yes=True)
    assert result.unread == (("broken", "no such history"),)
    assert world.terminated == ["i-1"]


def test_a_machine_that_the_cloud_does_not_end_does_not_keep_the_others() -> None:
    world = World(machine("i-guarded", 71), machine("i-late", 71), max_duration=3600)

    def terminate(identities: list[str]) -> None:
        if "i-guarded" in identities:
            raise CloudError("may not be terminated", code="OperationNotPermitted")
        world.terminated.extend(identities)

    world.session.provider("us-east-1").terminate.side_effect = terminate  # type: ignore[attr-defined]
    result = reap(world.session, yes=True)
    assert [each.instance for each in result.reaped] == world.terminated == ["i-late"]
    assert [(each.instance, why) for each, why in result.refused] == [("i-guarded", "may not be terminated")]


def test_a_status_that_cannot_be_read_is_told_and_keeps_no_other_from_being_ended() -> None:
    world = World(machine("i-1", 30), machine("i-2", 30), machine("i-3", 9999), max_duration=7200)
    statuses = [
        parse_run_status(b"{", "r1"),
        AccessDeniedError("not allowed"),
        RunStatus("r1", "running"),
    ]
    world.bucket.status.side_effect = statuses
    result = reap(world.session, yes=True)
    assert world.terminated == ["i-3"]
    assert [job for job, _ in result.unread] == ["digits", "digits"]
    assert "the status of run r1 cannot be read" in result.unread[0][1]
    assert result.unread[1][1] == "not allowed"


def test_a_region_that_does_not_answer_keeps_no_other_from_being_looked_at() -> None:
    world = World(machine("i-1", 9999), max_duration=60)
    far = replace(world.config, job=job_spec(name="far"), placement=placement(region="eu-west-1"))
    configs = {"digits": world.config, "far": far}
    world.driver.jobs.return_value = tuple(JobSummary(name, 1, None, False) for name in configs)
    world.driver.config_of.side_effect = lambda job: configs[job].to_values()
    here, silent = world.session.provider("us-east-1"), fake_provider()
    silent.tagged_machines.side_effect = CloudError("no answer")
    session = replace(world.session, make_provider=lambda region: silent if region == "eu-west-1" else here)
    result = reap(session, yes=True)
    assert (world.terminated, result.unread) == (["i-1"], (("far", "no answer"),))
    here.tagged_machines.side_effect = CloudError("no answer")  # type: ignore[attr-defined]
    with pytest.raises(CloudError, match="no answer"):
        reap(session, yes=True)


def test_a_dry_run_finds_the_same_asks_nobody_and_ends_nothing() -> None:
    world = World(machine("i-late", 71), machine("i-soon", 69), max_duration=3600)
    tried = reap(world.session, yes=False, dry_run=True)
    assert world.terminated == []
    assert world.told.questions == []
    done = reap(world.session, yes=True)
    assert tried.planned == done.planned == done.reaped
    assert (tried.reaped, tried.dry_run, done.dry_run) == ((), True, False)
    assert tried.as_json()["dry_run"] is True
