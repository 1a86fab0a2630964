"""Volumes and snapshots: what their verbs do, refuse and leave behind, over fakes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.storage_stacks import StorageWorld, snapshot_config, storage_state, volume_config

from runctl_auto.errors import (
    CloudError,
    ConfirmationNeededError,
    EngineError,
    JobNotFoundError,
    NameTakenError,
    ProtectedError,
    UsageError,
    VolumeCooldownError,
)
from runctl_auto.jobs.storage.change import label_of
from runctl_auto.operations.down import DownOptions, down
from runctl_auto.operations.snapshot_create import copy_snapshot, create_snapshot
from runctl_auto.operations.storage_protect import set_storage_protection
from runctl_auto.operations.storage_rm import RemovalOptions, remove_storage
from runctl_auto.operations.volume_create import NewVolume, create_volume
from runctl_auto.operations.volume_resize import resize_volume
from runctl_auto.providers.storage import Modification, StoredSnapshot
from runctl_auto.settings.schema import PolicySettings, Settings
from runctl_auto.stack.storage_config import storage_config

YES = RemovalOptions(yes=True)


@pytest.fixture
def world(tmp_path: Path) -> StorageWorld:
    return StorageWorld(tmp_path)


def made(world: StorageWorld, **asked: Any) -> Any:
    world.made = storage_state(volume_config(), "vol-1")
    return create_volume(world.session, "data", NewVolume(**{"size_gb": 10, **asked}), yes=True)


def test_a_volume_is_made_by_its_own_stack_and_its_plan_says_what_it_costs(world: StorageWorld) -> None:
    result = made(world, protect=True)
    assert (result.id, result.changed) == ("vol-1", True)
    config = storage_config(world.stacks["volume.data"])
    assert config is not None
    assert (config.size_gb, config.zone, config.protect) == (10, "us-east-1a", True)  # type: ignore[union-attr]
    (view,) = world.told.plans
    assert view.job == "volume.data"
    assert view.cost is not None
    assert view.cost.kept_month.usd == pytest.approx(0.8)


def test_a_plan_that_is_declined_leaves_no_stack(tmp_path: Path) -> None:
    world = StorageWorld(tmp_path, agrees=False)
    with pytest.raises(ConfirmationNeededError):
        create_volume(world.session, "data", NewVolume(size_gb=10), yes=False)
    assert world.stacks == {}


def test_a_name_that_is_taken_is_told_with_the_way_out(world: StorageWorld) -> None:
    world.add(volume_config())
    with pytest.raises(NameTakenError, match="volume 'data' already: vol-1, 10 GB in us-east-1a") as raised:
        made(world, size_gb=20)
    assert "`runctl volume resize data SIZE`" in str(raised.value.next_step)
    assert "`runctl volume rm data`" in str(raised.value.next_step)
    world.engine("volume.data").up.assert_not_called()


def test_the_same_again_is_taken_too_when_it_is_complete(world: StorageWorld) -> None:
    made(world)
    world.engine("volume.data").preview.return_value = world.plans()
    with pytest.raises(NameTakenError):
        made(world)


def test_an_interrupted_creation_is_completed_by_the_same_command(world: StorageWorld) -> None:
    world.add(volume_config(), identity=None)
    assert made(world).id == "vol-1"


def test_an_interrupted_creation_may_be_asked_for_otherwise(world: StorageWorld) -> None:
    world.add(volume_config(), identity=None)
    made(world, zone="us-east-1b")
    config = storage_config(world.stacks["volume.data"])
    assert config is not None
    assert config.zone == "us-east-1b"  # type: ignore[union-attr]


def test_a_volume_of_the_name_that_no_stack_knows_is_not_made_twice(world: StorageWorld) -> None:
    world.storage.called.return_value = ("vol-lost",)
    with pytest.raises(NameTakenError, match="no stack of this backend knows it: vol-lost") as raised:
        made(world)
    assert "runctl leaks" in str(raised.value.next_step)
    world.storage.called.assert_called_once_with("volume", label_of(volume_config()))
    assert world.stacks == {}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"size_gb": None}, "needs a size"),
        ({"zone": "us-east-1z"}, "no zone us-east-1z"),
        ({"initialization_rate": 200}, "Only a volume that begins with a snapshot"),
        ({"snapshot": "none"}, "no snapshot 'none'"),
        ({"snapshot": "snap-00000001"}, "no snapshot snap-00000001"),
    ],
)
def test_what_cannot_be_makes_nothing(world: StorageWorld, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made(world, **asked)
    assert world.stacks == {}


@pytest.mark.parametrize("name", ["", "A", "a.b", "vol-12345678", "../x"])
def test_what_is_no_name_makes_nothing(world: StorageWorld, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a volume"):
        create_volume(world.session, name, NewVolume(size_gb=1), yes=True)
    assert world.stacks == {}


def test_a_volume_of_a_snapshot_is_at_least_as_large_and_in_its_region(world: StorageWorld) -> None:
    world.add(snapshot_config(size_gb=50), "snap-1")
    with pytest.raises(UsageError, match="needs 50 GB"):
        made(world, snapshot="base")
    made(world, snapshot="base", size_gb=None, initialization_rate=200)
    config = storage_config(world.stacks["volume.data"])
    assert config is not None
    assert (config.size_gb, config.snapshot, config.initialization_rate) == (50, "snap-1", 200)  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="is in us-east-1") as raised:
        create_volume(world.session, "more", NewVolume(snapshot="base", zone="eu-west-1a"), yes=True)
    assert "runctl snapshot copy base NAME --region eu-west-1" in str(raised.value.next_step)


def test_a_snapshot_that_is_not_complete_is_no_beginning(world: StorageWorld) -> None:
    world.storage.snapshot.return_value = StoredSnapshot(id="snap-00000001", size_gb=10, state="pending")
    with pytest.raises(CloudError, match="it is pending"):
        made(world, snapshot="snap-00000001")


def grown(world: StorageWorld, size: int) -> Any:
    world.add(volume_config())
    world.made = storage_state(volume_config(size_gb=size), "vol-1")
    world.engine("volume.data").preview.return_value = world.plans("update")
    return resize_volume(world.session, "data", size, yes=True)


def test_a_volume_grows_in_place(world: StorageWorld) -> None:
    result = grown(world, 20)
    assert (result.config.size_gb, result.changed) == (20, True)
    assert any("grows when a machine mounts it next" in each for each in world.told.plans[0].notes)


def test_the_size_that_it_has_changes_nothing(world: StorageWorld) -> None:
    assert not grown(world, 10).changed
    world.engine("volume.data").up.assert_not_called()


def test_a_volume_does_not_shrink(world: StorageWorld) -> None:
    with pytest.raises(UsageError, match="has 10 GB, and AWS cannot make a volume smaller") as raised:
        grown(world, 5)
    assert "copy what is needed" in str(raised.value.next_step)


def test_a_modification_that_goes_on_is_waited_for(world: StorageWorld) -> None:
    began = world.session.time.now() - timedelta(minutes=5)
    world.storage.modification.return_value = Modification(
        state="optimizing", is_under_way=True, began_at=began
    )
    with pytest.raises(VolumeCooldownError, match="is optimizing") as raised:
        grown(world, 20)
    assert "six hours" in str(raised.value.next_step)
    assert storage_config(world.stacks["volume.data"]) == volume_config()


def test_a_modification_that_aws_refuses_leaves_the_size_as_it_was(world: StorageWorld) -> None:
    began = world.session.time.now() - timedelta(hours=1)
    world.storage.modification.return_value = Modification(
        state="completed", is_under_way=False, began_at=began
    )
    world.add(volume_config())
    engine = world.engine("volume.data")
    engine.preview.return_value = world.plans("update")
    engine.up.side_effect = CloudError("refused", code="VolumeModificationRateExceeded")
    with pytest.raises(VolumeCooldownError, match="refuses to modify it again") as raised:
        resize_volume(world.session, "data", 20, yes=True)
    assert f"{began + timedelta(hours=6):%H:%M} UTC" in str(raised.value.next_step)
    assert storage_config(world.stacks["volume.data"]) == volume_config()
    assert any("may refuse another modification" in each for each in world.told.plans[0].notes)


def test_a_volume_that_is_not_there_is_told(world: StorageWorld) -> None:
    with pytest.raises(JobNotFoundError, match="no volume 'data'"):
        resize_volume(world.session, "data", 20, yes=True)
    with pytest.raises(JobNotFoundError, match="no snapshot 'base'"):
        remove_storage(world.session, "snapshot", "base", YES)


def test_a_snapshot_is_taken_of_a_volume_and_says_what_it_holds(world: StorageWorld) -> None:
    world.add(volume_config())
    world.exists(machines=("i-1",))
    world.made = storage_state(snapshot_config(), "snap-1")
    result = create_snapshot(world.session, "base", "data", yes=True)
    assert (result.id, result.config.size_gb) == ("snap-1", 10)
    config = storage_config(world.stacks["snapshot.base"])
    assert config is not None
    assert (config.volume, config.origin) == ("vol-1", "volume data")  # type: ignore[union-attr]
    assert any("attached to i-1" in each for each in world.told.plans[0].notes)


def test_a_copy_has_the_name_of_its_region_and_its_source(world: StorageWorld) -> None:
    world.add(snapshot_config(), "snap-1")
    world.made = storage_state(snapshot_config(name="base-eu-west-1", region="eu-west-1"), "snap-2")
    copy_snapshot(world.session, "base", None, region="eu-west-1", yes=True)
    config = storage_config(world.stacks["snapshot.base-eu-west-1"])
    assert config is not None
    assert (config.region, config.source, config.source_region) == (  # type: ignore[union-attr]
        "eu-west-1",
        "snap-1",
        "us-east-1",
    )


def test_a_removal_proves_that_nothing_is_left_and_keeps_receipt_and_bill(
    world: StorageWorld, tmp_path: Path
) -> None:
    world.add(volume_config())
    result = remove_storage(world.session, "volume", "data", YES)
    assert [each.id for each in result.receipt.deleted] == ["vol-1"]
    assert result.receipt.is_complete
    assert result.receipt.stack_removed
    assert world.stacks == {}
    assert result.receipt_file is not None
    assert result.receipt_file.parent.name == "volume.data"
    assert [each.name for each in (tmp_path / ".runctl/costs").glob("*/*/*.json")] == ["vol-1.json"]


def test_what_is_protected_is_refused_with_the_way_out(world: StorageWorld) -> None:
    world.add(volume_config(protect=True))
    with pytest.raises(ProtectedError, match="is protected; nothing was touched") as raised:
        remove_storage(world.session, "volume", "data", YES)
    assert "runctl unprotect volume.data" in str(raised.value.next_step)
    world.engine("volume.data").destroy.assert_not_called()


def test_what_is_protected_goes_when_its_name_is_confirmed(world: StorageWorld) -> None:
    world.add(volume_config(protect=True))
    with pytest.raises(ConfirmationNeededError, match="the name of protected volume 'data'"):
        remove_storage(world.session, "volume", "data", RemovalOptions(yes=True, include_protected=True))
    options = RemovalOptions(yes=True, include_protected=True, confirmed=("data",))
    assert remove_storage(world.session, "volume", "data", options).receipt.is_complete


def test_what_the_settings_protect_is_refused_even_then(tmp_path: Path) -> None:
    settings = Settings(owner="bob", policies=PolicySettings(protected=("vol-1",)))
    world = StorageWorld(tmp_path, settings=settings)
    world.add(volume_config())
    options = RemovalOptions(yes=True, include_protected=True, confirmed=("data",))
    with pytest.raises(ProtectedError, match="by the settings"):
        remove_storage(world.session, "volume", "data", options)


def test_a_volume_that_is_attached_is_not_removed(world: StorageWorld) -> None:
    world.add(volume_config())
    world.exists(machines=("i-1",))
    with pytest.raises(UsageError, match="attached to i-1") as raised:
        remove_storage(world.session, "volume", "data", YES)
    assert "runctl volume detach data" in str(raised.value.next_step)


def test_a_stack_that_was_never_set_up_goes(world: StorageWorld) -> None:
    world.stacks["volume.data"] = {}
    assert remove_storage(world.session, "volume", "data", YES).receipt.stack_removed


@pytest.mark.parametrize("protect", [True, False])
def test_protection_begins_and_ends(world: StorageWorld, protect: bool) -> None:
    world.add(volume_config(protect=not protect))
    world.made = storage_state(volume_config(protect=protect), "vol-1")
    world.engine("volume.data").preview.return_value = world.plans("update")
    result = set_storage_protection(world.session, "volume.data", protect=protect, yes=True)
    assert (result.config.protect, result.changed) == (protect, True)
    again = set_storage_protection(world.session, "volume.data", protect=protect, yes=True)
    assert not again.changed


def test_an_engine_that_makes_nothing_is_no_success(world: StorageWorld) -> None:
    with pytest.raises(EngineError, match="holds nothing"):
        create_volume(world.session, "data", NewVolume(size_gb=1), yes=True)


def test_a_volume_is_no_job(world: StorageWorld) -> None:
    world.add(volume_config())
    with pytest.raises(UsageError, match="is a volume, not a job") as raised:
        down(world.session, "volume.data", DownOptions(yes=True))
    assert "runctl volume rm data" in str(raised.value.next_step)
    world.engine("volume.data").destroy.assert_not_called()
    world.session.stack("volume.data").open()
