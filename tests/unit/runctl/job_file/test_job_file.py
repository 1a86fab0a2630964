"""A job file as a value: fields have their lines, and errors about them name file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.load import load_job_file

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
    placed = load_job_file(file).with_line(error)
    assert str(placed) == f"There is none.\n  {file}:{told}"
    assert (placed.next_step, placed.where["file"]) == ("Name another.", str(file))


def test_an_error_that_has_its_line_or_names_no_field_is_unchanged(file: Path) -> None:
    with pytest.raises(JobFileError) as raised:
        load_job_file(file.with_name("none.yaml"))
    assert load_job_file(file).with_line(raised.value) is raised.value
    plain = JobFileError("There is none.")
    assert load_job_file(file).with_line(plain) is plain


def test_lines_are_those_of_the_text_that_was_read(file: Path) -> None:
    job = load_job_file(file)
    error = JobFileError("There is none.", where={"field": "image"})
    expected = str(job.with_line(error))
    assert "4:1: image: is at fault; found ami-0badc0de" in expected
    file.write_text("image: ami-changed\n")
    assert str(job.with_line(error)) == expected
    file.unlink()
    assert str(job.with_line(error)) == expected


@pytest.mark.parametrize(
    ("field", "line"), [("region", 2), ("volumes[1].id", 13), ("resources.gpu", 8), ("resources.disk", 7)]
)
def test_a_field_has_its_line_under_any_name(file: Path, field: str, line: int) -> None:
    assert load_job_file(file).line_of(field) == line
