"""Who is told first to stop, for the shapes that people's scripts have."""

from __future__ import annotations

import pytest
from support.agent_processes import SimulatedTable

from runctl_auto.agent.job.foreground import Foreground
from runctl_auto.agent.job.job_tree import JobTree


@pytest.fixture
def table(clock) -> SimulatedTable:
    return SimulatedTable(clock)


def first(table: SimulatedTable) -> set[int]:
    return Foreground(JobTree(table, 2).living(), table).of(10)


def test_a_program_that_took_the_shells_place(table) -> None:
    table.add(10)
    assert first(table) == {10}


def test_the_program_that_the_shell_waits_for(table) -> None:
    table.add(10, program="bash")
    table.add(11, parent=10, catches=True)
    assert first(table) == {11}


@pytest.mark.parametrize("catches", [True, False])
def test_not_what_reads_its_output(table, catches: bool) -> None:
    table.add(10, program="bash")
    table.add(11, parent=10, catches=catches, writes=frozenset({"pipe:[1]"}))
    table.add(12, parent=10, program="tee", catches=catches, reads="pipe:[1]")
    assert first(table) == {11}


def test_a_reader_that_can_save_before_a_writer_that_cannot(table) -> None:
    table.add(10, program="bash")
    table.add(11, parent=10, program="yes", writes=frozenset({"pipe:[1]"}))
    table.add(12, parent=10, catches=True, reads="pipe:[1]")
    assert first(table) == {12}


def test_not_the_workers_of_a_program_that_can_save(table) -> None:
    table.add(10, program="bash")
    table.add(11, parent=10, catches=True)
    table.add(12, parent=11, catches=True)
    table.add(13, parent=11, session=13, catches=True)
    assert first(table) == {11}


def test_the_workers_of_a_launcher_that_cannot(table) -> None:
    table.add(10)
    table.add(11, parent=10, session=11, catches=True)
    table.add(12, parent=10, session=12)
    assert first(table) == {11}


def test_background_jobs_are_helpers_unless_there_is_nothing_else(table) -> None:
    table.add(10, program="bash")
    table.add(11, parent=10, program="tensorboard", catches=True, background=True)
    assert first(table) == {11}
    table.add(12, parent=10)
    assert first(table) == {12}


def test_where_all_ignore_sigint_it_tells_nothing(table) -> None:
    table.add(10, program="bash", background=True)
    table.add(11, parent=10, background=True, catches=True)
    assert first(table) == {11}


def test_a_shell_with_a_trap_and_the_program_it_waits_for(table) -> None:
    table.add(10, program="bash", catches=True)
    table.add(11, parent=10, program="sleep")
    assert first(table) == {10, 11}


def test_a_shell_with_a_trap_that_waits_for_background_jobs(table) -> None:
    table.add(10, program="bash", catches=True)
    table.add(11, parent=10, catches=True, background=True)
    assert first(table) == {10}, "its trap may pass the signal on: nobody gets it twice"


def test_scripts_in_scripts(table) -> None:
    table.add(10, program="bash")
    table.add(11, parent=10, program="sh")
    table.add(12, parent=11, program="dash", catches=True)
    table.add(13, parent=12, catches=True)
    assert first(table) == {12, 13}


def test_a_shell_alone_and_one_that_has_ended(table, clock) -> None:
    shell = table.add(10, program="bash")
    assert first(table) == {10}
    shell.ends_at = clock.now
    assert first(table) == set()
