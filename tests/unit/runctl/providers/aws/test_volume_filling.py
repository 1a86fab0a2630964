"""How far volumes are filled from their snapshots."""

from __future__ import annotations

from typing import Any

from support.emulated_account import Account

from runctl_auto.providers.aws.volume_filling import volume_fillings
from runctl_auto.providers.volume_filling import VolumeFilling


def made(account: Account, **more: Any) -> str:
    ec2 = account.client("ec2")
    return str(
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=30, VolumeType="gp3", **more)["VolumeId"]
    )


def snapshot(account: Account) -> str:
    return str(account.client("ec2").create_snapshot(VolumeId=made(account))["SnapshotId"])


def test_a_volume_is_filled_at_its_rate(account: Account) -> None:
    volume = made(account, SnapshotId=snapshot(account), VolumeInitializationRate=300)
    account.after(30 * 1024 / 300 / 2)
    assert volume_fillings(account.cloud, [volume]) == {
        volume: VolumeFilling(volume=volume, has_rate=True, percent=50, seconds=51)
    }
    account.after(1000)
    assert volume_fillings(account.cloud, [volume])[volume].percent == 100


def test_without_a_rate_nobody_knows_when(account: Account) -> None:
    volume = made(account, SnapshotId=snapshot(account))
    found = volume_fillings(account.cloud, [volume])[volume]
    assert (found.has_rate, found.percent, found.seconds) == (False, 0, None)


def test_others_are_left_out(account: Account) -> None:
    assert volume_fillings(account.cloud, [made(account), "vol-00000000000000001"]) == {}
    assert volume_fillings(account.cloud, []) == {}
