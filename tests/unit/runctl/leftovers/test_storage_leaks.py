"""Volumes and snapshots with stacks of their own, over the emulator in this process: whose they are, and when
they are leaks."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest
from support.sessions import fake_session
from support.storage_stacks import snapshot_config, storage_state, volume_config

from components.tags import identity_tags
from runctl_auto.backend.mark import backend_mark
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.jobs.storage.change import label_of
from runctl_auto.operations.leaks import LeaksOptions, LeaksResult, find_leaks
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.aws.storage import EbsStorage
from runctl_auto.providers.resource import Relations
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.state import StackState

REGION, BACKEND, ACCOUNT = "us-east-1", "file:///state", "123456789012"


def tags(config: Any, **more: str) -> list[dict[str, str]]:
    identity = identity_tags(
        project="runctl",
        job=config.stack,
        stack=config.stack,
        owner=config.owner,
        backend=backend_mark(BACKEND),
    )
    own = {**identity, "Name": label_of(config), **more}
    return [{"Key": key, "Value": value} for key, value in own.items()]


def make_volume(account: Any, config: Any, **more: str) -> str:
    spec = [{"ResourceType": "volume", "Tags": tags(config, **more)}]
    made = account.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=10, TagSpecifications=spec)
    return str(made["VolumeId"])


def make_snapshot(account: Any, volume: str, config: Any | None) -> str:
    spec = [] if config is None else [{"ResourceType": "snapshot", "Tags": tags(config)}]
    made = account.client("ec2").create_snapshot(VolumeId=volume, TagSpecifications=spec)
    return str(made["SnapshotId"])


def swept(account: Any, delete: bool = False, **states: StackState) -> LeaksResult:
    stacks = {name.replace("_", "."): state for name, state in states.items()}
    driver = create_autospec(Driver, instance=True)
    driver.stacks.return_value = tuple(JobSummary(each, 1, None, False) for each in stacks)
    driver.states.return_value = stacks
    session = fake_session(
        driver=driver, provider=AwsProvider(account.cloud), backend=BACKEND, settings=Settings(owner="bob")
    )
    return find_leaks(session, LeaksOptions(regions=(REGION,), delete=delete, yes=True))


@pytest.fixture
def volume() -> Any:
    return volume_config(account=ACCOUNT)


@pytest.fixture
def snapshot() -> Any:
    return snapshot_config(account=ACCOUNT)


def test_what_a_stack_holds_is_no_leak(account: Any, volume: Any, snapshot: Any) -> None:
    held = make_volume(account, volume)
    taken = make_snapshot(account, held, snapshot)
    (finding,) = swept(
        account,
        volume_data=storage_state(volume, held),
        snapshot_base=storage_state(snapshot, taken),
    ).findings
    assert finding.comparison.orphans == ()
    assert finding.comparison.gone == ()


def test_a_volume_and_a_snapshot_whose_stacks_are_gone_are_found_and_removed(
    account: Any, volume: Any, snapshot: Any
) -> None:
    held = make_volume(account, volume)
    taken = make_snapshot(account, held, snapshot)
    (finding,) = swept(account).findings
    whys = {each.resource.id: each.why for each in finding.comparison.orphans}
    assert whys == {held: "there is no volume 'data'", taken: "there is no snapshot 'base'"}
    assert {each.id for each in swept(account, delete=True).deleted} == {held, taken}
    assert not account.ids() & {held, taken}


def test_a_protected_volume_whose_stack_is_gone_is_told_and_stays(account: Any, volume: Any) -> None:
    held = make_volume(account, volume, **{"runctl:protected": "true"})
    result = swept(account, delete=True)
    assert [each.id for each in result.findings[0].comparison.protected] == [held]
    assert result.deleted == ()


def test_a_stack_whose_volume_was_deleted_by_hand_is_gone(account: Any, volume: Any) -> None:
    (finding,) = swept(account, volume_data=storage_state(volume, "vol-0123456789abcdef0")).findings
    assert [each.job for each in finding.comparison.gone] == ["volume.data"]


def test_a_snapshot_with_a_stack_of_its_own_is_not_its_volumes_jobs(
    account: Any, volume: Any, snapshot: Any
) -> None:
    held = make_volume(account, volume)
    taken, untagged = make_snapshot(account, held, snapshot), make_snapshot(account, held, None)
    scanner = AwsProvider(account.cloud).scanner("volume.data", ACCOUNT, "bob", backend=BACKEND)
    found = {each.id for each in scanner.survey(Relations({}, {held: "volume.data"}, {})).found}
    assert found == {held, untagged}
    own = AwsProvider(account.cloud).scanner("snapshot.base", ACCOUNT, "bob", backend=BACKEND).find()
    assert [each.id for each in own] == [taken]


def test_what_was_made_and_not_recorded_is_surely_the_stacks(account: Any, volume: Any) -> None:
    held = make_volume(account, volume)
    scanner = AwsProvider(account.cloud).scanner("volume.data", ACCOUNT, "bob", backend=BACKEND)
    (found,) = scanner.find()
    assert found.id == held
    assert scanner.is_surely_own(found)


def test_the_cloud_tells_of_volumes_and_snapshots(account: Any, volume: Any, snapshot: Any) -> None:
    held = make_volume(account, volume)
    taken = make_snapshot(account, held, snapshot)
    storage = EbsStorage(account.cloud)
    found = storage.volumes([held, "vol-0123456789abcdef0"])
    assert list(found) == [held]
    assert (found[held].zone, found[held].size_gb, found[held].machines) == ("us-east-1a", 10, ())
    told = storage.snapshot(taken)
    assert told is not None
    assert (told.size_gb, told.state) == (10, "completed")
    assert storage.snapshot("snap-0123456789abcdef0") is None
    assert storage.called("volume", label_of(volume)) == (held,)
    assert storage.called("snapshot", label_of(snapshot)) == (taken,)
    assert storage.called("volume", "another") == ()
    assert storage.modification(held) is None
    account.client("ec2").modify_volume(VolumeId=held, Size=20)
    modified = storage.modification(held)
    assert modified is not None
    assert modified.began_at is not None
    storage.detach(held, "i-0123456789abcdef0")
