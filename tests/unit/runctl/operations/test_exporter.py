from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.exported_jobs import listed
from support.job_stacks import FakeTime, Told
from support.sessions import fake_session

from runctl_auto.errors import UnreachableError, UsageError
from runctl_auto.jobs.session import Session
from runctl_auto.operations import exporter as module
from runctl_auto.operations.exporter import Exporter, write_textfile
from runctl_auto.operations.leaks import LeaksResult, find_leaks
from runctl_auto.providers.call_times import observed_calls, timed_call


def exporter(session: Session, **options: Any) -> Exporter:
    """Looks in the thread that asks."""
    return Exporter(session, start=lambda look: look(), **options)


class Backend:
    """The jobs of a backend; counts the looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.error: Exception | None = None

    def jobs(self, session: Any) -> Any:
        self.looks += 1
        with timed_call("s3"):
            pass
        if self.error is not None:
            raise self.error
        return (listed("digits"),)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    found = Backend()
    monkeypatch.setattr(module, "list_everywhere", found.jobs)
    return found


def test_one_look_serves_all_scrapes_until_it_is_too_old(backend: Backend) -> None:
    clock = FakeTime()
    found = exporter(fake_session(clock=clock), every=15)
    first = found.text()
    assert 'runctl_run_active{job_name="digits"} 1' in first
    assert 'runctl_cloud_api_calls_seconds_count{service="s3"} 1' in first
    assert found.text() == first
    assert backend.looks == 1
    clock.sleep(15)
    assert 'runctl_cloud_api_calls_seconds_count{service="s3"} 2' in found.text()
    assert backend.looks == 2


def test_who_asks_during_a_look_gets_what_the_one_before_told(backend: Backend) -> None:
    clock = FakeTime()
    begun: list[Any] = []
    found = exporter(fake_session(clock=clock), every=15, patience=0.0)
    first = found.text()
    clock.sleep(15)
    found.start = begun.append
    assert found.text() == found.text() == first
    assert len(begun) == 1, "one look goes on at a time"
    begun.pop()()
    assert 'calls_seconds_count{service="s3"} 2' in found.text()
    assert begun == []


def test_a_look_that_breaks_is_told_and_the_next_one_may_work(backend: Backend) -> None:
    told = Told()
    found = exporter(fake_session(told=told), every=15)
    backend.error = ValueError("a mistake")
    assert found.text() == ""
    backend.error = None
    assert "runctl_look_failures_total 1" in found.text()
    assert told.said == ["a look at the jobs failed: ValueError: a mistake"]


def test_a_look_that_fails_is_exported_and_told(backend: Backend) -> None:
    told = Told()
    backend.error = UnreachableError("S3 cannot be reached.")
    text = exporter(fake_session(told=told)).text()
    assert "runctl_look_success 0" in text
    assert "runctl_look_failures_total 1" in text
    assert "job_name" not in text
    assert "S3 cannot be reached." in told.said[-1]


def test_leaks_are_searched_for_at_a_pace_of_their_own(backend: Backend) -> None:
    clock = FakeTime()
    session = fake_session(clock=clock)
    found = LeaksResult("1", 1, (), (), (), session.time.now())
    search = create_autospec(find_leaks, return_value=found)
    searching = exporter(session, every=10, leaks_every=25, search=search)
    for _ in range(5):
        assert 'runctl_leaks_found{kind="orphan"} 0' in searching.text()
        clock.sleep(10)
    assert search.call_count == 2
    assert "leaks" not in exporter(session, every=10).text(), "not asked for, not searched for"


def test_the_textfile_is_written_whole(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "runctl.prom").write_text("old")
    file = write_textfile(exporter(fake_session()), tmp_path)
    assert file.read_text().startswith("# HELP runctl_jobs ")
    assert [each.name for each in tmp_path.iterdir()] == ["runctl.prom"]
    assert file.stat().st_mode & 0o777 == 0o644, "the collector is another user"
    with pytest.raises(UsageError, match="could not be written"):
        write_textfile(exporter(fake_session()), tmp_path / "absent")


def test_nobody_is_told_of_calls_unless_they_ask() -> None:
    told: list[str] = []
    with observed_calls(lambda service, seconds: told.append(service)), timed_call("ec2"):
        pass
    with timed_call("s3"):
        pass
    assert told == ["ec2"]
