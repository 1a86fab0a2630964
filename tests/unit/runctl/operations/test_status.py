"""Status and watching of one job, and its description, over fakes of stack and provider."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import (
    FakeTime,
    instance_state,
    placement,
    stack_config,
    stack_state,
    volume_state,
)
from support.output_schemas import problems
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.cli.views.job import change_line, description_lines, resource_rows, status_lines
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import AccessDeniedError, CloudError
from runctl_auto.jobs.session import Time
from runctl_auto.operations.describe import describe
from runctl_auto.operations.status import WATCH_PACE, status, watch
from runctl_auto.providers.contract import Machine, RunKey, VolumeUse
from runctl_auto.run.status import RunStatus, parse_run_status
from runctl_auto.stack.prices import Rates
from runctl_auto.stack.state import StackState

RATES = Rates(volume_gb_month=0.0073)
"""The disk of 50 GB costs 0.0005 USD an hour, the volume of 100 GB 0.001."""
NOW = datetime(2026, 1, 1, 1, 0, 0, tzinfo=timezone.utc)
CHECKPOINTS = {"count": 2, "last": "00000001", "last_at": "2026-01-01T00:59:00Z"}
RUNNING = RunStatus(
    run="r1",
    phase="running",
    instance="i-1",
    started_at="2026-01-01T00:00:00Z",
    updated_at="2026-01-01T00:59:58Z",
    seconds={"run": 3598.0},
    raw={"checkpoints": CHECKPOINTS},
)
ENDED = RunStatus(run="r1", phase="failed", exit_code=7, reason="command_failed", message="no data")


class World:
    """A job whose machine is in a state, and the volumes that exist."""

    def __init__(self) -> None:
        self.machine = "running"
        self.volumes: tuple[str, ...] = ("vol-data",)
        self.clock = FakeTime()
        self.stack: Any = create_autospec(JobStack, instance=True)
        self.stack.job = "digits"
        self.stack.config.return_value = stack_config(
            placement=placement(price_hour=0.6), rates=RATES
        ).to_values()
        self.stack.state.return_value = stack_state(instance_state(), volume_state(protect=True))
        self.stack.outputs.return_value = {"bucket": "b", "volumes": {"data": "vol-data"}}
        self.bucket: Any = fake_results(status=RUNNING, runs=("r0", "r1"))
        self.provider: Any = fake_provider(results=self.bucket)
        self.provider.machine.side_effect = lambda identity: Machine(
            identity, self.machine, launched_at=NOW - timedelta(minutes=30)
        )
        self.provider.volumes.side_effect = lambda identities: {
            each: VolumeUse(each, (), "detach") for each in self.volumes if each in identities
        }
        self.provider.statuses.side_effect = lambda runs: [
            ENDED if each.run == "r0" else RUNNING for each in runs
        ]
        driver = create_autospec(Driver, instance=True)
        driver.open.return_value = self.stack
        self.session = fake_session(
            driver=driver,
            provider=self.provider,
            time=Time(sleep=self.clock.sleep, monotonic=self.clock.monotonic, now=lambda: NOW),
        )


@pytest.fixture
def world() -> World:
    return World()


def test_the_status_tells_all_and_keeps_its_schema(world: World) -> None:
    found = status(world.session, "digits")
    told = found.as_json()
    assert problems("status", told) == []
    assert (told["phase"], told["machine"]["state"], told["age_seconds"]) == ("running", "running", 3600.0)
    cost = told["cost"]
    assert (cost["usd"], cost["at_least"], cost["hour"], cost["volumes"]) == (0.6025, False, 0.6015, 0.002)
    assert (told["checkpoints"], told["protected"], told["drift"]) == (
        CHECKPOINTS,
        ["digits-data-volume"],
        [],
    )


def test_the_status_for_people(world: World) -> None:
    assert list(status_lines(status(world.session, "digits"))) == [
        "  run:         r1, attempt 1",
        "  machine:     i-1 (running)",
        "  placement:   t3.micro spot in us-east-1a",
        "  age:         1h, began 2026-01-01 00:00:00Z",
        "  cost:        $0.60 so far, $0.6015 an hour now",
        "  last heard:  2s ago",
        "  checkpoints: 2, last 00000001 at 2026-01-01 00:59:00Z",
        "  protected:   digits-data-volume",
    ]


def test_a_lost_machine_and_a_lost_volume_are_drift(world: World) -> None:
    world.machine, world.volumes = "terminated", ()
    found = status(world.session, "digits")
    assert found.phase == "lost"
    assert [each.id for each in found.drift] == ["i-1", "vol-data"]
    assert problems("status", found.as_json()) == []
    lines = list(status_lines(found))
    assert "  drift:       digits-machine-instance i-1: the state has it, and it is terminated" in lines
    assert found.facts.cost.seconds == 3598.0, "what the agent counted; the machine does not run on"
    assert "  cost:        ≥ $0.60 so far, $0.001 an hour now" in lines, "its volume costs on"


def test_volumes_that_cannot_be_asked_for_are_told_as_such(world: World) -> None:
    world.provider.volumes.side_effect = AccessDeniedError("no", code="UnauthorizedOperation")
    (drift,) = status(world.session, "digits").drift
    assert drift.what.startswith("not known: ")


def test_before_the_agents_first_word(world: World) -> None:
    world.bucket.status.return_value = None
    found = status(world.session, "digits")
    assert found.phase == "starting"
    assert "  cost:        $0.30 so far, $0.6015 an hour now" in list(status_lines(found)), "since its launch"
    world.stack.state.return_value = StackState((), ())
    assert status(world.session, "digits").phase == "no machine"
    assert problems("status", status(world.session, "digits").as_json()) == []


def test_a_machine_that_ended_before_its_first_word_is_lost(world: World) -> None:
    world.bucket.status.return_value = None
    world.machine = "terminated"
    assert status(world.session, "digits").phase == "lost"


def test_watching_shows_every_look_until_the_end(world: World) -> None:
    world.bucket.status.side_effect = [None, RUNNING, RUNNING, ENDED]
    shown: list[str] = []
    found = watch(world.session, "digits", lambda each: shown.append(change_line(each)))
    assert [line.split(", ")[0] for line in shown] == [
        "digits: starting",
        "digits: running",
        "digits: running",
        "digits: failed",
    ]
    assert shown[1] == shown[2], "nothing a person waits for has changed"
    assert found.ended
    assert world.clock.now == 3 * WATCH_PACE.first


def test_the_description_tells_runs_resources_and_the_job(world: World) -> None:
    found = describe(world.session, "digits")
    told = found.as_json()
    assert problems("describe", told) == []
    assert [(each["run"], each["phase"], each["exit_code"]) for each in told["runs"]] == [
        ("r0", "failed", 7),
        ("r1", "running", None),
    ]
    assert [each["name"] for each in told["resources"]] == ["digits-machine-instance", "digits-data-volume"]
    assert told["spec"]["run"] == "true"
    world.provider.statuses.assert_called_once_with([RunKey("digits", "111122223333", "r0")])
    lines = list(description_lines(found))
    assert "    r0: failed, exit code 7, began unknown" in lines
    assert ("    digits-data-volume", "ebs Volume", "protected", "vol-data") in resource_rows(found)
    assert "  volumes:     data vol-data" in lines


def test_what_a_machine_wrote_stays_on_its_line(world: World) -> None:
    hostile = "a\nerror: b\x1b[2J\u202e"
    world.machine = hostile
    world.bucket.status.return_value = replace(
        RUNNING, phase="failed", reason=hostile, message=hostile, raw={"checkpoints": {"last": hostile}}
    )
    world.stack.outputs.return_value = {"bucket": hostile, "volumes": {hostile: hostile}}
    world.provider.statuses.side_effect = lambda runs: [CloudError(hostile) for _ in runs]
    found = describe(world.session, "digits")
    lines = [*description_lines(found), *status_lines(found.now), change_line(found.now)]
    assert all(line.isprintable() for line in lines), [line for line in lines if not line.isprintable()]
    assert sum("error: b" in line for line in lines) > 5


def test_a_status_that_cannot_be_read_is_told_with_why(world: World) -> None:
    bad = parse_run_status(b'{"schema": 1, "phase": "running", "exit_code": 1000}', "r1")
    world.bucket.status.return_value = bad
    world.provider.statuses.side_effect = lambda runs: [bad if each.run == "r1" else RUNNING for each in runs]
    found = describe(world.session, "digits")
    told = found.as_json()
    assert problems("describe", told) == []
    assert problems("status", found.now.as_json()) == []
    assert (told["phase"], told["exit_code"], told["cost"]["at_least"]) == ("unknown", None, True)
    why = "the status of run r1 cannot be read: exit_code: 1000 is not a whole number from 0 to 255"
    assert [each["problem"] for each in told["runs"]] == [None, told["problem"]]
    assert told["problem"].startswith(why)
    lines = list(description_lines(found))
    assert any(line.startswith(f"  problem:     {why}") for line in lines)
    assert any(line.startswith(f"    r1: {why}") for line in lines)
    world.machine = "terminated"
    assert status(world.session, "digits").phase == "lost"


def test_a_heartbeat_from_the_future_is_none(world: World) -> None:
    world.bucket.status.return_value = replace(RUNNING, updated_at="2026-01-01T01:06:00Z")
    facts = status(world.session, "digits").facts
    assert (facts.heartbeat_age_seconds, facts.is_silent) == (None, True)
