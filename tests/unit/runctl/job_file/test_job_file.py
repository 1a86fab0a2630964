"""What the cloud does not have is told with the line of the job file that asks for it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import create_autospec

import pytest

from runctl_auto.errors import JobFileError, NotFoundError
from runctl_auto.job_file.load import load_job, told_at_its_line
from runctl_auto.jobs.planning import told_in_terms_of
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.data_sources import look_at_data

JOB = """\
name: digits
region: us-east-1
run: python train.py
image: ami-0badc0de
network:
  vpc: vpc-0badc0de
resources:
  accelerators: A10G:1
volumes:
  - {name: data, size: 1GB, mount: /data}
  - name: old
    mount: /old
    id: vol-0badc0de
data:
  - {source: s3://no-such-bucket/x, path: data/}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    job = tmp_path / "job.yaml"
    job.write_text(JOB)
    return job


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("image", "4:1: image: is at fault; found ami-0badc0de"),
        ("network.vpc", "6:3: network.vpc: is at fault; found vpc-0badc0de"),
        ("network.subnet", "5:1: network.subnet: is at fault"),
        ("volumes[1].id", "13:5: volumes[1].id: is at fault; found vol-0badc0de"),
        ("volumes", "9:1: volumes: is at fault"),
        ("zones", "1:1: zones: is at fault"),
        ("resources.gpu", "8:3: resources.gpu: is at fault; found A10G:1"),
    ],
)
def test_file_line_and_field(file: Path, field: str, told: str) -> None:
    error = JobFileError("There is none.", where={"field": field}, next_step="Name another.")
    placed = told_at_its_line(error, file)
    assert str(placed) == f"There is none.\n  {file}:{told}"
    assert (placed.next_step, placed.where["file"]) == ("Name another.", str(file))


def test_what_has_its_line_and_what_names_no_field_stays_as_it_is(file: Path) -> None:
    with pytest.raises(JobFileError) as raised:
        load_job(file.with_name("none.yaml"))
    assert told_at_its_line(raised.value, file) is raised.value
    plain = JobFileError("There is none.")
    assert told_at_its_line(plain, file) is plain


def test_a_file_that_is_gone_by_now_hides_nothing(file: Path) -> None:
    error = JobFileError("There is none.", where={"field": "image"})
    file.unlink()
    assert told_at_its_line(error, file) is error


def test_a_look_into_the_cloud_is_told_with_its_cause(file: Path) -> None:
    file.write_text(JOB.replace("accelerators: A10G:1", "gpu: A10G:1"))
    cloud = create_autospec(Cloud, instance=True)
    cloud.call.side_effect = NotFoundError("no bucket")
    with (
        pytest.raises(JobFileError, match="There is no bucket no-such-bucket") as raised,
        told_in_terms_of(file),
    ):
        look_at_data(load_job(file), cloud)
    assert f"{file}:15:6: data[0].source: is at fault; found s3://no-such-bucket/x" in str(raised.value)
    assert isinstance(raised.value.__cause__, NotFoundError)
