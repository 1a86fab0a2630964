"""The job in hand: what is asked once, what is asked every time, and what a job that is not there answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import RUN, instance_state, placement, stack_config, stack_state
from support.sessions import ACCOUNT, fake_provider, fake_session

from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import JobNotFoundError, UntrustedError
from runctl_auto.jobs.job import Job
from runctl_auto.providers.compute import Compute


class World:
    def __init__(self) -> None:
        self.stack: Any = create_autospec(JobStack, instance=True)
        self.stack.config.return_value = stack_config().to_values()
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.open.return_value = self.driver.create.return_value = self.stack
        self.provider: Any = fake_provider()
        self.regions: list[str | None] = []
        session = fake_session(Path("/project"), driver=self.driver)
        self.session = replace(session, make_provider=self._made)

    def _made(self, region: str | None) -> Any:
        self.regions.append(region)
        return self.provider

    @property
    def job(self) -> Job:
        return self.session.job("digits")


@pytest.fixture
def world() -> World:
    return World()


def test_nobody_is_asked_before_something_is_needed(world: World) -> None:
    assert world.job.downloads == Path("/project/runs/digits")
    assert world.driver.mock_calls == []
    assert world.regions == []


@pytest.mark.parametrize("name", ["linked", ".."])
def test_results_are_not_brought_to_another_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "runs" / "linked").symlink_to(tmp_path / "elsewhere")
    assert fake_session(tmp_path).job("digits").downloads == tmp_path / "runs" / "digits"
    with pytest.raises(UntrustedError, match="leads out of the folder of results"):
        _ = fake_session(tmp_path).job(name).downloads


def test_the_stack_is_opened_once(world: World) -> None:
    job = world.job
    job.open()
    assert job.stack is job.stack is world.stack
    world.driver.open.assert_called_once_with("digits")
    assert not job.is_new


def test_a_stack_that_is_not_there_is_made_on_request_alone(world: World) -> None:
    world.driver.open.side_effect = JobNotFoundError("none")
    with pytest.raises(JobNotFoundError):
        world.job.open()
    world.driver.create.assert_not_called()
    job = world.job
    job.open_or_create()
    assert (job.stack, job.is_new) == (world.stack, True)


def test_configuration_state_and_status_are_fresh_every_time(world: World) -> None:
    job = world.job
    assert job.applied_config().run == RUN
    world.stack.config.return_value = stack_config(run=replace(RUN, id="r2")).to_values()
    assert job.applied_config().run.id == "r2"
    world.stack.state.side_effect = [stack_state(), stack_state(instance_state())]
    assert [job.compute(), job.compute()] == [Compute(), Compute(("i-1",))]
    job.status("r1")
    job.status("r1")
    assert world.provider.results.return_value.status.call_count == 2


def test_the_provider_is_that_of_the_jobs_region_and_results_those_of_its_account(world: World) -> None:
    world.stack.config.return_value = stack_config(placement=placement(region="eu-west-1")).to_values()
    job = world.job
    assert job.provider is job.provider is world.provider
    assert world.regions == ["eu-west-1"]
    assert job.results is world.provider.results.return_value
    world.provider.results.assert_called_with("digits", ACCOUNT)


def test_where_a_job_lived_is_known_after_its_stack_is_removed(world: World) -> None:
    job = world.job
    job.applied_config()
    world.stack.config.return_value = {}
    assert job.config() is None
    assert job.provider is world.provider


def test_a_job_that_was_never_set_up_lives_nowhere(world: World) -> None:
    world.stack.config.return_value = {}
    job = world.job
    assert job.config() is None
    for ask in (job.applied_config, lambda: job.provider, lambda: job.results):
        with pytest.raises(JobNotFoundError, match="never set up"):
            ask()


def test_the_scanner_is_told_whose_job_it_is(world: World) -> None:
    config = stack_config(owner="ann")
    world.job.scanner(config)
    world.provider.scanner.assert_called_once_with(
        "digits", ACCOUNT, "ann", backend="file:///state", price_hour=config.placement.price_hour
    )
