"""AWS and RunPod as one provider: who is asked."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest
from support.emulated_account import Account as EmulatedAccount
from support.job_stacks import job_spec, placement
from support.runpod_account import A40, RunpodUnderTest

from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.contract import Account, Machine, OwnVolumes
from runctl_auto.providers.runpod.clouds import Clouds

ACCOUNT = Account("123456789012", "aws")
ON_RUNPOD, ON_AWS = (job_spec(provider=each, resources={"gpu": "A40:1"}) for each in ("runpod", "aws"))


@pytest.fixture
def aws() -> Any:
    made = create_autospec(AwsProvider, instance=True)
    made.machine.side_effect = lambda identity: Machine(identity, "running")
    made.machines.side_effect = lambda many: {each: Machine(each, "running") for each in many}
    return made


@pytest.fixture
def clouds(account: EmulatedAccount, runpod: RunpodUnderTest, aws: Any) -> Clouds:
    return Clouds(aws, account.cloud, runpod.client)


def test_a_machine_is_asked_where_it_is(clouds: Clouds, runpod: RunpodUnderTest, aws: Any) -> None:
    body = {"name": "runctl-p", "image": "any", **A40}
    pod = str(runpod.client.create_once("/v2/pods", body)["id"])
    assert clouds.machine(pod).id == pod
    assert not aws.machine.called
    assert clouds.machine("i-1") == Machine("i-1", "running")
    assert set(clouds.machines([pod, "i-1"])) == {pod, "i-1"}
    aws.machines.assert_called_once_with(["i-1"])
    clouds.console("i-1")
    aws.console.assert_called_once_with("i-1")
    clouds.terminate([pod])
    assert not aws.terminate.called
    clouds.terminate(["i-1"])
    aws.terminate.assert_called_once_with(["i-1"])
    assert clouds.running([pod, "i-1"]) == {"i-1"}


def test_a_job_is_decided_where_it_runs(clouds: Clouds, aws: Any) -> None:
    found = clouds.offers(ON_RUNPOD, ACCOUNT)
    assert {each.instance_type for each in found.offers} == {"nvidia-a40.1"}
    clouds.zone_of_volumes(ON_RUNPOD, ACCOUNT, OwnVolumes({}))
    clouds.data_notes(ON_RUNPOD, placement(provider="runpod", zone="EU-RO-1"))
    clouds.machine_speed("nvidia-a40.1")
    for unused in (aws.offers, aws.zone_of_volumes, aws.data_notes, aws.machine_speed):
        assert not unused.called
    clouds.offers(ON_AWS, ACCOUNT)
    clouds.zone_of_volumes(ON_AWS, ACCOUNT, OwnVolumes({}))
    clouds.data_notes(ON_AWS, placement())
    clouds.machine_speed("m5.large")
    clouds.machine_fits(placement(), ON_AWS, ON_AWS)
    used = (aws.offers, aws.zone_of_volumes, aws.data_notes, aws.machine_speed, aws.machine_fits)
    assert all(each.call_count == 1 for each in used)


def test_volumes_of_both(clouds: Clouds, runpod: RunpodUnderTest, aws: Any) -> None:
    fields = {"name": "runctl-v", "size": 10, "dataCenter": "EU-RO-1"}
    volume = str(runpod.client.create_once("/v2/network-volumes", fields)["id"])
    aws.volumes.side_effect = lambda many: {each: each for each in many}
    assert set(clouds.volumes([volume, "vol-1"])) == {volume, "vol-1"}
    aws.volumes.assert_called_once_with(["vol-1"])
