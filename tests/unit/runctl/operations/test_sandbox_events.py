"""Faults on request: what the sandbox's cloud is told for each kind."""

from __future__ import annotations

from typing import Any

import pytest
from support.job_stacks import (
    group_state,
    instance_state,
    job_spec,
    placement,
    resource,
    stack_config,
    stack_state,
)
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.errors import JobNotFoundError, UsageError
from runctl_auto.jobs.current_job import NEW_JOB, CurrentJob
from runctl_auto.operations import sandbox_events
from runctl_auto.operations.sandbox_events import KINDS, Kind, fail, interrupt
from runctl_auto.providers.contract import Machine, MachineGroup
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import StackState


class Sandbox:
    """Notes control calls; the job is as ``current`` says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, current: CurrentJob) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self.session = fake_session(provider=fake_provider(results=fake_results()))
        monkeypatch.setattr(sandbox_events, "job_without_engine", lambda session, job: current)
        monkeypatch.setattr(sandbox_events, "control_sandbox", self._call)

    def _call(
        self, folders: Any, method: str, path: str, body: Any, *, runpod: bool = False
    ) -> dict[str, Any]:
        self.calls.append((method, f"runpod/{path}" if runpod else path, body))
        return {"time": 1_900_000_000.0, "action": "terminate"}


RUNNING = CurrentJob(stack_config(), stack_state(instance_state("i-7")), None)


def test_an_interruption_is_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(monkeypatch, RUNNING)
    event = interrupt(sandbox.session, "digits", 30)
    assert sandbox.calls == [("POST", "instances/i-7/interrupt", {"notice_seconds": 30})]
    assert (event.machine, event.at) == ("i-7", "2030-03-17T17:46:40Z")


@pytest.mark.parametrize(
    ("kind", "over", "call"),
    [
        ("hang", False, ("POST", "instances/i-7/power", {"power": "frozen"})),
        ("hang", True, ("POST", "instances/i-7/power", {"power": "on"})),
        ("kill", False, ("POST", "instances/i-7/power", {"power": "cut"})),
        ("network", False, ("POST", "instances/i-7/network", {"connected": False})),
        ("network", True, ("POST", "instances/i-7/network", {"connected": True})),
        ("capacity", True, ("DELETE", "faults", {})),
    ],
)
def test_what_the_cloud_is_told(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, over: bool, call: tuple[str, str, Any]
) -> None:
    sandbox = Sandbox(monkeypatch, RUNNING)
    fail(sandbox.session, "digits", kind, over=over)
    assert sandbox.calls == [call]


def test_capacity_goes_in_the_zone_of_the_job_and_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(monkeypatch, RUNNING)
    assert fail(sandbox.session, "digits", "capacity").zone == "us-east-1a"
    ((_, path, fault),) = sandbox.calls
    assert path == "faults"
    assert fault["match"] == {"Job": "digits", "AvailabilityZone": "us-east-1a"}
    assert fault["code"] == "InsufficientInstanceCapacity"


def test_throttling_strikes_the_jobs_bucket_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(monkeypatch, RUNNING)
    fail(sandbox.session, "digits", "throttle")
    assert {fault["match"]["Bucket"] for _, _, fault in sandbox.calls} == {"runctl-digits-artifacts-1"}
    assert {fault["code"] for _, _, fault in sandbox.calls} == {"SlowDown"}


def test_the_machine_of_a_group_is_the_one_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RunStatus(run="r1", phase="running", instance="i-0")
    sandbox = Sandbox(monkeypatch, CurrentJob(stack_config(), stack_state(group_state("g")), before))
    assert fail(sandbox.session, "digits", "kill").machine == "i-1"


def test_capacity_goes_where_the_machine_of_a_group_is(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(monkeypatch, CurrentJob(stack_config(), stack_state(group_state("g")), None))
    provider: Any = sandbox.session.provider()
    provider.machine.side_effect = lambda each: Machine(each, "running", zone="us-east-1f")
    assert fail(sandbox.session, "digits", "capacity").zone == "us-east-1f"
    ((_, _, fault),) = sandbox.calls
    assert fault["match"] == {"Job": "digits", "AvailabilityZone": "us-east-1f"}


@pytest.mark.parametrize(
    "state", [stack_state(), stack_state(group_state("g")), stack_state(instance_state())]
)
def test_without_a_machine_there_is_nothing_to_interrupt(
    monkeypatch: pytest.MonkeyPatch, state: StackState
) -> None:
    before = RunStatus(run="r1", phase="running", instance="i-0")
    sandbox = Sandbox(monkeypatch, CurrentJob(stack_config(), state, before))
    provider: Any = sandbox.session.provider()
    provider.groups.side_effect = lambda names: {each: MachineGroup(each, 1) for each in names}
    provider.machine.side_effect = lambda each: Machine(each, "terminated")
    with pytest.raises(UsageError, match="has no machine"):
        interrupt(sandbox.session, "digits", 120)


ON_RUNPOD = CurrentJob(
    stack_config(job=job_spec(provider="runpod"), placement=placement(zone="EU-RO-1", provider="runpod")),
    stack_state(resource("runctl-runpod:index:Pod", "digits-pod", "p7")),
    None,
)


def test_a_pod_vanishes_and_its_data_centre_has_no_capacity(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(monkeypatch, ON_RUNPOD)
    provider: Any = sandbox.session.provider()
    provider.machine.side_effect = lambda each: Machine(each, "running", zone="EU-RO-1")
    assert fail(sandbox.session, "digits", "kill").machine == "p7"
    assert fail(sandbox.session, "digits", "capacity").zone == "EU-RO-1"
    fail(sandbox.session, "digits", "capacity", over=True)
    assert [call[:2] for call in sandbox.calls] == [
        ("POST", "runpod/pods/p7/vanish"),
        ("POST", "runpod/faults"),
        ("DELETE", "faults"),
        ("DELETE", "runpod/faults"),
    ]
    assert sandbox.calls[1][2]["match"] == {"dataCenterIds": "EU-RO-1"}


@pytest.mark.parametrize("kind", ["hang", "network"])
def test_what_cannot_happen_to_a_pod(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    sandbox = Sandbox(monkeypatch, ON_RUNPOD)
    with pytest.raises(UsageError, match="can be killed"):
        fail(sandbox.session, "digits", kind)
    with pytest.raises(UsageError, match="without a notice"):
        interrupt(sandbox.session, "digits", 120)
    with pytest.raises(UsageError, match="does not come back"):
        fail(sandbox.session, "digits", "kill", over=True)
    assert sandbox.calls == []


def test_an_unknown_job_and_a_killed_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JobNotFoundError):
        interrupt(Sandbox(monkeypatch, NEW_JOB).session, "digits", 120)
    with pytest.raises(UsageError, match="does not come back"):
        fail(Sandbox(monkeypatch, RUNNING).session, "digits", "kill", over=True)


def test_every_kind_is_one_of_the_command() -> None:
    from runctl_auto.cli.commands.sandbox import fail as command

    (option,) = [each for each in command.params if each.name == "kind"]
    assert tuple(option.type.choices) == KINDS  # type: ignore[attr-defined]
