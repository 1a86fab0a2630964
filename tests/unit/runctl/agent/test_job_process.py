from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from unittest import mock

import pytest

from runctl_auto.agent.job_process import JobProcess, end_leftover, end_session, exit_code
from runctl_auto.agent.processes import ProcProcessTable


class Table:
    """Processes of one session: pid to the seconds it takes to follow SIGTERM, None when it never does."""

    def __init__(self, clock, members: dict[int, float | None], ticks: int = 7) -> None:
        self.clock = clock
        self.members = members
        self.ticks = ticks
        self.ends: dict[int, float] = {}
        self.signals: list[tuple[int, signal.Signals]] = []

    def session(self, leader: int) -> list[int]:
        return [pid for pid in self.members if self.clock.now < self.ends.get(pid, float("inf"))]

    def start_ticks(self, pid: int) -> int | None:
        return self.ticks if pid in self.session(pid) else None

    def signal(self, pid: int, number: signal.Signals) -> None:
        self.signals.append((pid, number))
        takes = self.members[pid]
        if number == signal.SIGKILL:
            self.ends[pid] = self.clock.now
        elif takes is not None:
            self.ends[pid] = self.clock.now + takes


def test_a_job_that_leaves_in_time_is_not_killed(clock) -> None:
    table = Table(clock, {10: 0.0, 11: 3.0})
    end_session(10, 30, table, clock, clock.wait)
    assert table.signals == [(10, signal.SIGTERM), (11, signal.SIGTERM)], "each is asked once"
    assert 3 <= sum(clock.waits) < 4, "the leader's end is not the end"


def test_what_stays_after_the_grace_is_killed(clock) -> None:
    table = Table(clock, {10: 1.0, 11: None})
    end_session(10, 5, table, clock, clock.wait)
    assert (11, signal.SIGKILL) in table.signals
    assert (10, signal.SIGKILL) not in table.signals
    assert 5 <= sum(clock.waits) < 6


def test_no_grace_kills_at_once(clock) -> None:
    table = Table(clock, {10: 1.0})
    end_session(10, 0, table, clock, clock.wait)
    assert table.signals == [(10, signal.SIGKILL)]


def job(tmp_path: Path, table: Table, clock, code: int | None) -> tuple[JobProcess, Path]:
    popen = mock.create_autospec(subprocess.Popen, instance=True)
    popen.pid, popen.poll.return_value, popen.wait.return_value = 10, code, code
    record = tmp_path / "job.json"
    record.write_text("{}")
    return JobProcess(popen, record, table, clock, clock.wait), record


def test_a_running_job_has_no_code(tmp_path, clock) -> None:
    process, record = job(tmp_path, Table(clock, {10: 0}), clock, None)
    assert process.poll() is None
    assert record.exists()


def test_an_ended_job_leaves_nothing_behind(tmp_path, clock) -> None:
    table = Table(clock, {11: 0.0})
    process, record = job(tmp_path, table, clock, 3)
    assert process.poll() == 3
    assert table.signals == [(11, signal.SIGTERM)]
    assert not record.exists()


def test_a_terminated_job_tells_its_code(tmp_path, clock) -> None:
    process, record = job(tmp_path, Table(clock, {10: 1.0}), clock, -15)
    assert process.terminate(30) == 143
    assert not record.exists()


@pytest.mark.parametrize(("returncode", "code"), [(0, 0), (7, 7), (-15, 143), (-9, 137)])
def test_exit_codes(returncode: int, code: int) -> None:
    assert exit_code(returncode) == code


def record_of(tmp_path: Path, ticks: int) -> Path:
    path = tmp_path / "job.json"
    path.write_text(json.dumps({"pid": 10, "start_ticks": ticks}))
    return path


def test_a_leftover_job_is_ended(tmp_path, clock) -> None:
    table = Table(clock, {10: 1.0})
    record = record_of(tmp_path, 7)
    assert end_leftover(record, table, clock, clock.wait)
    assert table.signals == [(10, signal.SIGTERM)]
    assert not record.exists()


def test_another_process_of_that_number_is_left_alone(tmp_path, clock) -> None:
    table = Table(clock, {10: 1.0}, ticks=99)
    record = record_of(tmp_path, 7)
    assert not end_leftover(record, table, clock, clock.wait)
    assert table.signals == []
    assert not record.exists()


def test_what_a_dead_leader_left_is_ended(tmp_path, clock) -> None:
    table = Table(clock, {11: 1.0})
    assert end_leftover(record_of(tmp_path, 7), table, clock, clock.wait)
    assert table.signals == [(11, signal.SIGTERM)]


@pytest.mark.parametrize("content", [None, "", "{}", '{"pid": 1, "start_ticks": null}'])
def test_without_a_usable_record_there_is_no_leftover(tmp_path, clock, content: str | None) -> None:
    if content is not None:
        (tmp_path / "job.json").write_text(content)
    assert not end_leftover(tmp_path / "job.json", Table(clock, {1: 1.0}), clock, clock.wait)


def proc(  # noqa: PLR0917
    tmp_path: Path, pid: int, state: str, session: int, ticks: int, name: str = "x"
) -> None:
    fields = [state, "1", "1", str(session), *["0"] * 15, str(ticks), "0", "0"]
    folder = tmp_path / str(pid)
    folder.mkdir()
    (folder / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")


def test_the_process_table_is_read_from_proc(tmp_path: Path) -> None:
    proc(tmp_path, 10, "S", 10, 500)
    proc(tmp_path, 11, "R", 10, 501, name="a) S 9 9 (b")
    proc(tmp_path, 12, "Z", 10, 502)
    proc(tmp_path, 13, "S", 13, 503)
    (tmp_path / "self").mkdir()
    table = ProcProcessTable(tmp_path)
    assert sorted(table.session(10)) == [10, 11], "zombies and other sessions do not count"
    assert table.start_ticks(11) == 501
    assert table.start_ticks(99) is None
