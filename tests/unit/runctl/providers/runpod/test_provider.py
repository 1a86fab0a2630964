"""What RunPod offers a job, what it has not, and what a job can leave there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from support.emulated_account import Account as EmulatedAccount
from support.job_stacks import job_spec
from support.runpod_account import A40, RunpodUnderTest

from components.naming import TAG_LIMIT, Names
from runctl_auto.errors import JobFileError, NotSupportedError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.contract import Account, OwnVolumes
from runctl_auto.providers.runpod.offers import DEFAULT_IMAGE, LIMITS_NOTE, SPOT_NOTE, find_offers
from runctl_auto.providers.runpod.pod_tags import tags_of, tags_variable
from runctl_auto.providers.runpod.provider import RunpodProvider
from runctl_auto.providers.runpod.records import volume_cost_hour

ACCOUNT = Account("123456789012", "aws")
POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'
)
TAGS = {"runctl:job": "digits", "runctl:owner": "ann", "runctl:created-by": "runctl"}


def spec_of(resources: Mapping[str, Any], **more: Any) -> JobSpec:
    return job_spec(resources=dict(resources), **more)


def name(role: str, job: str = "digits", region: str = "us-east-1") -> str:
    names = Names(account=ACCOUNT.id, region=region, project="runctl", job=job)
    return names.name(role, limit=TAG_LIMIT)


@pytest.fixture
def provider(account: EmulatedAccount, runpod: RunpodUnderTest) -> RunpodProvider:
    return RunpodProvider(AwsProvider(account.cloud), account.cloud, runpod.client)


@pytest.mark.parametrize(
    ("resources", "types", "price"),
    [
        ({"gpu": "A40:1"}, {"nvidia-a40.1"}, 0.75),
        ({"gpu": "RTX4090:2"}, {"nvidia-geforce-rtx-4090.2"}, 1.0),
        ({"gpu": "48GB.."}, {"nvidia-a40.1", "nvidia-h100-80gb-hbm3.1"}, 0.75),
        ({"instance_types": ["nvidia-a40.8"]}, {"nvidia-a40.8"}, 6.0),
        ({"cpu": "4"}, {"cpu3c.4"}, 0.2),
        ({"memory": "60GB.."}, {"cpu3c.32"}, 1.6),
    ],
)
def test_types_that_meet_the_resources(
    runpod: RunpodUnderTest, resources: dict[str, Any], types: set[str], price: float
) -> None:
    found = find_offers(spec_of(resources), runpod.client, ACCOUNT)
    assert {each.instance_type for each in found.offers} == types
    assert min(each.price_hour or 0.0 for each in found.offers) == pytest.approx(price)
    place = found.offers[0].places[0]
    assert (place.market, place.image, place.vpc, place.subnet) == ("on-demand", DEFAULT_IMAGE, "", "")
    assert found.notes == (SPOT_NOTE, LIMITS_NOTE)


def test_zones_and_prices_that_are_left_out(runpod: RunpodUnderTest) -> None:
    spec = spec_of({"gpu": "A40:1"}, max_price=0.5, spot_policy="on-demand")
    (only,) = find_offers(spec, runpod.client, ACCOUNT, zone="EU-RO-1").offers
    assert (only.zone, only.left_out) == ("EU-RO-1", "0.75 USD an hour is over max_price 0.5")


@pytest.mark.parametrize(
    ("resources", "more", "told"),
    [
        ({"gpu": "A40:1"}, {"spot_policy": "spot"}, "no spot pods"),
        ({"gpu": "A40:1"}, {"image": "ami-0123456789abcdef0"}, "A pod is a container"),
        ({"gpu": "B300:1"}, {}, "No machine type of RunPod meets"),
        ({"gpu": "A40:9"}, {}, "No machine type of RunPod meets"),
        ({"instance_types": ["nvidia-a41.1"]}, {}, "no machine type nvidia-a41.1"),
    ],
)
def test_jobs_that_are_refused(
    runpod: RunpodUnderTest, resources: dict[str, Any], more: dict[str, Any], told: str
) -> None:
    with pytest.raises(JobFileError, match=told):
        find_offers(spec_of(resources, **more), runpod.client, ACCOUNT)


def test_what_runpod_has_not_is_refused_with_the_reason(provider: RunpodProvider) -> None:
    for missing in (lambda: provider.reach, lambda: provider.storage):
        with pytest.raises(NotSupportedError, match="RunPod's API has no"):
            missing()


def test_all_that_a_job_left_is_found_and_removed(
    provider: RunpodProvider, runpod: RunpodUnderTest, account: EmulatedAccount
) -> None:
    there = runpod.account
    there.create_pod({"name": name("machine"), "image": "i", "env": tags_variable(TAGS), **A40})
    there.create_volume({"name": name("volume-data"), "size": 1500, "dataCenter": "US-KS-2"})
    there.create_template({"name": name("template"), "image": "i", "env": tags_variable(TAGS)})
    there.create_secret({"name": name("access"), "value": "hidden"})
    there.create_secret({"name": "somebodys", "value": "hidden"})
    there.create_secret({"name": name("access", job="other"), "value": "hidden"})
    iam = account.client("iam")
    for job in ("digits", "other"):
        iam.create_user(UserName=name("access", job=job))
    iam.create_access_key(UserName=name("access"))
    iam.put_user_policy(UserName=name("access"), PolicyName="p", PolicyDocument=POLICY)
    scanner = provider.scanner("digits", ACCOUNT.id, "ann", backend="file:///s", price_hour=0.75)
    found = scanner.find()
    assert {each.kind for each in found} == {
        "pod",
        "network volume",
        "pod template",
        "pod secret",
        "access user",
    }
    assert {each.kind: each.cost_hour for each in found}["pod"] == 0.75
    assert all(scanner.is_surely_own(each) for each in found)
    for kind in provider.kinds.removal_order:
        for each in found:
            if each.kind == kind:
                provider.remove(each, ACCOUNT.id)
                provider.remove(each, ACCOUNT.id)
    assert scanner.find() == ()
    assert [each["UserName"] for each in iam.list_users()["Users"]] == [name("access", job="other")]
    assert {each["name"] for each in there.all("secrets")} == {"somebodys", name("access", job="other")}


def test_what_belongs_to_a_job_of_another_region_is_not_the_jobs(
    provider: RunpodProvider, runpod: RunpodUnderTest
) -> None:
    elsewhere = name("machine", region="eu-west-1")
    runpod.account.create_pod({"name": elsewhere, "image": "i", "env": tags_variable(TAGS), **A40})
    assert provider.scanner("digits", ACCOUNT.id, "ann", backend="file:///s").find() == ()


def test_a_revoked_key_is_told_for_each_kind(provider: RunpodProvider, runpod: RunpodUnderTest) -> None:
    runpod.fail("key-revoked", times=9)
    survey = provider.scanner("digits", ACCOUNT.id, "ann", backend="file:///s").survey()
    assert {each.kind for each in survey.unchecked} == {"pod", "network volume", "pod template", "pod secret"}


def test_volumes_tie_a_job_to_their_data_centre(provider: RunpodProvider, runpod: RunpodUnderTest) -> None:
    for place in ("US-KS-2", "EU-RO-1"):
        runpod.account.create_volume({"name": "v", "size": 10, "dataCenter": place})
    assert provider.zone_of_volumes(job_spec(), ACCOUNT, OwnVolumes({"a": "x"}, zone="EU-RO-1")) == "EU-RO-1"
    assert provider.zone_of_volumes(job_spec(), ACCOUNT, OwnVolumes({})) is None


def test_a_console_is_the_containers_log(provider: RunpodProvider, runpod: RunpodUnderTest) -> None:
    pod = runpod.account.create_pod({"name": "p", "image": "i", **A40})
    runpod.hosts.consoles[pod["id"]] = b"one\ntwo\n"
    assert provider.console(pod["id"]) == "one\ntwo"
    runpod.account.terminate(pod["id"])
    assert provider.console(pod["id"]) == ""


def test_prices_of_volumes() -> None:
    assert volume_cost_hour(1000) * 730 == pytest.approx(70)
    assert volume_cost_hour(2000) * 730 == pytest.approx(120)


def test_machine_speed_and_prices(provider: RunpodProvider) -> None:
    assert provider.machine_speed("cpu3c.4").cpus == 4
    assert provider.region_prices("2026-12-01").on_demand["nvidia-a40.2"] == pytest.approx(1.5)
    with pytest.raises(JobFileError):
        provider.machine_speed("t3.micro")


@pytest.mark.parametrize("env", [{}, {"RUNCTL_TAGS": "{"}, {"RUNCTL_TAGS": "[]"}, None])
def test_tags_that_cannot_be_read_are_none(env: object) -> None:
    assert tags_of({"env": env}) == {}


def test_an_unknown_volume_is_left_out(provider: RunpodProvider) -> None:
    assert provider.volumes(["none"]) == {}
    assert provider.volume_fillings(["none"]) == {}
