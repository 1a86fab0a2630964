"""A command reads the job file once and walks the work folder once, whatever comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
from support.file_access import FileAccess, counted_file_access
from support.held_resources import held_state
from support.job_stacks import stack_config, stack_state
from support.placement_cloud import FakeEc2

from runctl_auto.cli.commands import preview, up, validate
from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.environment import Environment
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import (
    JobFileError,
    JobNotFoundError,
    PolicyViolationError,
    ProtectedError,
    RunctlError,
    Violation,
)
from runctl_auto.jobs.session import Session
from runctl_auto.local.project import ProjectFolders
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import StackState

JOB = """\
name: digits
region: us-east-1
run: python train.py
workdir: code
resources: {instance_types: [g5.xlarge]}
"""
PLAN = Plan((PlannedChange("create", "aws:s3/bucket:Bucket", "digits-bucket", "urn"),), 0)


class FakeAws(FakeEc2):
    """Every service that the commands ask, of an account in which no job has run."""

    def get_object(self, **asked: Any) -> Any:
        from botocore.exceptions import ClientError

        raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")


class Prepared(Invocation):
    """An invocation whose operations work with a prepared engine and cloud."""

    def __init__(self, folder: Path, stack: Mock, *, is_new: bool) -> None:
        super().__init__(Console(as_json=True))
        self._folder = folder
        self._driver = create_autospec(Driver, instance=True)
        self._driver.backend.versioned_files = None
        self._driver.create.return_value = stack
        self._driver.open.return_value = stack
        if is_new:
            self._driver.open.side_effect = JobNotFoundError("no such job")

    def settings(self) -> Settings:
        return Settings(owner="bob")

    def session(self, *, policies: bool = True, changes: bool = True) -> Session:
        environment = create_autospec(Environment, instance=True)
        environment.backend = f"file://{self._folder}"
        provider = AwsProvider(Cloud(lambda service, region: FakeAws(), "us-east-1"))
        return Session(
            self.settings(),
            ProjectFolders(self._folder),
            environment,
            self._driver,
            lambda region: provider,
            self.console,
        )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".runctl.toml").touch()
    (tmp_path / "code" / "data").mkdir(parents=True)
    (tmp_path / "code" / "train.py").write_text("print('training')\n")
    (tmp_path / "code" / "data" / "digits.csv").write_text("1,2\n")
    (tmp_path / "job.yaml").write_text(JOB)
    return tmp_path


def prepared_stack(state: StackState | None = None, config: Mapping[str, str] | None = None) -> Mock:
    stack: Mock = create_autospec(JobStack, instance=True)
    stack.job = "digits"
    stack.config.return_value = dict(config or {})
    stack.secrets.return_value = {}
    stack.state.return_value = state or stack_state()
    stack.unfinished.return_value = ()
    stack.broken_creations = frozenset()
    stack.preview.return_value = PLAN
    stack.up.return_value = Changes({"create": 1})
    return stack


def run(project: Path, command: Any, *options: str, stack: Mock, is_new: bool = True) -> FileAccess:
    """What the command reads."""
    invocation = Prepared(project, stack, is_new=is_new)
    arguments = [str(project / "job.yaml"), *options]
    with counted_file_access() as access:
        command.command.main(args=arguments, obj=invocation, standalone_mode=False)
    return access


def refused(project: Path, command: Any, *options: str, stack: Mock, is_new: bool = True) -> Any:
    """The error that the command ends with, and what it read."""
    invocation = Prepared(project, stack, is_new=is_new)
    arguments = [str(project / "job.yaml"), *options]
    with counted_file_access() as access, pytest.raises(RunctlError) as raised:
        command.command.main(args=arguments, obj=invocation, standalone_mode=False)
    return raised.value, access


def assert_read_once(access: FileAccess, project: Path) -> None:
    assert access.opened[project / "job.yaml"] == 1
    assert access.listed_in(project / "code") == {".": 1, "data": 1}


def test_up_reads_the_job_file_and_each_work_file_once(project: Path) -> None:
    stack = prepared_stack()
    access = run(project, up, "--yes", "--detach", stack=stack)
    assert_read_once(access, project)
    assert access.opened_in(project / "code") == {"train.py": 1, "data/digits.csv": 1}
    stack.up.assert_called()


def test_preview_reads_both_once(project: Path) -> None:
    stack = prepared_stack()
    access = run(project, preview, stack=stack)
    assert_read_once(access, project)
    stack.preview.assert_called_once()


def test_validate_reads_both_once(project: Path) -> None:
    assert_read_once(run(project, validate, stack=prepared_stack()), project)


def test_a_policy_violation_has_its_line_without_another_reading(project: Path) -> None:
    stack = prepared_stack()
    violation = Violation(rule="allowed-regions", resource="digits", found="x", allowed="y", field="region")
    stack.preview.side_effect = PolicyViolationError("refused", violations=[violation])
    error, access = refused(project, up, "--yes", stack=stack)
    assert [each.line for each in error.violations] == [2]
    assert_read_once(access, project)
    stack.remove.assert_called_once_with()


def test_what_the_cloud_does_not_have_has_its_line_without_another_reading(project: Path) -> None:
    (project / "job.yaml").write_text(f"{JOB}network: {{vpc: vpc-00000000}}\n")
    error, access = refused(project, up, "--yes", stack=prepared_stack())
    assert isinstance(error, JobFileError)
    assert [(each.line, each.field) for each in error.problems] == [(6, "network.vpc")]
    assert_read_once(access, project)


def test_a_broken_protection_has_its_line_without_another_reading(project: Path) -> None:
    state = held_state("digits", volumes={"data": True}, bucket=True)
    stack = prepared_stack(state, stack_config().to_values())
    error, access = refused(project, up, "--yes", stack=stack, is_new=False)
    assert isinstance(error, ProtectedError)
    assert [each.line for each in error.problems] == [1]
    assert_read_once(access, project)
    stack.up.assert_not_called()
