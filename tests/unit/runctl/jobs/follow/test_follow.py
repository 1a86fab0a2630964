"""Following a run: its lines and phases, its end, and the loss of its machine."""

from __future__ import annotations

from typing import Any

import pytest
from support.job_stacks import FakeTime, Told
from support.sessions import fake_provider, fake_results

from runctl_auto.agent.pace import FIRST_SECONDS
from runctl_auto.jobs.follow.follow import (
    ENDING_SECONDS,
    MACHINE_CHECK_SECONDS,
    POLL_PACE,
    Ended,
    Follower,
    Lost,
)
from runctl_auto.jobs.follow.heartbeat import BOOT_SECONDS, HUNG_SECONDS
from runctl_auto.jobs.session import Time
from runctl_auto.providers.compute import Compute
from runctl_auto.providers.contract import GONE, LogPart, Machine
from runctl_auto.run.status import RunStatus


class Machines:
    """Answers the given states, one a call; the last one stays."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.asked = 0

    def machine(self, identity: str) -> Machine:
        self.asked += 1
        return Machine(identity, self.states.pop(0) if len(self.states) > 1 else self.states[0])


def status(phase: str, **more: Any) -> RunStatus:
    return RunStatus(run="r1", phase=phase, **more)


def reports(count: int, **more: Any) -> list[RunStatus]:
    """Those of a machine that lives."""
    return [status("running", updated_at=f"t{number}", **more) for number in range(count)]


def follow(
    statuses: list[RunStatus | None], machines: Machines, parts: list[list[LogPart]] | None = None
) -> tuple[Ended | Lost, Told, FakeTime]:
    bucket = fake_results()
    bucket.status.side_effect = statuses
    waiting = list(parts or [])
    bucket.log_parts.side_effect = lambda run, after=None, **_: waiting.pop(0) if waiting else []
    clock, told = FakeTime(), Told()
    provider = fake_provider(results=bucket)
    provider.machine.side_effect = machines.machine
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    return Follower(bucket, provider, "r1", told, time).until_end(Compute(("i-1",))), told, clock


def test_lines_and_phases_are_told_until_the_end() -> None:
    parts = [[], [LogPart("k0", "one\ntw")], [LogPart("k1", "o\nlast")]]
    ended = status("succeeded", exit_code=0)
    outcome, told, _ = follow([None, status("running"), ended], Machines("running"), parts)
    assert outcome == Ended(ended)
    assert told.said == ["training runs", "training succeeded"]
    assert told.lines == ["one", "two", "last"]


def test_a_resumed_run_says_from_where() -> None:
    _, told, _ = follow(
        [status("running", resumed_from="00000003"), status("succeeded")], Machines("running")
    )
    assert told.said[0] == "training runs, from checkpoint 00000003"


def test_a_lost_machine_is_noticed_when_it_is_terminated() -> None:
    running = status("running")
    outcome, _, clock = follow(
        [running] * 40, Machines("running", "shutting-down", "shutting-down", "terminated")
    )
    assert isinstance(outcome, Lost)
    assert outcome.machine.state == "terminated"
    assert clock.now >= 2 * MACHINE_CHECK_SECONDS


def test_an_interrupted_run_asks_for_its_machine_at_once() -> None:
    outcome, _, clock = follow([status("interrupted")] * 9, Machines("shutting-down", "terminated"))
    assert isinstance(outcome, Lost)
    assert clock.now < MACHINE_CHECK_SECONDS


def test_an_end_reported_while_the_machine_goes_is_an_end() -> None:
    ended = status("failed", reason="command_failed", exit_code=1)
    statuses = [status("running")] * 11 + [ended]
    outcome, told, _ = follow(list(statuses), Machines("shutting-down", "terminated"))
    assert outcome == Ended(ended)
    assert told.said[-1] == "training failed (command_failed)"


def test_a_machine_that_does_not_come_to_its_end_is_given_up() -> None:
    outcome, _, clock = follow([status("running")] * 400, Machines("shutting-down"))
    assert isinstance(outcome, Lost)
    assert ENDING_SECONDS <= clock.now < ENDING_SECONDS + 20


def test_a_healthy_machine_is_not_asked_for_all_the_time() -> None:
    machines = Machines("running")
    follow([status("running")] * 35 + [status("succeeded")], machines)
    assert machines.asked <= 4


def test_what_a_machine_wrote_is_told_on_one_line() -> None:
    hostile = "a\nerror: b\x1b[2J"
    statuses = [status("running", resumed_from=hostile), status("failed", reason=hostile)]
    _, told, _ = follow([*statuses], Machines("running"))
    assert told.said == [
        r"training runs, from checkpoint a\nerror: b\x1b[2J",
        r"training failed (a\nerror: b\x1b[2J)",
    ]


def test_after_the_first_minutes_everything_is_asked_for_less_often() -> None:
    machines = Machines("running")
    hours = 4
    polls = int(FIRST_SECONDS / POLL_PACE.first + (hours * 3600 - FIRST_SECONDS) / POLL_PACE.later)
    _, _, clock = follow([*reports(polls), status("succeeded")], machines)
    assert clock.now == hours * 3600
    assert machines.asked <= FIRST_SECONDS / 10 + hours * 3600 / 30


def test_the_first_part_of_a_log_is_searched_for_while_there_may_be_one() -> None:
    def reads(**more: Any) -> int:
        bucket = fake_results()
        bucket.status.side_effect = [*reports(1000, **more), status("succeeded")]
        clock = FakeTime()
        time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
        Follower(bucket, fake_provider(results=bucket), "r1", Told(), time).until_end(Compute(("i-1",)))
        return int(bucket.log_parts.call_count)

    assert reads(raw={"log_parts": 0}) == FIRST_SECONDS + 1, "and once at the end"
    assert reads(raw={"log_parts": 1}) == 1001


def silent_machine(status: RunStatus | None) -> tuple[Lost, float]:
    """What follows from a machine that runs and says nothing more than ``status``; when."""
    polls = int(BOOT_SECONDS) + 100
    outcome, _, clock = follow([status] * polls, Machines("running"))
    assert isinstance(outcome, Lost)
    return outcome, clock.now


def test_a_machine_that_is_silent_too_long_is_lost_though_it_runs() -> None:
    lost, seconds = silent_machine(status("running", instance="i-1", updated_at="t0"))
    assert (lost.machine.id, lost.machine.state, lost.is_hung) == ("i-1", "running", True)
    assert HUNG_SECONDS <= seconds <= HUNG_SECONDS + MACHINE_CHECK_SECONDS


@pytest.mark.parametrize("before", [None, status("running", instance="i-0", updated_at="t0")])
def test_a_machine_that_has_not_reported_yet_has_longer(before: RunStatus | None) -> None:
    _, seconds = silent_machine(before)
    assert BOOT_SECONDS <= seconds <= BOOT_SECONDS + 3 * MACHINE_CHECK_SECONDS


def test_a_machine_that_reports_is_not_hung_however_long_it_runs() -> None:
    seldom = [status("running", instance="i-1", updated_at=f"t{number // 60}") for number in range(2000)]
    outcome, _, _ = follow([*seldom, status("succeeded")], Machines("running"))
    assert isinstance(outcome, Ended)


def test_a_hung_machine_is_told_once() -> None:
    bucket, clock = fake_results(), FakeTime()
    silent = status("running", instance="i-1", updated_at="t0")
    bucket.status.side_effect = [*[silent] * 2000, status("succeeded")]
    bucket.log_parts.return_value = []
    provider = fake_provider(results=bucket)
    provider.machine.side_effect = Machines("running").machine
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    follower = Follower(bucket, provider, "r1", Told(), time)
    first = follower.until_end(Compute(("i-1",)))
    assert isinstance(first, Lost)
    assert first.is_hung
    assert isinstance(follower.until_end(Compute(("i-1",))), Ended)


def told_nodes(*phases: str, since: str = "2026-12-01T00:00:00Z") -> dict[str, Any]:
    nodes = [
        {"node": n, "instance": f"i-{n}", "address": None, "phase": phase, "since": since, "exit_code": None}
        for n, phase in enumerate(phases)
    ]
    return {"raw": {"nodes": nodes}}


def of_nodes(statuses: list[RunStatus], *machines: Machine) -> tuple[Ended | Lost, FakeTime]:
    bucket, clock = fake_results(), FakeTime()
    bucket.status.side_effect = statuses
    bucket.log_parts.return_value = []
    provider = fake_provider(results=bucket)
    provider.machine.side_effect = {each.id: each for each in machines}.__getitem__
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    follower = Follower(bucket, provider, "r1", Told(), time, nodes=len(machines))
    return follower.until_end(Compute(tuple(each.id for each in machines))), clock


def test_a_node_that_the_others_miss_is_looked_for_at_once() -> None:
    lost = status("fetching", **told_nodes("ready", "lost"))
    machines = Machine("i-0", "running"), Machine("i-1", "terminated")
    outcome, clock = of_nodes([lost] * 9, *machines)
    assert isinstance(outcome, Lost)
    assert (outcome.machine.id, outcome.is_hung) == ("i-1", False)
    assert clock.now < MACHINE_CHECK_SECONDS


def test_a_node_that_stands_still_for_too_long_is_lost_though_its_machine_runs() -> None:
    machines = Machine("i-0", "running"), Machine("i-1", "running")
    early = status("fetching", updated_at="2026-12-01T00:04:59Z", **told_nodes("ready", "lost"))
    late = status("fetching", updated_at="2026-12-01T00:05:00Z", **told_nodes("ready", "lost"))
    outcome, _ = of_nodes([early] * 5 + [late] * 5, *machines)
    assert isinstance(outcome, Lost)
    assert (outcome.machine.id, outcome.is_hung) == ("i-1", True)


def test_one_of_several_that_could_not_be_had_is_asked_for_again() -> None:
    """Not by a command that only looks; and one whose machine was refused waits as long as it says."""
    bucket, clock = fake_results(), FakeTime()
    without = status("running", **told_nodes("running", "lost"))
    bucket.status.side_effect = lambda run: without
    bucket.log_parts.return_value = []
    provider = fake_provider(results=bucket)
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    follower = Follower(bucket, provider, "r1", Told(), time, nodes=2, asks_for_missing=True)
    outcome = follower.until_end(Compute(("i-0",)))
    assert outcome == Lost(Machine("", GONE), without, is_missing=True)
    began = clock.now
    follower.tell_missing_in(100)
    assert isinstance(follower.until_end(Compute(("i-0",))), Lost)
    assert clock.now - began >= 100
    assert provider.machine.call_count <= 15, "its loss is known"

    bucket.status.side_effect = [without] * 50 + [status("succeeded")]
    looking = Follower(bucket, provider, "r1", Told(), time, nodes=2)
    assert isinstance(looking.until_end(Compute(("i-0",))), Ended)
