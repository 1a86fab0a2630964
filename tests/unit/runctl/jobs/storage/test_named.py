"""What people call volumes and snapshots, in commands and in job files."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError
from support.held_resources import held_state
from support.job_stacks import job_spec, stack_config
from support.storage_stacks import StorageWorld, snapshot_config, volume_config

from runctl_auto.errors import JobFileError, UsageError
from runctl_auto.job_file.storage import Volume
from runctl_auto.jobs.storage.listing import jobs_that_use, list_storage
from runctl_auto.jobs.storage.named import named_snapshot, named_volume
from runctl_auto.jobs.storage.volumes_of_job import with_ids_of_volumes

VOLUME = "vol-0123456789abcdef0"


@pytest.fixture
def world(tmp_path: Path) -> StorageWorld:
    world = StorageWorld(tmp_path)
    world.add(volume_config(), VOLUME)
    world.add(snapshot_config(), "snap-1")
    return world


def test_a_volume_has_a_name_an_id_or_is_a_jobs(world: StorageWorld) -> None:
    assert named_volume(world.session, "data", None).id == VOLUME
    world.exists("vol-00000002", size_gb=7)
    assert named_volume(world.session, "vol-00000002", None).size_gb == 7
    world.stacks["digits"] = stack_config().to_values()
    world.states["digits"] = held_state("digits", volumes={"scratch": False}, bucket=None)
    assert named_volume(world.session, "digits/scratch", None).id == "vol-scratch"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("other", "no volume 'other'"),
        ("vol-00000009", "no volume vol-00000009 in us-east-1"),
        ("nojob/scratch", "no job 'nojob'"),
        ("digits/none", "no volume 'none'"),
        ("base", "no volume 'base'"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(world: StorageWorld, text: str, message: str) -> None:
    world.stacks["digits"] = stack_config().to_values()
    world.states["digits"] = held_state("digits", volumes={"scratch": False}, bucket=None)
    with pytest.raises(UsageError, match=message) as raised:
        named_volume(world.session, text, None)
    assert raised.value.next_step


def test_a_snapshot_of_another_region_is_told_how_to_come_here(world: StorageWorld) -> None:
    with pytest.raises(UsageError, match="is in us-east-1") as raised:
        named_snapshot(world.session, "base", "eu-west-1")
    assert "runctl snapshot copy base NAME --region eu-west-1" in str(raised.value.next_step)


def test_a_creation_that_was_interrupted_is_no_volume_yet(world: StorageWorld) -> None:
    world.add(volume_config(name="half"), identity=None)
    with pytest.raises(UsageError, match="was not completed"):
        named_volume(world.session, "half", None)


def spec(**changes: object) -> object:
    return job_spec(volumes=[{"name": "d", "volume": "data", "mount": "/data", **changes}])


def test_a_job_uses_the_volume_by_its_id(world: StorageWorld) -> None:
    (volume,) = with_ids_of_volumes(world.session, spec()).volumes  # type: ignore[arg-type]
    assert (volume.id, volume.volume, volume.mount) == (VOLUME, None, "/data")
    assert Volume.model_validate(volume.model_dump(mode="json")) == volume


def test_a_job_without_names_asks_nobody(world: StorageWorld) -> None:
    plain = job_spec(volumes=[{"name": "d", "size": "1GB", "mount": "/data"}])
    assert with_ids_of_volumes(world.session, plain) is plain
    world.driver.stacks.assert_not_called()


def test_a_name_that_is_nobodys_is_an_error_of_the_field(world: StorageWorld) -> None:
    with pytest.raises(JobFileError, match="no volume 'none'") as raised:
        with_ids_of_volumes(world.session, spec(volume="none"))  # type: ignore[arg-type]
    assert raised.value.where["field"] == "volumes[0].volume"
    assert "data" in str(raised.value.next_step)


def test_a_volume_of_another_region_is_an_error_of_the_field(world: StorageWorld) -> None:
    world.add(volume_config(name="there", region="eu-west-1", zone="eu-west-1a"))
    with pytest.raises(JobFileError, match="is in eu-west-1") as raised:
        with_ids_of_volumes(world.session, spec(volume="there"))  # type: ignore[arg-type]
    assert "runctl snapshot copy --region us-east-1" in str(raised.value.next_step)


@pytest.mark.parametrize(
    "more", [{"size": "1GB"}, {"id": "vol-00000001"}, {"snapshot": "snap-00000001"}, {"volume": None}]
)
def test_a_volume_is_new_or_named_in_one_way(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        spec(**more)


def test_lists_tell_who_uses_a_volume_and_what_is_not_complete(world: StorageWorld) -> None:
    using = stack_config(job=job_spec(volumes=[{"name": "d", "id": "vol-00000001", "mount": "/data"}]))
    world.add(volume_config(name="used"), "vol-00000001")
    world.add(volume_config(name="half"), identity=None)
    world.stacks["digits"] = using.to_values()
    world.stacks["volume.empty"] = {}
    found = {each.name: each for each in list_storage(world.session, ("volume",))}
    assert sorted(found) == ["data", "empty", "half", "used"]
    assert found["used"].used_by == ("digits",)
    assert found["half"].problem is not None
    assert found["empty"].problem is not None
    assert found["data"].problem is None
    assert found["half"].month.usd == 0
    assert jobs_that_use(world.session, "vol-00000001") == ("digits",)
    world.provider.storage.volumes.assert_not_called()


def test_a_volume_that_somebody_deleted_is_told(world: StorageWorld) -> None:
    world.storage.volumes.return_value = {}
    (found,) = list_storage(world.session, ("volume",), ask_cloud=True)
    assert found.problem is not None
    assert "does not exist any more" in found.problem
