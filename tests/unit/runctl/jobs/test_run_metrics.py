from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, resource, stack_config, stack_state
from support.sessions import fake_provider, fake_results, fake_session
from support.stored_metrics import stored_metrics

from runctl_auto.agent.keys import metrics_key
from runctl_auto.engine.driver import Driver
from runctl_auto.errors import JobNotFoundError, UnreachableError, UsageError
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.run_metrics import RunName, keep_metrics, read_run_metrics
from runctl_auto.run.identity import RunIdentity
from runctl_auto.run.status import RunStatus

RUN, EARLIER = "0123456789", "abcdef0123"
BUCKET = stack_state(resource("aws:s3/bucket:Bucket", "digits-bucket", "b"))


class Backend:
    """A backend with the job `digits`, or without it, and its bucket."""

    def __init__(self, folder: Path) -> None:
        self.results = fake_results(status=RunStatus(RUN, "running"), runs=(EARLIER, RUN))
        self.objects: Any = self.results.objects.return_value
        self.driver = create_autospec(Driver, instance=True)
        self.told = Told()
        self.session = fake_session(
            folder, driver=self.driver, provider=fake_provider(results=self.results), told=self.told
        )
        config = stack_config(run=RunIdentity(RUN, 2, EARLIER, "c" * 64, "a" * 64, (EARLIER,)))
        self.driver.config_of.return_value = config.to_values()
        self.driver.open.return_value.config.return_value = config.to_values()  # for a teardown
        for run, loss in ((RUN, 2.0), (EARLIER, 1.0)):
            self.objects.put(metrics_key(run), stored_metrics(run, {"loss": [loss]}))

    def forget(self) -> None:
        """The job is deleted."""
        self.driver.config_of.side_effect = JobNotFoundError("There is no job 'digits'.")


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    return Backend(tmp_path)


def last_loss(backend: Backend, name: str) -> tuple[str, float | None, bool]:
    found = read_run_metrics(backend.session, RunName.of(name))
    assert found.metrics is not None
    loss = found.metrics.find("loss")
    assert loss is not None
    return found.run, loss.last, found.is_kept


def test_the_names_of_runs() -> None:
    assert RunName.of("digits") == RunName("digits")
    assert RunName.of(f"digits/{RUN}") == RunName.of("digits", RUN) == RunName("digits", RUN)
    assert RunName.of(f"digits/{RUN}", RUN) == RunName("digits", RUN)
    for text, run in ((f"digits/{RUN}", EARLIER), ("digits/..", None), ("digits/", None), ("digits", "../x")):
        with pytest.raises(UsageError):
            RunName.of(text, run)


def test_the_present_run_and_an_earlier_one(backend: Backend) -> None:
    assert last_loss(backend, "digits") == (RUN, 2.0, False)
    assert last_loss(backend, f"digits/{EARLIER}") == (EARLIER, 1.0, False)
    assert read_run_metrics(backend.session, RunName.of("digits/" + "0" * 10)).metrics is None


def test_a_job_that_was_never_set_up(backend: Backend) -> None:
    backend.driver.config_of.return_value = {}
    with pytest.raises(JobNotFoundError, match="never set up"):
        last_loss(backend, "digits")


def test_a_teardown_keeps_them(backend: Backend) -> None:
    job = Job(backend.session, "digits")
    keep_metrics(job, BUCKET)
    backend.forget()
    assert last_loss(backend, f"digits/{EARLIER}") == (EARLIER, 1.0, True)
    assert last_loss(backend, "digits")[2], "the newest of them"
    with pytest.raises(JobNotFoundError):
        read_run_metrics(backend.session, RunName.of("digits/" + "0" * 10))


def test_what_cannot_be_read_is_not_kept(backend: Backend) -> None:
    backend.objects.put(metrics_key(RUN), b"[" * 5000)
    backend.objects.put(metrics_key(EARLIER), b" " * 2_000_000)
    keep_metrics(Job(backend.session, "digits"), BUCKET)
    backend.forget()
    with pytest.raises(JobNotFoundError):
        last_loss(backend, "digits")
    assert "are not kept" in backend.told.said[-1]


def test_a_teardown_goes_on_without_them(backend: Backend) -> None:
    backend.results.runs.side_effect = UnreachableError("S3 cannot be reached.")
    keep_metrics(Job(backend.session, "digits"), BUCKET)
    assert "S3 cannot be reached." in backend.told.said[-1]
    keep_metrics(Job(backend.session, "digits"), stack_state())


def test_a_link_among_what_was_kept_is_not_followed(backend: Backend, tmp_path: Path) -> None:
    keep_metrics(Job(backend.session, "digits"), BUCKET)
    backend.forget()
    (file,) = tmp_path.glob(f"**/{RUN}.json")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JobNotFoundError):
        last_loss(backend, f"digits/{RUN}")
