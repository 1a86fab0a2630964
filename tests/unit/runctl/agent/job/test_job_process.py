from __future__ import annotations

import json
import subprocess
from pathlib import Path
from unittest import mock

import pytest
from support.agent_processes import SimulatedTable

from runctl_auto.agent.errors import ScriptNotStartedError
from runctl_auto.agent.job.background import LeftProcess
from runctl_auto.agent.job.job_process import JobProcess, JobRecord, end_leftover, exit_code, find_program
from runctl_auto.agent.job.job_tree import TICKS_A_SECOND, JobTree


@pytest.fixture
def table(clock) -> SimulatedTable:
    return SimulatedTable(clock)


def popen(pid: int, code: int | None) -> mock.Mock:
    found: mock.Mock = mock.create_autospec(subprocess.Popen, instance=True)
    found.pid, found.poll.return_value = pid, code
    return found


def job(tmp_path: Path, table: SimulatedTable, clock, code: int | None) -> tuple[JobProcess, Path]:
    record = tmp_path / "job.json"
    return JobProcess(popen(10, code), JobRecord(record), JobTree(table, 2), clock, clock.wait), record


def test_a_running_job_has_no_code(tmp_path, table, clock) -> None:
    table.add(10)
    process, record = job(tmp_path, table, clock, None)
    assert process.poll() is None
    assert json.loads(record.read_text())["pid"] == 10


def test_what_an_ended_script_left_is_told_and_ended(tmp_path, table, clock) -> None:
    table.add(11, session=11, command="train --fast", ticks=200)
    table.add(12, parent=11, session=11, ticks=100)
    process, record = job(tmp_path, table, clock, 3)
    assert process.poll() == 3
    left = process.left()
    assert [(each.pid, each.command) for each in left.processes] == [(11, "train --fast")]
    assert left.processor_seconds * TICKS_A_SECOND == 300
    assert table.signals == []
    process.finish(30)
    assert table.asked() == [11, 12]
    assert not record.exists()


def test_what_is_about_to_leave_is_not_left(tmp_path, table, clock) -> None:
    table.add(11, program="tee", ends_at=clock.now + 1)
    process, _ = job(tmp_path, table, clock, 0)
    assert process.left().processes == ()


def test_the_codes_of_what_was_left_are_known(tmp_path, table, clock) -> None:
    member = table.add(11, session=11, code=4)
    table.add(12, session=12)
    process, _ = job(tmp_path, table, clock, 0)
    assert len(process.left().processes) == 2
    member.ends_at = clock.now
    assert len(process.left().processes) == 1
    assert process.failed() == [(LeftProcess(11, "python3"), 4)]


def test_what_fails_just_after_its_script_is_known_and_what_failed_before_is_not_its_own(
    tmp_path, table, clock
) -> None:
    table.add(9, session=9, ends_at=clock.now, code=1)
    table.add(11, session=11, ends_at=clock.now + 1, code=4)
    process, _ = job(tmp_path, table, clock, 0)
    assert process.left().processes == ()
    assert process.failed() == [(LeftProcess(11, "python3"), 4)]


def test_services_outlive_their_script_and_are_ended_last(tmp_path, table, clock) -> None:
    table.add(11, session=11, program="redis-server", catches=True)
    setup, record = job(tmp_path, table, clock, 0)
    setup.left()
    setup.keep_services()
    assert record.exists(), "an agent after this one ends them"
    tree = setup._tree
    table.add(20, session=20)
    command = JobProcess(popen(20, None), JobRecord(record), tree, clock, clock.wait)
    assert command.left().processes == (LeftProcess(20, "python3"),)
    command.terminate(30)
    assert table.asked() == [20, 11], "the command, then the service"
    assert not record.exists()


def test_what_a_script_left_is_stopped_command_first(tmp_path, table, clock) -> None:
    table.add(11, session=11, catches=True, leaves_after=1)
    table.add(12, parent=11, session=11, with_parent=True)
    process, _ = job(tmp_path, table, clock, 0)
    assert process.terminate(30) == 0
    assert table.asked() == [11]


def test_a_terminated_job_tells_its_code(tmp_path, table, clock) -> None:
    table.add(10, program="bash")
    table.add(11, parent=10, catches=True, leaves_after=1.0)
    process, record = job(tmp_path, table, clock, -15)
    assert process.terminate(30) == 143
    assert table.asked() == [11, 10], "the command, then the shell"
    assert not record.exists()


def test_a_job_that_cannot_be_killed_counts_as_killed(tmp_path, table, clock) -> None:
    table.add(10, leaves_after=None, unkillable=True)
    process, _ = job(tmp_path, table, clock, None)
    assert process.terminate(1) == 137


def test_the_record_follows_the_sessions_of_the_job(tmp_path, table, clock) -> None:
    table.add(10)
    process, record = job(tmp_path, table, clock, None)
    table.add(11, parent=10, session=11, start=8)
    table.add(13, parent=11, session=12)
    clock.now += 10
    process.poll()
    assert json.loads(record.read_text())["sessions"] == {"10": 7, "11": 8, "12": None}


def test_a_record_that_cannot_be_written_does_not_end_the_job(tmp_path, table, clock) -> None:
    table.add(10)
    process, record = job(tmp_path / "absent", table, clock, None)
    record.unlink()
    record.parent.rmdir()
    record.parent.touch()
    table.add(11, session=11)
    clock.now += 10
    assert process.poll() is None
    assert not table.signals


@pytest.mark.parametrize(("returncode", "code"), [(0, 0), (7, 7), (-15, 143), (-9, 137)])
def test_exit_codes(returncode: int, code: int) -> None:
    assert exit_code(returncode) == code


def record_of(tmp_path: Path, sessions: object) -> Path:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"pid": 10, "sessions": sessions}))
    return path


def test_a_leftover_job_is_ended_with_all_its_sessions(tmp_path, table, clock) -> None:
    table.add(10, parent=1)
    table.add(11, parent=1, session=11)
    table.add(12, parent=11, session=12)
    table.add(30, parent=1, session=30)
    record = record_of(tmp_path, {"10": 7, "11": 7})
    assert end_leftover(record, table, clock, clock.wait)
    assert table.asked() == [10, 11, 12]
    assert not record.exists()


def test_another_process_of_that_number_is_left_alone(tmp_path, table, clock) -> None:
    table.add(10, parent=1, start=99)
    record = record_of(tmp_path, {"10": 7})
    assert not end_leftover(record, table, clock, clock.wait)
    assert table.signals == []
    assert not record.exists()


def test_what_a_dead_leader_left_is_ended(tmp_path, table, clock) -> None:
    table.add(11, parent=1)
    assert end_leftover(record_of(tmp_path, {"10": 7}), table, clock, clock.wait)
    assert table.asked() == [11]


@pytest.mark.parametrize(
    "content", [None, "", "{}", '{"pid": 10, "sessions": null}', '{"sessions": {"x": 1}}']
)
def test_without_a_usable_record_there_is_no_leftover(tmp_path, table, clock, content: str | None) -> None:
    table.add(10, parent=1)
    if content is not None:
        (tmp_path / "job.json").write_text(content)
    assert not end_leftover(tmp_path / "job.json", table, clock, clock.wait)
    assert table.signals == []


def program_in(folder: Path, name: str) -> Path:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)
    return folder / name


def test_a_shell_is_looked_up_in_the_jobs_path_and_the_systems_folders(tmp_path: Path) -> None:
    own = program_in(tmp_path, "bash")
    assert find_program("bash", str(tmp_path)) == str(own)
    assert find_program("sh", str(tmp_path)).endswith("/sh"), "a PATH without the system's folders"
    with pytest.raises(ScriptNotStartedError, match="no-such-shell, which is not installed") as raised:
        find_program("no-such-shell", "/nowhere")
    assert raised.value.exit_code == 127
