"""What a job cost outlives its teardown, also one that was killed halfway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import FakeTime, instance_state, placement, stack_config, stack_state, volume_state
from support.output_schemas import problems
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.backend.backend import open_backend
from runctl_auto.cli.views.ledger import difference_rows
from runctl_auto.cost.ledger import Bill
from runctl_auto.engine.driver import Driver
from runctl_auto.errors import JobNotFoundError, UnreachableError, UsageError
from runctl_auto.jobs.bills.archive import BillArchive
from runctl_auto.jobs.bills.last import LastBill
from runctl_auto.jobs.session import Session, Time
from runctl_auto.operations.cost import CostQuery, cost
from runctl_auto.providers.contract import Machine, RunKey
from runctl_auto.run.machines import RunMachine
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.prices import Rates

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
STATE = stack_state(
    {**instance_state(), "created": "2026-01-01T00:00:00Z"},
    {**volume_state(), "created": "2026-01-01T00:00:00Z"},
)
CONFIG = stack_config(placement=placement(price_hour=1.0), rates=Rates(volume_gb_month=0.073))
"""The disk of 50 GB costs 0.005 USD an hour, the volume of 100 GB 0.01."""


def status(ended: float | None) -> RunStatus:
    machine = RunMachine(
        id="i-1",
        type="t3.micro",
        zone="us-east-1a",
        market="spot",
        launched_at=START,
        seen_at=START + timedelta(hours=ended or 1),
        ended_at=None if ended is None else START + timedelta(hours=ended),
        price_hour=1.0,
    )
    return RunStatus("r1", "running" if ended is None else "succeeded", machines=(machine,))


class World:
    """A job whose backend is a folder, and the time in hours since its start."""

    def __init__(self, folder: Path) -> None:
        self.hours = 0.0
        self.status: RunStatus | None = status(ended=None)
        self.machine = Machine("i-1", "running")
        self.folder = folder
        self.results: Any = fake_results(runs=("r1",))
        self.provider: Any = fake_provider(results=self.results)
        self.provider.statuses.side_effect = self._statuses
        self.provider.machine.side_effect = lambda _identity: self.machine
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.backend = open_backend(f"file://{folder}/state", "runctl")
        self.driver.jobs.return_value = ()
        self.driver.open.return_value.config.return_value = CONFIG.to_values()

    def _statuses(self, runs: Sequence[RunKey]) -> list[Any]:
        return [self.status for _ in runs]

    def session(self) -> Session:
        clock = FakeTime()
        now = START + timedelta(hours=self.hours)
        time = Time(sleep=clock.sleep, monotonic=clock.monotonic, now=lambda: now)
        backend = f"file://{self.folder}/state"
        return fake_session(
            self.folder, driver=self.driver, provider=self.provider, time=time, backend=backend
        )

    def last_bill(self) -> LastBill:
        job = self.session().job("digits")
        job.config()
        return LastBill.before_teardown(job, CONFIG, STATE)

    def kept(self) -> Bill:
        (bill,) = BillArchive(self.session()).bills()
        return bill


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def hours(bill: Bill) -> dict[str, tuple[float, bool]]:
    return {each.kind: (each.hours, each.goes_on) for each in bill.charges}


def torn_down(world: World) -> None:
    world.hours = 10
    bill = world.last_bill()
    world.machine = Machine("i-1", "terminated", ended_at=START + timedelta(hours=10.5))
    world.hours = 11
    LastBill(job=world.session().job("digits"), records=bill.records, life=bill.life).after_teardown(
        {"vol-data"}
    )


def test_it_holds_the_ends_of_machines_and_volumes(world: World) -> None:
    torn_down(world)
    assert hours(world.kept()) == {"machine": (10.5, False), "disk": (10.5, False), "volume": (11.0, False)}


def test_what_is_kept_costs_on(world: World) -> None:
    world.hours = 10
    world.last_bill().after_teardown(set())
    assert hours(world.kept())["volume"] == (10.0, True)


def test_a_teardown_that_was_killed_loses_nothing(world: World) -> None:
    """The bucket, and with it all statuses, went before the first one was killed."""
    world.hours, world.status = 10, status(ended=9)
    world.machine = Machine("i-1", "terminated")
    world.last_bill()
    assert hours(world.kept()) == {"machine": (9.0, False), "disk": (9.0, False), "volume": (10.0, True)}
    world.status, world.hours = None, 12
    world.provider.machine.side_effect = UnreachableError("EC2 does not answer")
    again = world.last_bill()
    world.hours = 13
    LastBill(job=world.session().job("digits"), records=again.records, life=again.life).after_teardown(
        {"vol-data"}
    )
    assert hours(world.kept()) == {"machine": (9.0, False), "disk": (9.0, False), "volume": (13.0, False)}


@pytest.mark.parametrize(("earlier", "unread"), [(None, True), (status(ended=1), False)])
def test_an_earlier_run_that_never_reported_makes_it_a_least(
    world: World, earlier: RunStatus | None, unread: bool
) -> None:
    config = replace(CONFIG, run=replace(CONFIG.run, earlier=("r0",)))
    world.provider.statuses.side_effect = lambda runs: [
        earlier if each.run == "r0" else world.status for each in runs
    ]
    job = world.session().job("digits")
    assert LastBill.before_teardown(job, config, STATE).records.has_gaps == unread


def test_it_is_in_the_backend_and_in_the_project(world: World) -> None:
    torn_down(world)
    (kept,) = (world.folder / "state" / ".pulumi" / "runctl" / "runctl" / "costs" / "digits").iterdir()
    assert kept.name == "20260101T000000Z.json", "of this life of the job"
    (own,) = (world.folder / ".runctl" / "costs").glob("*/digits/*.json")
    assert own.read_text() == kept.read_text()
    kept.unlink()
    assert hours(world.kept())["machine"] == (10.5, False)
    own.write_text("{")
    assert BillArchive(world.session()).bills() == ()


def test_another_backend_has_other_bills(world: World) -> None:
    torn_down(world)
    session = fake_session(world.folder, driver=world.driver, backend="s3://another")
    world.driver.backend = open_backend(f"file://{world.folder}/empty", "runctl")
    assert BillArchive(session).bills() == ()


def test_a_bill_that_cannot_be_kept_is_said_and_stops_nothing(world: World) -> None:
    (world.folder / ".runctl").write_text("no folder")
    job = world.session().job("digits")
    job.config()
    LastBill.before_teardown(job, CONFIG, STATE)
    said = job.session.reporter.said  # type: ignore[attr-defined]
    assert any("could not be kept" in line for line in said)


def test_a_job_that_is_gone_stays_in_the_ledger(world: World) -> None:
    torn_down(world)
    found = cost(world.session(), CostQuery(jobs=frozenset({"digits"}), by="type"))
    assert {each.key: round(each.usd.usd, 6) for each in found.groups} == {
        "t3.micro spot": 10.5,
        "gp3": round(10.5 * 0.005 + 11 * 0.01, 6),
    }
    assert problems("cost", found.as_json()) == []
    half = CostQuery(since=START + timedelta(hours=10), until=START + timedelta(hours=20))
    assert round(cost(world.session(), half).total.usd, 6) == round(0.5 * 1.005 + 0.01, 6)


def test_a_job_that_is_known_nowhere_is_an_error(world: World) -> None:
    with pytest.raises(JobNotFoundError, match="none of this name is archived"):
        cost(world.session(), CostQuery(jobs=frozenset({"nothing"})))


def test_the_bill_of_the_provider_is_compared_for_whole_days(world: World) -> None:
    torn_down(world)
    world.hours = 60
    world.provider.actual_costs.return_value = {"digits": 11.0, "unknown": 2.0}
    found = cost(world.session(), CostQuery(actual=True))
    asked = world.provider.actual_costs.call_args.args
    assert asked[:2] == (START.date(), (START + timedelta(days=2)).date()), "today is not over"
    assert set(asked[2].values()) == {"digits"}, "providers that bill machines are told whose they were"
    told = [(each.job, each.ledger, each.actual, each.difference) for each in found.differences]
    assert told == [("digits", 10.6625, 11.0, 0.3375), ("unknown", None, 2.0, 2.0)]
    assert difference_rows(found) == [
        ("digits", "$10.66", "$11.00", "+0.34"),
        ("unknown", "unknown", "$2.00", "+2.00"),
    ]
    assert problems("cost", found.as_json()) == []
    only = cost(world.session(), CostQuery(actual=True, jobs=frozenset({"digits"})))
    assert [each.job for each in only.differences] == ["digits"]


@pytest.mark.parametrize(("hours", "by"), [(5, "job"), (60, "day")])
def test_without_a_whole_day_or_by_another_grouping_there_is_nothing_to_compare(
    world: World, hours: float, by: str
) -> None:
    world.hours = hours
    with pytest.raises(UsageError, match="--actual compares"):
        cost(world.session(), CostQuery(actual=True, by=by))
