"""AWS and RunPod as one provider: who is asked."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.emulated_account import Account as EmulatedAccount
from support.job_stacks import job_spec, offers, placement
from support.runpod_account import A40, RunpodUnderTest

from runctl_auto.errors import CredentialsError, JobFileError
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


ON_BOTH = job_spec(providers=["aws", "runpod"], resources={"gpu": "A40:1"})


def test_offers_of_both_are_one_list(clouds: Clouds, aws: Any) -> None:
    aws.offers.return_value = offers(placement(), notes=("a note",))
    found = clouds.offers(ON_BOTH, ACCOUNT)
    assert {each.provider for each in found.offers} == {"aws", "runpod"}
    assert found.notes[0] == "a note"
    asked = aws.offers.call_args.args[0]
    assert (asked.clouds, asked.provider) == (("aws",), "aws")
    assert {each.provider for each in clouds.offers(ON_BOTH, ACCOUNT, zone="EU-RO-1").offers} == {"runpod"}
    assert {each.provider for each in clouds.offers(ON_BOTH, ACCOUNT, zone="us-east-1a").offers} == {"aws"}


def test_one_that_offers_nothing_is_a_note_and_both_are_an_error(
    clouds: Clouds, runpod: RunpodUnderTest, aws: Any
) -> None:
    aws.offers.side_effect = JobFileError("no such type", where={})
    found = clouds.offers(ON_BOTH, ACCOUNT)
    assert {each.provider for each in found.offers} == {"runpod"}
    assert found.notes[0] == "nothing of AWS: no such type"
    with pytest.raises(JobFileError, match="no such type"):
        clouds.offers(job_spec(providers=["aws", "runpod"], resources={"gpu": "A10G:1"}), ACCOUNT)


def test_volumes_of_either_tie_a_job_of_both(clouds: Clouds, aws: Any) -> None:
    volume = {"name": "data", "size": "10GB", "mount": "/data"}
    spec = job_spec(providers=["runpod", "aws"], resources={"gpu": "A40:1"}, volumes=[volume])
    aws.zone_of_volumes.side_effect = lambda _spec, _account, own: own.zone
    assert clouds.zone_of_volumes(spec, ACCOUNT, OwnVolumes({})) is None
    there = OwnVolumes({"data": "vol-1"}, zone="us-east-1b")
    assert clouds.zone_of_volumes(spec, ACCOUNT, there) == "us-east-1b"
    here = OwnVolumes({"data": "nv-1"}, zone="EU-RO-1")
    assert clouds.zone_of_volumes(spec, ACCOUNT, here) == "EU-RO-1"


def test_bills_of_both_are_added(clouds: Clouds, aws: Any, runpod: RunpodUnderTest) -> None:
    aws.actual_costs.return_value = {"digits": 1.0, "eyes": 2.0}
    pod = str(runpod.account.create_pod({"name": "runctl-p", "image": "any", **A40})["id"])
    runpod.account.set_status(pod, "RUNNING")
    runpod.now += 3600
    runpod.account.lose(pod)
    day = datetime.fromtimestamp(runpod.now, timezone.utc).date()
    until = day + timedelta(days=2)
    found = clouds.actual_costs(day - timedelta(days=1), until, {pod: "digits", "i-1": "eyes"})
    assert found["digits"] == pytest.approx(1.0 + 0.75 + 20 * 0.1 / 730)
    assert found["eyes"] == 2.0
    assert clouds.actual_costs(day, until, {}) == {"digits": 1.0, "eyes": 2.0}


def test_a_pod_of_the_community_cloud_has_its_price_and_no_data_centre(clouds: Clouds) -> None:
    spec = job_spec(provider="runpod", resources={"gpu": "A40:1"}, runpod={"cloud": "community"})
    (only,) = clouds.offers(spec, ACCOUNT).offers
    assert (only.zone, only.price_hour) == ("COMMUNITY", 0.5)
    none = job_spec(provider="runpod", resources={"gpu": "H100:1"}, runpod={"cloud": "community"})
    with pytest.raises(JobFileError, match="No machine type of RunPod"):
        clouds.offers(none, ACCOUNT)


@pytest.mark.parametrize("names", [{"provider": "runpod"}, {"providers": ["aws", "runpod"]}])
def test_without_a_key_no_job_of_runpod_is_decided(account: EmulatedAccount, names: dict[str, Any]) -> None:
    spec = job_spec(**names, resources={"gpu": "A40:1"})
    with pytest.raises(CredentialsError, match="no API key"):
        AwsProvider(account.cloud).offers(spec, ACCOUNT)
