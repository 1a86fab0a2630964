"""Errors about a job are reported with the lines of its job file."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import create_autospec

import pytest
from support.job_stacks import placement

from runctl_auto.errors import JobFileError, NotFoundError, PolicyViolationError, Violation
from runctl_auto.job_file.load import load_job_file
from runctl_auto.jobs.job_file_lines import with_job_file_lines
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.data_sources import look_at_data

JOB = """\
name: digits
region: us-east-1
run: 'true'
data:
  - {source: s3://no-such-bucket/x, path: data/}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    job = tmp_path / "job.yaml"
    job.write_text(JOB)
    return job


def test_what_the_cloud_does_not_have_keeps_its_cause(file: Path) -> None:
    job = load_job_file(file)
    cloud = create_autospec(Cloud, instance=True)
    cloud.call.side_effect = NotFoundError("no bucket")
    with (
        pytest.raises(JobFileError, match="There is no bucket no-such-bucket") as raised,
        with_job_file_lines(job),
    ):
        look_at_data(job.spec, cloud, placement())
    assert f"{file}:5:6: data[0].source: is at fault; found s3://no-such-bucket/x" in str(raised.value)
    assert isinstance(raised.value.__cause__, NotFoundError)


def test_a_refusal_names_the_line_and_hides_what_the_engine_printed(file: Path) -> None:
    violation = Violation(rule="allowed-regions", resource="digits", found="x", allowed="y", field="region")
    with pytest.raises(PolicyViolationError) as raised, with_job_file_lines(load_job_file(file)):
        raise PolicyViolationError("refused", violations=[violation]) from ValueError("pages of output")
    assert [each.line for each in raised.value.violations] == [2]
    assert raised.value.causes() == []
