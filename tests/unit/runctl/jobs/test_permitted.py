"""What settings permit: providers, and how many jobs have a machine at once."""

from __future__ import annotations

from unittest.mock import create_autospec

import pytest
from support.job_stacks import job_spec, stack_config
from support.sessions import fake_provider, fake_session

from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.errors import EngineError, RunctlError, TooManyJobsError, UsageError
from runctl_auto.jobs.permitted import refuse_disabled_provider, refuse_too_many_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.run.status import RunStatus
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import INSTANCE, ResourceState, StackState

NEW_MACHINE = "create"
STATUSES = {"one": "running", "two": "succeeded", "three": "booting"}


def plan(operation: str) -> Plan:
    return Plan((PlannedChange(operation, INSTANCE, "digits-machine-instance", "urn"),), 0)


def session(limit: int, **machines: bool | RunctlError) -> Session:
    driver = create_autospec(Driver, instance=True)
    driver.jobs.return_value = tuple(JobSummary(name, 3, None, False) for name in machines)
    driver.config_of.side_effect = lambda job: stack_config(job=job_spec(name=job)).to_values()
    machine = ResourceState("urn", INSTANCE, "i-1", True, False, False, False, "", (), {}, {})
    driver.states.side_effect = lambda jobs: {
        job: StackState((machine,) if machines[job] else (), ())
        if isinstance(machines[job], bool)
        else machines[job]
        for job in jobs
    }
    provider = fake_provider()
    provider.statuses.side_effect = lambda runs: [
        RunStatus(run="r", phase=STATUSES[each.job]) for each in runs
    ]
    return fake_session(
        driver=driver, provider=provider, settings=Settings(owner="ann", max_parallel_jobs=limit)
    )


def test_as_many_jobs_as_may_run_are_told_by_name() -> None:
    place = session(2, one=True, three=True, two=True)
    with pytest.raises(TooManyJobsError, match="2 jobs run, and at most 2 may: one, three") as raised:
        refuse_too_many_jobs(place, "digits", plan(NEW_MACHINE))
    assert raised.value.exit_code == 4


def test_a_run_that_has_ended_does_not_count() -> None:
    refuse_too_many_jobs(session(2, one=True, two=True), "digits", plan(NEW_MACHINE))


def test_a_job_without_machine_does_not_count_and_is_not_asked() -> None:
    place = session(1, one=False, three=False)
    refuse_too_many_jobs(place, "digits", plan(NEW_MACHINE))
    place.driver.config_of.assert_not_called()  # type: ignore[attr-defined]


def test_a_state_that_cannot_be_read_counts() -> None:
    place = session(1, one=EngineError("locked"))
    with pytest.raises(TooManyJobsError):
        refuse_too_many_jobs(place, "digits", plan(NEW_MACHINE))


def test_the_job_itself_does_not_count() -> None:
    refuse_too_many_jobs(session(1, one=True), "one", plan(NEW_MACHINE))


@pytest.mark.parametrize("operation", ["update", "replace", "delete"])
def test_what_makes_no_further_machine_asks_nobody(operation: str) -> None:
    place = session(1, one=True)
    refuse_too_many_jobs(place, "digits", plan(operation))
    place.driver.jobs.assert_not_called()  # type: ignore[attr-defined]


def test_a_provider_that_is_switched_off_is_refused() -> None:
    spec = job_spec(name="digits")
    refuse_disabled_provider(spec, Settings())
    off = Settings.model_validate({"aws": {"enabled": False}, "local": {"enabled": True}})
    with pytest.raises(UsageError, match="provider aws, which the settings switch off") as raised:
        refuse_disabled_provider(spec, off)
    assert raised.value.exit_code == 7
