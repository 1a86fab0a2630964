from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from runctl_auto.agent.contract import TERMINAL_PHASES
from runctl_auto.agent.errors import AgentError, UnreachableError
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.stopping import StopEarly, StopRequest, StopSwitch, wait_unless_stopped
from runctl_auto.agent.journal import Journal
from runctl_auto.agent.keys import node_logs_prefix, status_key
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.machine.own_group import OwnGroup
from runctl_auto.agent.machine.system_stop import system_stop
from runctl_auto.agent.machine.volumes import Volumes
from runctl_auto.agent.notices.machine_notices import MachineNotices
from runctl_auto.agent.service import AgentService
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter

CONFIG = AgentConfig("digits", "r1", "us-east-1", "b", "1", "a", "x", "s", "d", 999_990.0, None)
STATUS = status_key("r1")
DONE = Outcome("succeeded", "completed", 0)


class Machine:
    def __init__(self, tmp_path: Path, store, clock, run: Callable[[], Outcome]) -> None:
        self.store = store
        self.order: list[str] = []
        self.switch = StopSwitch()
        self.volumes = mock.create_autospec(Volumes, instance=True)
        self.volumes.unmount_all.side_effect = lambda: self.order.append("unmount")
        self.runs = 0
        self.notices: Any = None
        self.group = mock.create_autospec(OwnGroup, instance=True)
        self.group.end.side_effect = lambda: self.order.append("end group")

        def run_once(status: StatusWriter, logs: LogShipper) -> Outcome:
            self.runs += 1
            return run()

        self.service = AgentService(
            config=CONFIG,
            folder=tmp_path,
            store=store,
            identity=lambda: MachineIdentity("i-1"),
            journal=Journal(tmp_path / "out", "r1", io.StringIO()),
            switch=self.switch,
            volumes=self.volumes,
            run=run_once,
            end_machine=self.end,
            clock=clock,
            group=self.group,
            notices=lambda: self.notices,
        )

    def end(self) -> None:
        self.order.append(f"halt after {self.status().get('phase')}")

    def status(self) -> dict[str, Any]:
        return json.loads(self.store.objects.get(STATUS, b"{}"))

    def log(self) -> str:
        parts = self.store.object_sizes(node_logs_prefix("r1", 0))
        return b"".join(self.store.objects[key] for key in parts).decode()


def test_the_status_is_terminal_before_the_machine_ends(tmp_path, store, clock) -> None:
    machine = Machine(tmp_path, store, clock, lambda: DONE)
    assert machine.service.serve() == 0
    assert machine.order == ["unmount", "end group", "halt after succeeded"]
    assert machine.group.boot_worked.called


def test_the_time_to_boot_counts_once_a_machine(tmp_path, store, clock) -> None:
    interrupted = Outcome("interrupted", "interruption")
    for _ in range(2):
        Machine(tmp_path / "first", store, clock, lambda: interrupted).service.serve()
    assert Machine(tmp_path, store, clock, lambda: DONE).status()["phases"]["boot"] == pytest.approx(
        10, abs=1
    )
    Machine(tmp_path / "second", store, clock, lambda: DONE).service.serve()
    assert Machine(tmp_path, store, clock, lambda: DONE).status()["phases"]["boot"] == pytest.approx(
        20, abs=1
    )


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (None, 7.0),
        (StopRequest("interrupted", "interruption", "taken", ends_at=1_000_120.0), 7.0),
        (StopRequest("interrupted", "interruption", "taken", ends_at=1_000_011.0), 3.0),
        (StopRequest("interrupted", "interruption", "taken", ends_at=1_000_001.0), 0.0),
        (StopRequest("interrupted", "interruption", "SIGTERM", leave_running=True), 2.0),
    ],
)
def test_people_are_told_before_the_last_status_and_not_waited_for_long(
    tmp_path, store, clock, request_: StopRequest | None, seconds: float
) -> None:
    machine = Machine(tmp_path, store, clock, lambda: DONE)
    machine.notices = mock.create_autospec(MachineNotices, instance=True)
    machine.notices.settle.side_effect = lambda seconds: machine.order.append(f"settled {machine.status()}")
    if request_ is not None:
        machine.switch.set(request_)
    machine.service.serve()
    machine.notices.ended.assert_called_once_with(DONE)
    machine.notices.settle.assert_called_once_with(pytest.approx(seconds))
    assert machine.order[0] == "settled {}"
    assert machine.status()["phase"] == "succeeded"


def test_a_flaw_in_telling_people_takes_nothing_with_it(tmp_path, store, clock) -> None:
    machine = Machine(tmp_path, store, clock, lambda: DONE)
    machine.notices = mock.create_autospec(MachineNotices, instance=True)
    machine.notices.ended.side_effect = machine.notices.settle.side_effect = TypeError("flaw")
    machine.service.serve()
    assert machine.order == ["unmount", "end group", "halt after succeeded"]


@pytest.mark.parametrize("phase", sorted(TERMINAL_PHASES))
def test_a_run_that_has_ended_is_not_run_again(tmp_path, store, clock, phase: str) -> None:
    store.objects[STATUS] = json.dumps({"schema": 1, "phase": phase}).encode()
    machine = Machine(tmp_path, store, clock, lambda: DONE)
    machine.service.serve()
    assert (machine.runs, machine.order) == (0, ["end group", f"halt after {phase}"])
    assert store.puts == []


@pytest.mark.parametrize("phase", ["booting", "running", "stopping", "interrupted"])
def test_a_run_that_has_not_ended_goes_on(tmp_path, store, clock, phase: str) -> None:
    store.objects[STATUS] = json.dumps({"schema": 1, "phase": phase}).encode()
    machine = Machine(tmp_path, store, clock, lambda: DONE)
    machine.service.serve()
    assert machine.runs == 1


def fail(error: Exception) -> Callable[[], Outcome]:
    def run() -> Outcome:
        raise error

    return run


def test_what_the_world_refuses_is_told_by_its_message(tmp_path, store, clock) -> None:
    machine = Machine(tmp_path, store, clock, fail(AgentError("volume data did not appear")))
    machine.service.serve()
    status = machine.status()
    assert (status["phase"], status["reason"]) == ("failed", "agent_error")
    assert status["message"] == "volume data did not appear"
    assert machine.log() == "[runctl r1] volume data did not appear\n"
    assert machine.order[-1] == "halt after failed"


def test_a_flaw_of_the_agent_is_told_with_its_traceback(tmp_path, store, clock) -> None:
    machine = Machine(tmp_path, store, clock, fail(TypeError("flaw")))
    machine.service.serve()
    assert machine.status()["message"] == "the agent failed: TypeError('flaw')"
    assert "Traceback" in machine.log()
    assert machine.order[-1] == "halt after failed"


def test_a_store_out_of_reach_at_the_start_ends_the_machine(tmp_path, store, clock, monkeypatch) -> None:
    def refuse(key: str, at_most: int) -> bytes:
        raise UnreachableError("no route")

    monkeypatch.setattr(store, "find", refuse)
    machine = Machine(tmp_path, store, clock, lambda: DONE)
    machine.service.serve()
    assert (machine.runs, machine.order) == (0, ["halt after None"])
    assert machine.group.boot_failed.called
    assert not machine.group.boot_worked.called


def test_output_that_cannot_be_stored_does_not_hide_the_outcome(tmp_path, store, clock) -> None:
    machine = Machine(tmp_path, store, clock, fail(AgentError("x")))
    store.fail_on("/logs/", times=100)
    machine.service.serve()
    assert machine.status()["reason"] == "agent_error"


def test_a_status_that_cannot_be_stored_does_not_keep_the_machine(tmp_path, store, clock) -> None:
    machine = Machine(tmp_path, store, clock, lambda: DONE)
    store.fail_on("status.json", times=100)
    machine.service.serve()
    assert machine.order == ["unmount", "end group", "halt after None"]


def test_a_machine_that_the_system_ends_is_not_ended_by_the_agent(tmp_path, store, clock) -> None:
    request = system_stop(at_deadline=False)
    machine = Machine(tmp_path, store, clock, lambda: request.outcome(143))
    machine.switch.set(request)
    machine.service.serve()
    assert machine.order == ["unmount"]
    assert machine.status()["phase"] == "interrupted"


def test_the_hard_deadline_ends_the_run() -> None:
    outcome = system_stop(at_deadline=True).outcome(143)
    assert (outcome.phase, outcome.reason) == ("stopped", "max_duration")


def test_nothing_is_waited_for_once_the_run_is_to_stop() -> None:
    switch = StopSwitch()
    wait_unless_stopped(switch, 0.0)
    switch.set_in_signal_handler(system_stop(at_deadline=False))
    with pytest.raises(StopEarly):
        wait_unless_stopped(switch, 0.0)
