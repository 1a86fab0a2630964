"""What `status`, `stop` and the choice to start make of a record; nothing is started."""

import os
import stat
from dataclasses import replace
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from sandbox import daemon
from sandbox.supervisor import lost_jobs, record
from sandbox.supervisor.left_hosts import stop_left_hosts
from sandbox.supervisor.process_identity import identify
from sandbox.supervisor.record import Part, Record

GONE = Part(2**22 + 1, "boot/1")


def me() -> Part:
    identity = identify(os.getpid())
    assert identity is not None
    return Part(identity.pid, identity.started, 4000, 1)


def known(phase: str, supervisor: Part) -> Record:
    parts = {"cloud": me(), "hosts": GONE}
    return Record(
        phase, supervisor, "cloud-1", "http://127.0.0.1:9", "plain", "no namespaces", "words", parts
    )


@pytest.mark.parametrize(
    ("phase", "alive", "expected", "running"),
    [
        (record.READY, True, "ready", True),
        (record.STARTING, True, "starting", True),
        (record.READY, False, "crashed", False),
        (record.STARTING, False, "crashed", False),
        (record.FAILED, False, "failed", False),
        (record.ENDED, False, "stopped", False),
    ],
)
def test_the_status_tells_the_phase(
    tmp_path: Path, phase: str, alive: bool, expected: str, running: bool
) -> None:
    record.save(tmp_path, known(phase, me() if alive else GONE))
    status = daemon.status(tmp_path)
    assert (status.phase, status.running) == (expected, running)
    assert (status.isolation, status.isolation_reason, status.message) == ("plain", "no namespaces", "words")


def test_the_status_tells_each_process(tmp_path: Path) -> None:
    record.save(tmp_path, known(record.READY, me()))
    processes = {process.name: process for process in daemon.status(tmp_path).processes}
    assert set(processes) == {"supervisor", "cloud", "hosts"}
    assert (processes["cloud"].alive, processes["cloud"].port, processes["cloud"].restarts) == (True, 4000, 1)
    assert not processes["hosts"].alive


def test_without_a_record_nothing_runs(tmp_path: Path) -> None:
    assert daemon.status(tmp_path / "absent").phase == "stopped"
    assert list(tmp_path.iterdir()) == []


def test_stopping_what_was_never_started_does_nothing(tmp_path: Path) -> None:
    assert daemon.stop(tmp_path / "absent") == daemon.StopReport(False, "", (), ())
    assert list(tmp_path.iterdir()) == []


def test_stopping_a_crashed_sandbox_removes_its_clouds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = create_autospec(stop_left_hosts)
    monkeypatch.setattr(daemon, "stop_left_hosts", hosts)
    state = tmp_path / "clouds" / "cloud-1" / "state"
    state.mkdir(parents=True)
    (tmp_path / "clouds" / "cloud-1" / "hosts").mkdir(mode=0)
    lost_jobs.note(tmp_path, ["old"])
    record.save(tmp_path, replace(known(record.READY, GONE), parts={"hosts": GONE}))
    report = daemon.stop(tmp_path)
    assert (report.was_running, report.cloud_id, report.ended) == (False, "cloud-1", ("hosts",))
    hosts.assert_called_once_with(tmp_path / "clouds" / "cloud-1")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lock"]


def test_a_sandbox_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(folder: Path) -> None:
        failed = Record(record.FAILED, GONE, "cloud-2", message="the cloud process ended: no moto")
        record.save(folder, failed)

    monkeypatch.setattr(daemon, "_start", start)
    told: list[str] = []
    with pytest.raises(daemon.SandboxError, match="no moto"):
        daemon.ensure_started(tmp_path / "sandbox", progress=told.append)
    assert told == ["starting the sandbox"]
    assert stat.S_IMODE((tmp_path / "sandbox").stat().st_mode) == 0o700


def test_a_sandbox_of_another_version_is_told_at_once(tmp_path: Path) -> None:
    running = replace(known(record.READY, me()), parts={"cloud": me()})
    record.save(tmp_path, running)
    with pytest.raises(daemon.SandboxError, match="keys of the running sandbox"):
        daemon.ensure_started(tmp_path, progress=lambda _: None)


def test_a_crash_is_buried_and_its_jobs_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = create_autospec(stop_left_hosts)
    monkeypatch.setattr(daemon, "stop_left_hosts", hosts)
    monkeypatch.setattr(lost_jobs, "jobs_in", create_autospec(lost_jobs.jobs_in, return_value=["digits"]))
    monkeypatch.setattr(daemon, "_start", create_autospec(daemon._start, side_effect=daemon.SandboxError))
    record.save(tmp_path, replace(known(record.READY, GONE), parts={}))
    with pytest.raises(daemon.SandboxError):
        daemon.ensure_started(tmp_path, progress=lambda _: None)
    hosts.assert_called_once_with(tmp_path / "clouds" / "cloud-1")
    assert lost_jobs.take_note(tmp_path) == ("digits",)
    assert record.load(tmp_path) is None


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(daemon.SandboxError, match="folder"):
        daemon.ensure_started(tmp_path / "file" / "sandbox", progress=lambda _: None)
