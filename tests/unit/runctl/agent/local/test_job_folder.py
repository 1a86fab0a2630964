"""The lock of a job tells whether its agent lives, whoever asks at the same time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runctl_auto.agent.local.job_folder import AgentProcess, JobFolder, is_at


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path)


def test_an_agent_lives_while_its_lock_is_held(folder: JobFolder) -> None:
    assert not folder.agent_lives()
    lock = folder.take_lock()
    assert lock is not None
    assert folder.agent_lives()
    handed_over = os.dup(lock)
    os.close(lock)
    assert folder.agent_lives(), "whoever it was handed to holds it"
    os.close(handed_over)
    assert not folder.agent_lives()


def test_a_held_lock_is_not_taken(folder: JobFolder) -> None:
    lock = folder.take_lock()
    assert lock is not None
    pauses: list[float] = []
    assert folder.take_lock(pauses.append) is None
    assert len(pauses) > 1, "one that only asks lets go again"
    os.close(lock)


def test_the_process_of_an_agent_is_read_back(folder: JobFolder) -> None:
    assert AgentProcess.of(folder) is None
    told = AgentProcess("process-7", 7, 12.5)
    told.write(folder)
    assert AgentProcess.of(folder) == told
    folder.process.write_text('{"id": 1}')
    assert AgentProcess.of(folder) is None


def test_a_file_that_was_replaced_is_another(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    assert is_at(descriptor, path)
    path.unlink()
    assert not is_at(descriptor, path)
    path.touch()
    assert not is_at(descriptor, path)
    os.close(descriptor)
