"""Environment, folder and user of the job's running command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from runctl_auto.agent.job.job_surroundings import NOT_RUNNING, job_surroundings, running_command
from runctl_auto.agent.job.processes import Process, ProcessTable
from runctl_auto.agent.start.config import AgentConfig

CONFIG = AgentConfig("digits", "0123456789", "eu-west-1", "b", "1", "k", "s", "sk", "ss", 0.0, None)


def table_of(*processes: Process) -> Any:
    table = create_autospec(ProcessTable, instance=True)
    table.processes.return_value = {each.pid: each for each in processes}
    return table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run" / "work").mkdir(parents=True)
    record = {"pid": 40, "sessions": {"40": 1000}}
    (tmp_path / "run" / "job.json").write_text(json.dumps(record))
    return tmp_path / "run"


def environ(proc: Path, pid: int, content: bytes) -> Path:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "environ").write_bytes(content)
    return proc


def test_it_is_that_of_the_commands_process(folder: Path, tmp_path: Path) -> None:
    proc = environ(tmp_path / "proc", 40, b"A=1\0TOKEN=x=y\nz\0NAME=\xff\0broken\0")
    found = job_surroundings(CONFIG, folder, table_of(Process(40, 1, 40, 1000)), {b"B": b"2"}, proc)
    assert found.environment == {b"A": b"1", b"TOKEN": b"x=y\nz", b"NAME": b"\xff"}
    assert (found.folder, found.note, found.user) == (folder / "work", None, None)


def test_another_process_of_the_same_number_is_not_the_job(folder: Path, tmp_path: Path) -> None:
    proc = environ(tmp_path / "proc", 40, b"TOKEN=of somebody else\0")
    found = job_surroundings(CONFIG, folder, table_of(Process(40, 1, 40, 2000)), {b"B": b"2"}, proc)
    assert found.note == NOT_RUNNING
    assert b"TOKEN" not in found.environment
    assert found.environment[b"B"] == b"2"
    assert found.environment[b"RUNCTL_RUN_ID"] == os.fsencode(CONFIG.run)


def test_without_the_script_the_oldest_process_that_it_left_counts(folder: Path) -> None:
    left = (Process(60, 1, 40, 1500), Process(50, 1, 40, 1200), Process(70, 1, 70, 900))
    assert running_command(folder / "job.json", table_of(*left)) == 50


def test_a_zombie_is_no_command(folder: Path) -> None:
    assert running_command(folder / "job.json", table_of(Process(40, 1, 40, 1000, is_zombie=True))) is None


@pytest.mark.parametrize("text", ["", "no json", "{}"])
def test_without_a_record_nothing_runs(folder: Path, text: str) -> None:
    (folder / "job.json").write_text(text)
    assert running_command(folder / "job.json", table_of(Process(40, 1, 40, 1000))) is None
