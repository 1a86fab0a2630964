from __future__ import annotations

import pytest
from support.agent_processes import SimulatedTable

from runctl_auto.agent.job.ending import SETTLE_SECONDS, UNKILLABLE_SECONDS, Ending
from runctl_auto.agent.job.job_tree import JobTree


@pytest.fixture
def table(clock) -> SimulatedTable:
    return SimulatedTable(clock)


@pytest.fixture
def ending(table, clock) -> Ending:
    return Ending(JobTree(table, 2).living, table, clock, clock.wait)


def test_without_a_command_all_are_asked_at_once_and_only_once(table, ending, clock) -> None:
    table.add(10, leaves_after=0.0)
    table.add(11, leaves_after=3.0)
    assert ending.end(30) == set()
    assert table.asked() == [10, 11]
    assert table.killed() == []
    assert 3 <= sum(clock.waits) < 4


def test_the_command_is_asked_first_and_its_helpers_may_leave_by_themselves(table, ending, clock) -> None:
    table.add(10, catches=True, leaves_after=4.0)
    table.add(11, parent=10, with_parent=True)
    ending.end(30, {10})
    assert table.asked() == [10]
    assert 4 <= sum(clock.waits) < 5


def test_helpers_that_stay_are_asked_once_the_command_has_left(table, ending, clock) -> None:
    table.add(10, leaves_after=4.0)
    table.add(11, session=11)
    ending.end(30, {10})
    assert table.asked() == [10, 11]
    assert 4 + SETTLE_SECONDS <= sum(clock.waits) < 5 + SETTLE_SECONDS


def test_helpers_are_asked_when_time_runs_low(table, ending, clock) -> None:
    table.add(10, leaves_after=25.0)
    table.add(11, leaves_after=1.0)
    ending.end(30, {10})
    assert table.asked() == [10, 11]
    assert 25 <= sum(clock.waits) < 26, "the command keeps its whole grace"


def test_a_command_that_has_left_before_it_is_asked_holds_nothing_up(table, ending, clock) -> None:
    table.add(11)
    ending.end(30, {10})
    assert table.asked() == [11]
    assert sum(clock.waits) < SETTLE_SECONDS + 1


def test_what_stays_after_the_grace_is_killed(table, ending, clock) -> None:
    table.add(10, leaves_after=1.0)
    table.add(11, leaves_after=None)
    ending.end(5)
    assert (table.killed(), table.asked()) == ([11], [10, 11])
    assert 5 <= sum(clock.waits) < 6


def test_no_grace_kills_at_once(table, ending) -> None:
    table.add(10, leaves_after=1.0)
    ending.end(0, {10})
    assert (table.killed(), table.asked()) == ([10], [])


def test_a_process_that_sigkill_does_not_end_does_not_hold_the_machine(table, ending, clock) -> None:
    table.add(10, leaves_after=None, unkillable=True)
    assert ending.end(5) == {10}
    assert sum(clock.waits) < 5 + UNKILLABLE_SECONDS + 1


def test_settling_ends_with_the_last_process_or_the_time(table, ending, clock) -> None:
    table.add(10, ends_at=clock.now + 0.5)
    assert ending.settle(2) == {}
    assert sum(clock.waits) < 1
    table.add(11)
    assert set(ending.settle(2)) == {11}


def test_files_of_those_ended_by_force_are_remembered(table, ending, clock) -> None:
    table.add(10, catches=True, leaves_after=1.0, written=frozenset({(1, 10)}))
    table.add(11, leaves_after=0.0, written=frozenset({(1, 11)}))
    table.add(12, catches=True, leaves_after=None, written=frozenset({(1, 12)}))
    ending.end(30)
    assert table.killed() == [12]
    assert ending.cut_off == {(1, 11), (1, 12)}, "10 handled the signal and left by itself"
