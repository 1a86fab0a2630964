"""What of a job file that was written for a cloud applies on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.job_stacks import job_spec

from runctl_auto.agent.local.capacity import Capacity, Needs
from runctl_auto.errors import NoCapacityError, NotSupportedError
from runctl_auto.jobs.local.applicable import applied_here, needs_of
from runctl_auto.packaging.work_folder import WorkFolder

HERE = Capacity(2, 4, 8, (0, 1))


@pytest.fixture
def work(tmp_path: Path) -> WorkFolder:
    return WorkFolder(tmp_path, ())


def test_a_file_written_for_aws_is_carried_out_and_told_of(work: WorkFolder) -> None:
    spec = job_spec(
        zones=["us-east-1a"],
        spot_policy="auto",
        max_price=0.2,
        tags={"team": "nlp"},
        resources={"instance_types": ["m5.large", "t3.medium"], "disk": "20GB"},
        retry={"on_events": ["interruption", "error"]},
        artifacts={"paths": ["model"], "keep": True},
    )
    applied = applied_here(spec, work, HERE)
    assert applied.needs == Needs()
    told = [note.partition(" ")[0] for note in applied.notes]
    assert told == [
        "the", "region", "zones", "spot_policy", "max_price", "tags",
        "resources.instance_types", "resources.disk", "artifacts.keep", "of",
    ]  # fmt: skip
    assert "provider aws" in applied.notes[0]


def test_a_file_written_for_this_machine_needs_no_word(work: WorkFolder) -> None:
    spec = job_spec(provider="local", region="local", resources={"gpu": 1, "cpu": "2..", "memory": "4GB.."})
    applied = applied_here(spec, work, HERE)
    assert (applied.needs, applied.notes) == (Needs(2, 4, 1), ())


def test_gpus_are_asked_for_by_their_number(work: WorkFolder) -> None:
    types = job_spec(resources={"instance_types": ["g5.xlarge"]})
    assert any("gpu: 1" in note for note in applied_here(types, work, HERE).notes)
    assert not any("gpu: 1" in note for note in applied_here(types, work, Capacity(1, 1, 1)).notes)
    named = job_spec(resources={"gpu": "A10G:2"})
    assert needs_of(named) == Needs(gpus=2)
    assert any("number of GPUs alone" in note for note in applied_here(named, work, HERE).notes)


@pytest.mark.parametrize("resources", [{"gpu": 3}, {"cpu": 8}, {"memory": "64GB.."}])
def test_more_than_this_machine_has_is_no_capacity(work: WorkFolder, resources: dict[str, object]) -> None:
    with pytest.raises(NoCapacityError, match="more than this machine has"):
        applied_here(job_spec(resources=resources), work, HERE)


@pytest.mark.parametrize(("changes", "field"), [
    ({"nodes": 2}, "nodes"),
    ({"notify": {"command": "./tell.sh"}}, "notify"),
    ({"volumes": [{"name": "data", "size": "10GB", "mount": "/no/such/folder"}]}, "volumes"),
    ({"data": [{"source": "s3://bucket/prefix", "path": "data/"}]}, "data"),
])  # fmt: skip
def test_what_needs_a_cloud_is_refused_by_name(
    work: WorkFolder, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(NotSupportedError) as raised:
        applied_here(job_spec(**changes), work, HERE)
    assert raised.value.where["field"] == field
    assert raised.value.next_step


def test_folders_of_this_machine_stand_for_volumes_and_data(work: WorkFolder) -> None:
    (work.path / "data").mkdir()
    spec = job_spec(
        volumes=[{"name": "disk", "size": "10GB", "mount": "/disk"}],
        data=[{"source": "s3://bucket/prefix", "path": "data"}],
    )
    applied = applied_here(spec, work, HERE, is_folder=lambda path: path == Path("/disk"))
    assert applied.mounts == {"disk": "/disk"}
    assert applied.data == {"data": str(work.path / "data")}
    assert sum("as it is" in note or "where it is" in note for note in applied.notes) == 2
