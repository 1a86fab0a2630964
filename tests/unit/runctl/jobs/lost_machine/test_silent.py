"""Machines that end without a report: the second in a row ends the run's recovery, with the cause."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.job_stacks import FakeTime, Told
from support.sessions import fake_provider

from runctl_auto.errors import AccessDeniedError, MachineNeverReportedError
from runctl_auto.jobs.follow.follow import Lost
from runctl_auto.jobs.lost_machine.silent import CONSOLE_SECONDS, LINES_SHOWN, SilentMachines
from runctl_auto.jobs.session import Time
from runctl_auto.providers.contract import GONE, Machine
from runctl_auto.run.machines import parse_machines
from runctl_auto.run.status import RunStatus

AT = "2026-12-01T00:00:00Z"
SHUTDOWN = "Client.InstanceInitiatedShutdown: Instance initiated shutdown"
BY_HAND = "Client.UserInitiatedShutdown: User initiated shutdown"
TAKEN = "Server.SpotInstanceTermination: Spot instance termination"


def lost(machine: str, *, reported_by: str | None = None, reason: str | None = SHUTDOWN) -> Lost:
    status = None if reported_by is None else RunStatus(run="r1", phase="setup", instance=reported_by)
    return Lost(Machine(machine, "terminated", zone="us-east-1a", reason=reason), status)


class Run:
    def __init__(self) -> None:
        self.provider: Any = fake_provider()
        self.clock = FakeTime()
        time = Time(sleep=self.clock.sleep, monotonic=self.clock.monotonic)
        self.machines = SilentMachines("digits", "r1", self.provider, Told(), time)

    def loses(self, *found: Lost) -> None:
        for each in found:
            self.machines.refuse_another(each)

    def gives_up(self, *found: Lost) -> MachineNeverReportedError:
        with pytest.raises(MachineNeverReportedError) as raised:
            self.loses(*found)
        return raised.value


def test_the_second_in_a_row_ends_it_with_reason_and_console() -> None:
    run = Run()
    lines = [f"line {number}" for number in range(40)]
    run.provider.console.return_value = "\n".join(
        [*lines, "", "runctl: the agent could not be \x1b[31mstarted"]
    )
    error = run.gives_up(lost("i-1"), lost("i-2"))
    assert error.exit_code == 1
    assert "2 machines in a row" in error.what
    assert SHUTDOWN in error.what
    run.provider.console.assert_called_once_with("i-2")
    assert len(error.console) == LINES_SHOWN
    assert error.console[-1].startswith("runctl: the agent could not be ")
    assert "\x1b" not in str(error)
    assert str(error).endswith(error.console[-1])
    assert error.as_json()["console"] == list(error.console)
    assert error.as_json()["machine"] == "i-2"


def test_the_status_of_an_earlier_machine_is_no_report_of_this_one() -> None:
    run = Run()
    run.gives_up(lost("i-2", reported_by="i-1"), lost("i-3", reported_by="i-1"))


def test_a_machine_that_reports_begins_the_count_anew() -> None:
    run = Run()
    run.loses(lost("i-1"), lost("i-2", reported_by="i-2"), lost("i-3", reported_by="i-2"))


@pytest.mark.parametrize("reason", [TAKEN, "Server.InsufficientInstanceCapacity: no capacity"])
def test_machines_that_were_taken_away_do_not_count(reason: str) -> None:
    run = Run()
    run.loses(*(lost(f"i-{number}", reason=reason) for number in range(5)))
    run.gives_up(lost("i-5"), lost("i-6", reason=reason), lost("i-7"))


def test_a_machine_that_is_found_lost_again_counts_once() -> None:
    run = Run()
    run.loses(lost("i-1"), lost("i-1"), lost("i-1"))
    assert "2 machines" in run.gives_up(lost("i-2")).what


def test_while_another_command_replaces_the_machine_nothing_counts() -> None:
    run = Run()
    nothing = Lost(Machine("", GONE), None)
    run.loses(lost("i-1"), nothing, nothing, lost("i-2", reported_by="i-2"), nothing, lost("i-3"))


def test_machines_that_somebody_ended_do_not_count_unless_they_hung() -> None:
    run = Run()
    run.loses(*(lost(f"i-{number}", reason=BY_HAND) for number in range(5)))
    hung = [replace(lost(f"i-{number}", reason=BY_HAND), is_hung=True) for number in (6, 7)]
    run.gives_up(*hung)


def test_after_it_was_given_up_the_count_begins_anew() -> None:
    run = Run()
    run.gives_up(lost("i-1"), lost("i-2"))
    run.loses(lost("i-3"))
    run.gives_up(lost("i-4"))


def test_a_console_that_comes_late_is_waited_for() -> None:
    run = Run()
    run.provider.console.side_effect = ["", "", "boot failed"]
    assert run.gives_up(lost("i-1"), lost("i-2")).console == ("boot failed",)
    assert run.clock.now == 10


def test_a_console_that_does_not_come_is_not_waited_for_longer_than_a_minute() -> None:
    run = Run()
    error = run.gives_up(lost("i-1"), lost("i-2", reason=None))
    assert run.clock.now == CONSOLE_SECONDS
    assert "State reason: unknown, it is terminated" in error.what
    assert str(error).endswith("Its console: empty.")


def test_a_console_that_may_not_be_read_hides_nothing_else() -> None:
    run = Run()
    run.provider.console.side_effect = AccessDeniedError("ec2 get_console_output failed")
    error = run.gives_up(lost("i-1"), lost("i-2"))
    assert SHUTDOWN in str(error)
    assert "get_console_output failed" in str(error)


def test_a_machine_that_the_first_node_lists_has_reported() -> None:
    listed = {
        "id": "i-9", "type": None, "zone": None, "market": None, "launched_at": AT, "seen_at": AT,
        "ended_at": None, "price_hour": None,
    }  # fmt: skip
    status = RunStatus(run="r1", phase="running", instance="i-1", machines=parse_machines([listed]))
    found = Lost(Machine("i-9", "terminated", reason=SHUTDOWN), status)
    Run().loses(found, found, found)
