from __future__ import annotations

import pytest
from support.agent_processes import AGENT_SESSION, SimulatedTable

from runctl_auto.agent.job.job_tree import JobTree


@pytest.fixture
def table(clock) -> SimulatedTable:
    return SimulatedTable(clock)


@pytest.fixture
def tree(table) -> JobTree:
    return JobTree(table, 2)


def test_the_job_is_what_descends_from_the_agent_in_whatever_session(table, tree) -> None:
    table.add(10)
    table.add(11, parent=10, session=11)
    table.add(12, parent=11, session=12)
    table.add(20, parent=1, session=20)
    assert set(tree.living()) == {10, 11, 12}


def test_orphans_stay_with_the_job_and_programs_of_the_agent_do_not_belong_to_it(table, tree, clock) -> None:
    table.add(10, ends_at=clock.now)
    table.add(11, parent=10, session=11)
    table.add(30, session=AGENT_SESSION)
    assert set(tree.living()) == {11}


def test_what_ended_as_the_agents_child_is_waited_for_but_not_the_script(table, tree, clock) -> None:
    table.add(10, ends_at=clock.now)
    table.add(11, session=11, ends_at=clock.now, code=3)
    table.add(30, session=AGENT_SESSION, ends_at=clock.now)
    tree.begin(10)
    assert tree.reap() == {11: 3}
    assert table.reaped == {11}


def test_processor_time_is_that_of_all_sessions_and_of_what_was_waited_for(table, tree, clock) -> None:
    table.add(10, ticks=100)
    table.add(11, parent=10, session=11, ticks=500)
    worker = table.add(12, session=12, ticks=300)
    assert tree.processor_seconds() is None, "no script runs"
    tree.begin(10)
    before = tree.processor_seconds()
    worker.ends_at = clock.now
    tree.reap()
    assert tree.processor_seconds() == before, "what an orphan used is not forgotten with it"
    tree.end()
    assert tree.processor_seconds() is None


def test_what_is_kept_as_a_service_is_no_longer_of_a_script(table, tree) -> None:
    table.add(10, session=10)
    tree.keep_services()
    table.add(11, parent=10, session=11)
    table.add(20, session=20)
    assert set(tree.without_services()) == {20}
    assert set(tree.living()) == {10, 11, 20}
