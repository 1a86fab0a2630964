"""The container of a local job: one name for each project's job, and removed by the runtime that made it."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from runctl_auto.agent.containers.runtime import Runtime
from runctl_auto.agent.local.in_container import container_name, end_container, has_container, runtime_of
from runctl_auto.agent.local.job_folder import JobFolder, write_json
from runctl_auto.agent.machine.machine import ProgramResult, run_program

RUNTIME = {"program": "/usr/bin/podman", "podman": True, "user": None, "as_caller": True}


def folder(path: Path, **record: object) -> JobFolder:
    found = JobFolder(path / "jobs" / "digits")
    found.path.mkdir(parents=True)
    write_json(found.record, dict(record))
    return found


def program(code: int) -> mock.Mock:
    found: mock.Mock = mock.create_autospec(run_program)
    found.return_value = ProgramResult(code, "12")
    return found


def test_a_job_without_a_container_asks_nobody(tmp_path) -> None:
    for record in ({}, {"runtime": None}, {"runtime": {"program": "x"}}):
        job, run = folder(tmp_path / str(len(str(record))), **record), program(0)
        end_container(job, run)
        assert not has_container(job, run)
        run.assert_not_called()


def test_its_container_is_removed_by_its_runtime(tmp_path) -> None:
    job, run = folder(tmp_path, runtime=RUNTIME), program(0)
    end_container(job, run)
    assert list(run.call_args.args[0]) == Runtime("/usr/bin/podman").remove(container_name(job))
    assert has_container(job, run)
    assert not has_container(job, program(1))
    found = runtime_of(job)
    assert found is not None
    assert found.as_caller


def test_jobs_of_two_projects_have_two_names(tmp_path) -> None:
    one, other = folder(tmp_path / "a"), folder(tmp_path / "b")
    assert container_name(one) != container_name(other)
    assert container_name(one).startswith("runctl-digits-")
