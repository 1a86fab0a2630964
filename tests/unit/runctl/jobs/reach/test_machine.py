"""The machine of a job, or why it cannot be reached, and the way out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import (
    FakeTime,
    group_state,
    instance_state,
    job_spec,
    resource,
    stack_config,
    stack_state,
)
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.engine.driver import Driver
from runctl_auto.errors import JobNotFoundError, MachineNotReachableError, UsageError
from runctl_auto.jobs.reach.machine import PATIENCE_SECONDS, ReachedMachine, machine_of
from runctl_auto.jobs.session import Session, Time
from runctl_auto.providers.contract import Machine, MachineGroup
from runctl_auto.providers.reach import Connection, Reach
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import StackState

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)


def session_with(
    state: StackState,
    *,
    machine: str = "running",
    age: float = 60.0,
    connection: Connection = "connected",
    status: RunStatus | None = None,
    groups: Any = None,
) -> tuple[Session, FakeTime]:
    provider = fake_provider(results=fake_results(status=status))
    provider.reach = create_autospec(Reach, instance=True)
    provider.reach.connection.return_value = connection
    launched = NOW - timedelta(seconds=age)
    provider.machine.side_effect = lambda identity: Machine(identity, machine, launched_at=launched)
    if groups is not None:
        provider.groups.side_effect = groups
    driver = create_autospec(Driver, instance=True)
    driver.config_of.return_value = stack_config().to_values()
    driver.states.return_value = {"digits": state}
    clock = FakeTime()
    time = Time(clock.sleep, clock.monotonic, lambda: NOW)
    return fake_session(driver=driver, provider=provider, time=time), clock


def refusal(session: Session) -> MachineNotReachableError:
    with pytest.raises(MachineNotReachableError) as caught:
        machine_of(session, "digits")
    return caught.value


def test_a_machine_that_runs_is_found_without_an_engine() -> None:
    session, _ = session_with(stack_state(instance_state("i-7")))
    found = machine_of(session, "digits")
    assert (found.id, found.where) == ("i-7", {"job": "digits", "machine": "i-7"})
    session.driver.open.assert_not_called()  # type: ignore[attr-defined]


def test_a_job_that_was_never_set_up_is_told() -> None:
    session, _ = session_with(stack_state())
    session.driver.config_of.return_value = {}  # type: ignore[attr-defined]
    with pytest.raises(JobNotFoundError):
        machine_of(session, "digits")


@pytest.mark.parametrize(
    ("status", "says", "way_out"),
    [
        (RunStatus("r", "stopped", reason="user"), "has ended (stopped)", "runctl resume digits"),
        (RunStatus("r", "succeeded"), "has ended (succeeded)", "runctl up --rerun"),
        (None, "has no machine", "runctl up"),
    ],
)
def test_a_job_without_a_machine_is_told_by_how_its_run_is(
    status: RunStatus | None, says: str, way_out: str
) -> None:
    session, _ = session_with(stack_state(), status=status)
    error = refusal(session)
    assert says in error.what
    assert way_out in (error.next_step or "")


def test_a_machine_that_is_gone_is_named() -> None:
    session, _ = session_with(stack_state(instance_state("i-7")), machine="terminated")
    error = refusal(session)
    assert "i-7 of job 'digits' is gone" in error.what
    assert "runctl watch digits" in (error.next_step or "")


def test_a_group_that_makes_the_next_machine_is_told() -> None:
    session, _ = session_with(
        stack_state(group_state()), groups=lambda names: {each: MachineGroup(each, 1) for each in names}
    )
    assert "the cloud makes the next one" in refusal(session).what


def never(found: ReachedMachine) -> MachineNotReachableError:
    def attempt() -> None:
        raise MachineNotReachableError("no", where={"machine": found.id})

    with pytest.raises(MachineNotReachableError) as caught:
        found.reached(attempt)
    return caught.value


@pytest.mark.parametrize(
    ("age", "connection", "says", "way_out"),
    [
        (60.0, "unknown", "i-7 of job 'digits' is booting", "in a minute"),
        (3600.0, "unknown", "has no Systems Manager", "ssmmessages"),
        (3600.0, "lost", "does not answer", "runctl watch digits"),
    ],
)
def test_a_machine_that_is_not_reached_is_told_within_15_seconds(
    age: float, connection: Connection, says: str, way_out: str
) -> None:
    session, clock = session_with(stack_state(instance_state("i-7")), age=age, connection=connection)
    error = never(machine_of(session, "digits"))
    assert says in error.what
    assert way_out in (error.next_step or "")
    assert PATIENCE_SECONDS <= clock.now <= 15


def test_a_machine_that_comes_in_time_is_reached() -> None:
    session, _ = session_with(stack_state(instance_state("i-7")))
    answers = iter([False, False, True])

    def attempt() -> str:
        if not next(answers):
            raise MachineNotReachableError("no")
        return "reached"

    assert machine_of(session, "digits").reached(attempt) == "reached"


NODES = [
    resource("aws:ec2/instance:Instance", f"digits-node-{node}-instance", f"i-{node}") for node in (0, 2)
]


def of_nodes(rank: int) -> Any:
    session, _ = session_with(stack_state(*NODES))
    config = stack_config(job=job_spec(nodes=3)).to_values()
    session.driver.config_of.return_value = config  # type: ignore[attr-defined]
    return machine_of(session, "digits", rank)


def test_of_several_machines_that_of_a_rank_is_reached() -> None:
    assert [of_nodes(rank).id for rank in (0, 2)] == ["i-0", "i-2"]
    with pytest.raises(MachineNotReachableError):
        of_nodes(1)
    with pytest.raises(UsageError, match="no rank 3: it runs on 3 nodes"):
        of_nodes(3)


def test_the_only_machine_is_rank_0() -> None:
    session, _ = session_with(stack_state(instance_state("i-7")))
    with pytest.raises(UsageError, match="no rank 1: it runs on 1 node"):
        machine_of(session, "digits", 1)
