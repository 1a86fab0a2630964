"""Watching: what is told and replaced, and that one bad job takes no other with it."""

from __future__ import annotations

from dataclasses import replace as changed
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.agent_stand_ins import MemoryStore
from support.job_stacks import (
    FakeTime,
    instance_state,
    job_spec,
    placement,
    resource,
    stack_config,
    stack_state,
)
from support.sessions import ACCOUNT, fake_provider, fake_session

from runctl_auto.agent.tracing.spans import Recorder, SpanContext, recording
from runctl_auto.backend.backend import Backend
from runctl_auto.engine.driver import Driver
from runctl_auto.errors import (
    CloudError,
    InterruptionsExhaustedError,
    JobEndedError,
    JobNotFoundError,
    NoCapacityError,
    RunctlError,
    StackLockedError,
    TrainingFailedError,
)
from runctl_auto.jobs.lost_machine import side_by_side as replacements_module
from runctl_auto.jobs.lost_machine.replace import ReplaceUnattended
from runctl_auto.jobs.watch.events import WatchEvent
from runctl_auto.jobs.watch.watcher import Watcher, WatchOptions
from runctl_auto.operations.watch import watch
from runctl_auto.providers.contract import Machine, MachineGroup
from runctl_auto.run.status import RunStatus, unreadable_status
from runctl_auto.stack.config import StackConfig


class Place:
    """A backend with jobs, a cloud with machines, and what happened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = FakeTime()
        self.configs: dict[str, StackConfig] = {}
        self.machines: dict[str, str | None] = {}
        self.statuses: dict[str, RunStatus | RunctlError | None] = {}
        self.running: set[str] = set()
        self.groups: dict[str, MachineGroup] = {}
        self.version = 0
        self.events: list[WatchEvent] = []
        self.replaced: list[tuple[str, str, bool]] = []
        self.fails: dict[str, BaseException] = {}
        self.backend: Any = create_autospec(Backend, instance=True)
        self.backend.is_readable = True
        self.backend.versions.side_effect = lambda: dict.fromkeys(self.configs, f"v{self.version}")
        self.backend.config.side_effect = lambda name: self.configs[name].to_values()
        self.backend.history.return_value = ()
        self.backend.state.side_effect = self._state
        self.driver: Any = create_autospec(Driver, instance=True, backend=self.backend)
        self.provider: Any = fake_provider()
        self.provider.statuses.side_effect = lambda keys: [self.statuses.get(key.job) for key in keys]
        self.provider.groups.side_effect = lambda names: {
            each.name: each for each in self.groups.values() if each.name in names
        }
        self.provider.launches.return_value = ()
        self.provider.running.side_effect = lambda ids: frozenset(self.running & set(ids))
        self.session = fake_session(
            Path("/nowhere"), driver=self.driver, provider=self.provider, clock=self.clock
        )
        monkeypatch.setattr(replacements_module, "ReplaceUnattended", self._replace)

    def job(
        self, name: str, machine: str | None = None, phase: str | None = "running", **config: Any
    ) -> None:
        machine = machine or f"i-{name}"
        self.configs[name] = stack_config(job=job_spec(name=name), **config)
        self.machines[name] = machine
        self.running.add(machine)
        if phase is not None:
            self.statuses[name] = RunStatus(run="r1", phase=phase, instance=machine, updated_at="t0")

    def lose(self, name: str) -> None:
        self.running.discard(self.machines[name] or "")

    def watcher(self, *jobs: str, **options: Any) -> Watcher:
        return Watcher(self.session, WatchOptions(jobs=jobs, **options), self.events.append)

    def told(self, name: str) -> list[str]:
        return [each.event for each in self.events if each.job == name]

    def _state(self, name: str) -> Any:
        machine = self.machines[name]
        group = resource("aws:autoscaling/group:Group", f"{name}-group", f"group-{name}")
        return stack_state(
            *([instance_state(machine)] if machine else []), *([group] if name in self.groups else [])
        )

    def _replace(self, job: Any, config: StackConfig, lost: Any, **_: Any) -> Any:
        change = create_autospec(ReplaceUnattended, instance=True)
        change.replaced = True

        def run() -> StackConfig:
            if job.name in self.fails:
                raise self.fails[job.name]
            self.replaced.append((job.name, lost.machine.id, lost.is_hung))
            new = f"{lost.machine.id}+"
            self.running.discard(lost.machine.id)
            self.running.add(new)
            self.machines[job.name], self.version = new, self.version + 1
            return config

        change.run.side_effect = run
        self.driver.open.return_value.state.side_effect = lambda: self._state(job.name)
        return change


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def test_a_lost_machine_is_told_and_replaced_once(place: Place) -> None:
    place.job("one")
    watcher = place.watcher()
    watcher.round()
    place.lose("one")
    for _ in range(3):
        watcher.round()
    assert place.told("one") == ["watching", "lost", "replaced"]
    assert place.replaced == [("one", "i-one", False)]
    assert place.events[-1].machine == "i-one+"


def test_what_machines_recorded_is_sent_on_once_when_their_run_ends(place: Place) -> None:
    parent = SpanContext("a" * 32, "b" * 16)
    place.job("one", trace=str(parent))
    place.job("untraced", phase="succeeded")
    store = MemoryStore()
    place.provider.results.return_value.objects.return_value = store
    watcher = place.watcher()
    with recording(Recorder(SpanContext("c" * 32, "d" * 16), lambda _: None)):
        watcher.round()
        assert place.provider.results.call_count == 0
        place.statuses["one"] = RunStatus(run="r1", phase="succeeded", instance="i-one", updated_at="t1")
        watcher.round()
        watcher.round()
    assert [call.args[0] for call in place.provider.results.call_args_list] == ["one"]


def test_a_silent_machine_that_others_replace_is_not_given_up(place: Place) -> None:
    """It is found to be lost in every round until another watcher, which holds the job, has replaced it."""
    place.job("one")
    place.statuses["one"] = RunStatus(run="r1", phase="running", instance="i-before", updated_at="t0")
    place.provider.machine.side_effect = lambda machine: Machine(machine, "terminated", reason="Client.Other")
    watcher = place.watcher()
    watcher.round()
    place.lose("one")
    place.fails["one"] = StackLockedError("Job 'one' is locked.")
    for _ in range(3):
        watcher.round()
    place.machines["one"] = None  # deleted, and the next one not made yet
    place.version += 1
    for _ in range(3):
        watcher.round()
    place.machines["one"] = "i-next"
    place.running.add("i-next")
    place.version += 1
    watcher.round()
    assert place.told("one") == ["watching", "lost", "left", "left"]


def test_a_machine_that_was_taken_away_before_it_reported_is_replaced_however_often(place: Place) -> None:
    place.job("one", phase=None)
    place.provider.machine.side_effect = lambda machine: Machine(
        machine, "terminated", reason="Server.SpotInstanceTermination: Spot instance termination"
    )
    watcher = place.watcher()
    for _ in range(4):
        place.lose("one")
        watcher.round()
    assert place.told("one").count("replaced") == 4


@pytest.mark.parametrize("phase", ["succeeded", "failed", "stopped"])
def test_a_run_that_ended_is_never_made_again(place: Place, phase: str) -> None:
    place.job("one", phase=phase)
    place.lose("one")
    place.job("gone", phase=phase)
    place.machines["gone"] = None
    watcher = place.watcher()
    for _ in range(3):
        watcher.round()
    assert place.told("one") == place.told("gone") == ["ended"]
    assert place.replaced == []


@pytest.mark.parametrize(
    "fault",
    [
        NoCapacityError("none left"),
        CloudError("denied"),
        KeyError("a bug"),
        JobEndedError("is being taken down"),
        StackLockedError("held"),
        InterruptionsExhaustedError("too often"),
    ],
)
def test_one_bad_job_takes_no_other_with_it(place: Place, fault: Exception) -> None:
    for name in ("bad", "good"):
        place.job(name)
    place.fails["bad"] = fault
    watcher = place.watcher()
    for name in ("bad", "good"):
        place.lose(name)
    watcher.round()
    assert place.replaced == [("good", "i-good", False)]
    kind = {StackLockedError: "left", JobEndedError: "left", InterruptionsExhaustedError: "given-up"}
    assert place.told("bad")[-1] == kind.get(type(fault), "problem")  # type: ignore[call-overload]


@pytest.mark.parametrize("what", ["status", "config", "state", "deleted"])
def test_what_cannot_be_read_of_one_job_is_told(place: Place, what: str) -> None:
    for name in ("bad", "good"):
        place.job(name)
    watcher = place.watcher()
    watcher.round()
    place.version += 1
    if what == "status":
        place.statuses["bad"] = CloudError("no JSON")
    elif what == "config":
        held = place.configs["good"].to_values()
        place.backend.config.side_effect = lambda name: held if name == "good" else {"runctl:placement": "{"}
    elif what == "state":
        place.backend.state.side_effect = lambda name: None if name == "bad" else place._state(name)
        place.driver.states.return_value = {"bad": CloudError("damaged")}
    else:
        del place.configs["bad"]
    place.lose("bad")
    place.lose("good")
    watcher.round()
    assert place.replaced == [("good", "i-good", False)]
    assert place.told("bad")[-1] == ("gone" if what == "deleted" else "problem")


def test_after_failures_a_job_waits_longer_and_longer(place: Place) -> None:
    place.job("one")
    place.fails["one"] = NoCapacityError("none left")
    place.lose("one")
    tries: list[float] = []
    place.fails["one"] = NoCapacityError("none left")
    watcher = place.watcher()
    original = place._replace

    def counted(*about: Any, **more: Any) -> Any:
        tries.append(place.clock.now)
        return original(*about, **more)

    replacements_module.ReplaceUnattended = counted  # type: ignore[misc,assignment]
    for _ in range(100):
        watcher.round()
        place.clock.sleep(10)
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[0] >= 15
    assert waits == sorted(waits)
    assert max(waits) <= 310
    assert place.told("one").count("problem") == 1, "the same is told once"


def test_a_pause_that_ends_within_a_round_ends_with_the_next(place: Place) -> None:
    """What is acted on was read in the same round, also when reading takes long."""
    place.job("one")
    watcher = place.watcher()
    watcher.round()
    place.lose("one")
    place.fails["one"] = NoCapacityError("none")
    watcher.round()
    del place.fails["one"]
    place.machines["one"] = "i-next"  # made by another command
    place.running.add("i-next")
    place.version += 1
    place.clock.sleep(14.5)

    def slow(keys: Any) -> list[Any]:
        place.clock.sleep(1)
        return [place.statuses.get(key.job) for key in keys]

    place.provider.statuses.side_effect = slow
    watcher.round()
    watcher.round()
    assert place.replaced == []
    assert place.told("one") == ["watching", "lost", "problem"]


def test_a_hung_machine_is_told_and_replaced(place: Place) -> None:
    place.job("one")
    watcher = place.watcher(hung_seconds=300)
    watcher.round()
    place.clock.sleep(299)
    watcher.round()
    assert place.replaced == []
    place.clock.sleep(1)
    watcher.round()
    assert place.told("one") == ["watching", "hung", "replaced"]
    assert place.replaced == [("one", "i-one", True)]


def test_with_recovery_none_a_lost_machine_is_only_told(place: Place) -> None:
    place.job("one")
    place.configs["one"] = stack_config(job=job_spec(name="one", recovery="none"))
    watcher = place.watcher()
    watcher.round()
    place.lose("one")
    watcher.round()
    watcher.round()
    assert place.told("one") == ["watching", "lost"]
    assert place.replaced == []
    place.provider.terminate.assert_not_called()


def test_a_run_whose_status_cannot_be_read_gets_no_machine(place: Place) -> None:
    place.job("one")
    place.statuses["one"] = unreadable_status("r1", "it is no JSON")
    watcher = place.watcher()
    watcher.round()
    place.lose("one")
    watcher.round()
    assert place.told("one") == ["watching", "lost", "problem"]
    assert "it is no JSON" in (place.events[-1].message or "")
    assert place.replaced == []


class TestGroup:
    """A job with ``recovery: cloud``: the cloud makes the next machine."""

    @pytest.fixture(autouse=True)
    def _job(self, place: Place) -> None:
        place.job("one", machine="i-1")
        place.machines["one"] = None
        place.groups["one"] = MachineGroup("group-one", 1, ("i-1",))

    def test_a_machine_that_the_cloud_replaced_is_told(self, place: Place) -> None:
        watcher = place.watcher()
        watcher.round()
        place.running.clear()
        place.groups["one"] = MachineGroup("group-one", 1)
        watcher.round()
        place.running.add("i-2")
        place.groups["one"] = MachineGroup("group-one", 1, ("i-2",))
        watcher.round()
        assert place.told("one") == ["watching", "replaced"]
        assert place.events[-1].machine == "i-2"
        assert place.replaced == []

    def test_a_hung_machine_is_ended_so_that_the_cloud_makes_another(self, place: Place) -> None:
        watcher = place.watcher(hung_seconds=300)
        watcher.round()
        place.clock.sleep(300)
        watcher.round()
        assert place.told("one") == ["watching", "hung"]
        place.provider.terminate.assert_called_once_with(["i-1"])
        assert place.replaced == []

    def test_a_group_that_wants_no_machine_any_more_is_told(self, place: Place) -> None:
        watcher = place.watcher()
        watcher.round()
        place.running.clear()
        place.groups["one"] = MachineGroup("group-one", 0)
        watcher.round()
        watcher.round()
        assert place.told("one") == ["watching", "lost"]
        assert "wants no machine" in (place.events[-1].message or "")
        assert place.replaced == []


def test_machines_of_another_account_are_not_taken_for_lost(place: Place) -> None:
    place.job("one", placement=placement(account="999900009999"))
    assert placement().account == ACCOUNT
    place.lose("one")
    place.watcher().round()
    assert place.replaced == []
    assert place.told("one") == ["problem"]


def test_while_the_cloud_cannot_be_asked_nothing_is_lost(place: Place) -> None:
    place.job("one")
    place.lose("one")
    place.provider.running.side_effect = CloudError("no answer")
    place.watcher().round()
    assert place.replaced == []


def test_while_the_backend_cannot_be_asked_it_is_asked_again(place: Place) -> None:
    place.job("one")
    watcher = place.watcher()
    place.backend.versions.side_effect = CloudError("no answer")
    watcher.round()
    place.backend.versions.side_effect = lambda: {"one": "v1"}
    watcher.round()
    assert place.told("one") == ["watching"]


def test_states_are_read_again_only_when_they_changed(place: Place) -> None:
    place.job("one")
    watcher = place.watcher()
    for _ in range(10):
        watcher.round()
        place.clock.sleep(10)
    settled = place.backend.state.call_count
    for _ in range(10):
        watcher.round()
        place.clock.sleep(10)
    assert place.backend.state.call_count == settled
    place.version += 1
    watcher.round()
    assert place.backend.state.call_count == settled + 1
    called = {each[0].partition(".")[0] for each in place.driver.mock_calls}
    assert called == {"backend"}, "no engine is needed to look"


def test_jobs_by_name_are_watched_to_their_ends(place: Place) -> None:
    place.job("one")
    place.job("two")

    def sleep(seconds: float) -> None:
        place.clock.sleep(seconds)
        if place.clock.now >= 20:
            place.statuses["one"] = RunStatus(run="r1", phase="succeeded")
        if place.clock.now >= 40:
            place.statuses["two"] = RunStatus(run="r1", phase="failed")

    time = changed(place.session.time, sleep=sleep)
    with pytest.raises(TrainingFailedError, match="two"):
        watch(changed(place.session, time=time), WatchOptions(jobs=("one", "two")), place.events.append)
    assert 40 <= place.clock.now <= 60
    assert place.told("one")[-1] == place.told("two")[-1] == "ended"


def test_a_name_that_is_no_job_is_refused(place: Place) -> None:
    place.job("one")
    with pytest.raises(JobNotFoundError, match="typo"):
        watch(place.session, WatchOptions(jobs=("one", "typo")), place.events.append)


def test_once_is_one_round(place: Place) -> None:
    place.job("one")
    watch(place.session, WatchOptions(once=True), place.events.append)
    assert place.told("one") == ["watching"]
    assert place.clock.now == 0


def test_a_new_run_of_a_job_that_was_given_up_is_watched_again(place: Place) -> None:
    place.job("one")
    place.fails["one"] = InterruptionsExhaustedError("too often")
    place.lose("one")
    watcher = place.watcher()
    watcher.round()
    watcher.round()
    assert place.told("one") == ["watching", "lost", "given-up"]
    del place.fails["one"]
    place.configs["one"] = changed(place.configs["one"], lost=("i-0",))
    place.version += 1
    watcher.round()
    assert place.told("one")[-1] == "replaced"


def test_of_several_machines_each_is_watched(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.job("one")
    place.running.add("i-second")
    both = [
        resource("aws:ec2/instance:Instance", f"one-node-{node}-instance", machine)
        for node, machine in enumerate(["i-one", "i-second"])
    ]
    monkeypatch.setattr(place, "_state", lambda _: stack_state(*both))
    place.backend.state.side_effect = place._state
    watcher = place.watcher()
    watcher.round()
    place.running.discard("i-second")
    watcher.round()
    assert place.replaced == [("one", "i-second", False)]
