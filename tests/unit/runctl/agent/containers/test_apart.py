"""Which processes are the job's when it runs in a container, and which of them are signalled first."""

from __future__ import annotations

import subprocess
from pathlib import Path
from unittest import mock

import pytest
from support.agent_processes import AGENT, SimulatedTable

from runctl_auto.agent.containers.apart import Apart, InContainer
from runctl_auto.agent.job.job_process import JobProcess, JobRecord
from runctl_auto.agent.job.job_tree import JobTree

KEEPER, CLIENT, SHIM, FIRST, CAT = 20, 30, 100, 101, 102


def program(pid: int, code: int | None = None) -> mock.Mock:
    found: mock.Mock = mock.create_autospec(subprocess.Popen, instance=True)
    found.pid, found.returncode, found.poll.return_value, found.wait.return_value = pid, code, code, code or 0
    return found


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Namespaces: the container's has its processes, and what they start."""
    for name, namespace in (("self", 1), (SHIM, 1), (FIRST, 7), (CAT, 7), (110, 7), (111, 7), (112, 7)):
        folder = tmp_path / str(name) / "ns"
        folder.mkdir(parents=True)
        (folder / "pid").symlink_to(f"pid:[{namespace}]")
    return tmp_path


@pytest.fixture
def table(clock) -> SimulatedTable:
    """The agent with docker's programs; beside them a container, whose shim is nobody's the agent knows."""
    table = SimulatedTable(clock)
    table.add(KEEPER, session=20, program="docker")
    table.add(CLIENT, session=30, program="docker", catches=True)
    table.add(SHIM, parent=1, session=100)
    table.add(FIRST, parent=SHIM, session=101, program="sh")
    table.add(CAT, parent=FIRST, session=101, program="cat")
    return table


def apart_of(table: SimulatedTable, proc: Path) -> Apart:
    found = Apart(keeper=program(KEEPER), clients=[program(CLIENT)])
    found.inside = InContainer(FIRST, proc)
    found.own = frozenset({FIRST, CAT})
    return found


def test_a_process_of_the_container_is_the_jobs_and_dockers_programs_are_not(table, proc) -> None:
    table.add(110, parent=SHIM, session=110, program="bash")
    table.add(111, parent=110, session=110, catches=True)
    tree = JobTree(table, AGENT, apart=apart_of(table, proc))
    assert set(tree.living()) == {110, 111}


def test_the_script_is_asked_first_and_an_orphan_of_it_later(table, proc, clock, tmp_path) -> None:
    table.add(110, parent=SHIM, session=110, program="bash")
    table.add(111, parent=110, session=110, catches=True, leaves_after=3.0)
    table.add(112, parent=FIRST, session=110, program="helper")
    tree = JobTree(table, AGENT, apart=apart_of(table, proc))
    client = program(CLIENT)
    client.wait.return_value = 7
    job = JobProcess(client, JobRecord(tmp_path / "job.json"), tree, clock, clock.wait, stays_for=5)
    assert job.terminate(30) == 7
    assert table.asked()[0] == 111
    assert set(table.asked()) <= {110, 111, 112}
    assert not {KEEPER, CLIENT, FIRST, CAT} & {pid for pid, _ in table.signals}


def test_a_client_that_does_not_tell_is_ended(table, proc, clock, tmp_path) -> None:
    client = program(CLIENT)
    client.wait.side_effect = [subprocess.TimeoutExpired("docker", 5), -9]
    tree = JobTree(table, AGENT, apart=apart_of(table, proc))
    job = JobProcess(client, JobRecord(tmp_path / "job.json"), tree, clock, clock.wait, stays_for=5)
    assert job.terminate(1) == 137
    client.kill.assert_called_once_with()


def test_a_container_without_a_namespace_of_its_own_has_what_its_first_process_started(tmp_path) -> None:
    for name in ("self", "5"):
        (tmp_path / name / "ns").mkdir(parents=True)
        (tmp_path / name / "ns" / "pid").symlink_to("pid:[1]")
    table = SimulatedTable(lambda: 0.0)
    for pid, parent in ((5, 1), (6, 5), (7, 6), (8, 1)):
        table.add(pid, parent=parent)
    assert set(InContainer(5, tmp_path).members(table.processes())) == {6, 7}


def test_a_program_that_was_waited_for_is_no_helper(table, proc) -> None:
    apart = apart_of(table, proc)
    assert CLIENT in apart.helpers
    apart.clients[0].returncode = 0
    assert CLIENT not in apart.helpers
    apart.end()
    assert apart.helpers == set()
    assert apart.members(table.processes()) == ()


def test_without_a_container_nothing_changes(clock) -> None:
    table = SimulatedTable(clock)
    table.add(10)
    assert set(JobTree(table, AGENT, apart=Apart()).living()) == {10} == set(JobTree(table, AGENT).living())
