"""How fast types are, from the figures that AWS states."""

from __future__ import annotations

import pytest
from support.emulated_account import Account

from runctl_auto.errors import JobFileError
from runctl_auto.providers.aws.machine_speed import machine_speed
from runctl_auto.providers.machine_speed import MachineSpeed


def test_a_type_has_the_sustained_rates_of_its_network_and_volumes(account: Account) -> None:
    assert machine_speed(account.cloud, "g5.xlarge") == MachineSpeed(
        instance_type="g5.xlarge",
        cpus=4,
        memory=16 * 1024**3,
        network=2.5e9 / 8,
        volumes=87.5e6,
        volumes_iops=3000,
        store=250 * 10**9,
    )


def test_all_network_cards_count_and_no_disk_is_no_store(account: Account) -> None:
    assert machine_speed(account.cloud, "p4d.24xlarge").network == 400e9 / 8
    assert machine_speed(account.cloud, "m5.large").store == 0


def test_an_unknown_type_is_an_error_of_the_job_file(account: Account) -> None:
    with pytest.raises(JobFileError, match=r"m5\.none does not exist in us-east-1"):
        machine_speed(account.cloud, "m5.none")
