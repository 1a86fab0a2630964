"""What is known of jobs from one look to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import job_spec, stack_config
from support.sessions import fake_session

from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.errors import EngineError
from runctl_auto.jobs.known_jobs import KnownJobs
from runctl_auto.jobs.session import Session

SUMMARY = JobSummary("digits", 3, "2026-01-01T00:00:00Z", False)


@pytest.fixture
def driver() -> Any:
    driver = create_autospec(Driver, instance=True)
    driver.config_version.return_value = 1
    driver.config_of.return_value = stack_config(job=job_spec(name="digits")).to_values()
    return driver


@pytest.fixture
def session(driver: Any) -> Session:
    return fake_session(driver=driver)


def test_a_configuration_is_read_once(driver: Any, session: Session) -> None:
    known = KnownJobs()
    first = known.config(session, SUMMARY)
    assert known.config(session, SUMMARY) is first
    assert driver.config_of.call_count == 1


@pytest.mark.parametrize("busy", [False, True])
def test_it_is_read_again_when_the_stack_changed_or_is_worked_on(
    driver: Any, session: Session, busy: bool
) -> None:
    known = KnownJobs()
    known.config(session, SUMMARY)
    changed = replace(SUMMARY, busy=True) if busy else replace(SUMMARY, updated_at="2026-01-02T00:00:00Z")
    known.config(session, changed)
    known.config(session, changed)
    assert driver.config_of.call_count == (3 if busy else 2)


def test_it_is_read_again_when_its_file_was_written(driver: Any, session: Session) -> None:
    known = KnownJobs()
    known.config(session, SUMMARY)
    driver.config_version.return_value = 2
    known.config(session, SUMMARY)
    assert driver.config_of.call_count == 2


def test_errors_are_not_kept(driver: Any, session: Session) -> None:
    known = KnownJobs()
    driver.config_of.side_effect = EngineError("away")
    assert isinstance(known.config(session, SUMMARY), EngineError)
    driver.config_of.side_effect = None
    assert known.config(session, SUMMARY) is not None


def test_a_job_that_is_gone_is_forgotten(driver: Any, session: Session) -> None:
    known = KnownJobs()
    known.config(session, SUMMARY)
    known.begin([])
    known.config(session, SUMMARY)
    assert driver.config_of.call_count == 2
