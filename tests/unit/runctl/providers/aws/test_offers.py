"""Where a run may go: order, prices, pinned zones, and what is said when there is no place."""

from __future__ import annotations

import re
from typing import Any

import pytest
from support.placement_cloud import MACHINES, FakeEc2, endpoint, route_table

from runctl_auto.errors import JobFileError, NoCapacityError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.placement import choice
from runctl_auto.placement.choice import Choice, choose_places
from runctl_auto.placement.fit import fits
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.offers import find_account
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.contract import Account

ACCOUNT = Account("123456789012", "aws")


def candidates(spec: JobSpec, cloud: Cloud, account: Account, *, zone: str | None = None) -> Any:
    return choose(spec, cloud, account, zone=zone).places


def choose(spec: JobSpec, cloud: Cloud, account: Account, *, zone: str | None = None) -> Choice:
    return choose_places(spec, AwsProvider(cloud), account, zone=zone, known=None)


@pytest.fixture
def ec2() -> FakeEc2:
    return FakeEc2()


@pytest.fixture
def cloud(ec2: FakeEc2) -> Cloud:
    return Cloud(lambda service, region: ec2, "us-east-1")


def job(**changes: Any) -> JobSpec:
    values: dict[str, Any] = {
        "name": "digits",
        "region": "us-east-1",
        "run": "true",
        "resources": {"instance_types": ["g5.xlarge", "m7g.large"]},
        **changes,
    }
    return JobSpec.model_validate(values)


def order(places: Any) -> list[tuple[str, str, str]]:
    """Other subnets of a zone left out."""
    return list(dict.fromkeys((each.market, each.instance_type, each.zone[-1]) for each in places))


def test_spot_before_on_demand_then_the_jobs_order_then_the_cheaper_zone(cloud: Cloud) -> None:
    spot = [
        ("spot", "g5.xlarge", "b"),
        ("spot", "g5.xlarge", "c"),
        ("spot", "g5.xlarge", "a"),
        ("spot", "m7g.large", "b"),
        ("spot", "m7g.large", "a"),
    ]
    found = candidates(job(), cloud, ACCOUNT)
    on_demand = [("g5.xlarge", "a"), ("g5.xlarge", "b"), ("g5.xlarge", "c"), ("m7g.large", "a")]
    on_demand.append(("m7g.large", "b"))
    assert order(found) == spot + [("on-demand", name, zone) for name, zone in on_demand]
    assert (found[0].price_hour, found[0].subnet, found[0].account) == (0.40, "subnet-b", "123456789012")
    assert found[-1].price_hour is None, "an unknown price is unknown"


def test_the_policy_decides_the_market(cloud: Cloud) -> None:
    assert {each.market for each in candidates(job(spot_policy="spot"), cloud, ACCOUNT)} == {"spot"}
    assert {each.market for each in candidates(job(spot_policy="on-demand"), cloud, ACCOUNT)} == {"on-demand"}


def test_the_volumes_zone_is_the_only_one(cloud: Cloud) -> None:
    assert {each.zone for each in candidates(job(), cloud, ACCOUNT, zone="us-east-1a")} == {"us-east-1a"}


def test_the_jobs_zones_are_kept(cloud: Cloud) -> None:
    found = candidates(job(zones=["us-east-1c", "us-east-1a"]), cloud, ACCOUNT)
    assert {each.zone for each in found} == {"us-east-1c", "us-east-1a"}


def test_the_default_subnet_of_a_zone_is_preferred_and_the_other_follows(cloud: Cloud) -> None:
    found = candidates(job(spot_policy="spot", zones=["us-east-1a"]), cloud, ACCOUNT)
    assert [(each.instance_type, each.subnet) for each in found] == [
        ("g5.xlarge", "subnet-a"),
        ("g5.xlarge", "subnet-0"),
        ("m7g.large", "subnet-a"),
        ("m7g.large", "subnet-0"),
    ]


def test_a_place_tells_how_its_subnet_reaches_aws(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.vpcs = [{"VpcId": "vpc-1", "DhcpOptionsId": "dopt-1"}]
    ec2.resolvers = {"dopt-1": ["10.1.0.9"]}
    ec2.route_tables.append(route_table("rtb-b", "subnet-b", NatGatewayId="nat-1"))
    places = {each.zone[-1]: each for each in candidates(job(), cloud, ACCOUNT)}
    assert [places[zone].public_address for zone in "abc"] == [True, False, True]
    assert {each.resolvers for each in places.values()} == {("10.1.0.9",)}
    assert all(each.internet for each in places.values())


def test_places_that_reach_endpoints_only_are_last(cloud: Cloud, ec2: FakeEc2) -> None:
    """Even where they are cheaper: packages cannot be installed there."""
    ec2.route_tables.append(route_table("rtb-b", "subnet-b"))
    ec2.endpoints = [endpoint("s3"), endpoint("ssm"), endpoint("sts")]
    found = candidates(job(resources={"instance_types": ["g5.xlarge"]}), cloud, ACCOUNT)
    assert [(each.market, each.zone[-1]) for each in found if each.subnet != "subnet-0"] == [
        ("spot", "c"),
        ("spot", "a"),
        ("on-demand", "a"),
        ("on-demand", "c"),
        ("spot", "b"),
        ("on-demand", "b"),
    ]
    assert [each.internet for each in found] == [True] * 6 + [False] * 2


def test_no_place_tells_which_subnets_have_no_way_out(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.route_tables.append(route_table("rtb-b", "subnet-b"))
    spec = job(resources={"instance_types": ["m7g.large"]}, max_price=0.025, spot_policy="spot")
    with pytest.raises(NoCapacityError, match=r"0\.03 USD an hour .*subnet-b .*: rtb-b has no default"):
        candidates(spec, cloud, ACCOUNT)


def test_other_subnets_do_not_count_as_places_tried(
    cloud: Cloud, ec2: FakeEc2, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where runctl chooses the types, the number of places is limited."""
    size = {"VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192}}
    described = {"InstanceType": "m7g.large", **MACHINES["m7g.large"], **size}
    monkeypatch.setattr(ec2, "describe_instance_types", lambda **_: {"InstanceTypes": [described]})
    monkeypatch.setattr(choice, "MOST_TRIED", 2)
    found = candidates(job(resources={"cpu": "2.."}, spot_policy="auto"), cloud, ACCOUNT)
    assert [(each.market, each.subnet) for each in found] == [
        (market, subnet)
        for market, subnets in (("spot", ["b", "a", "0"]), ("on-demand", ["a", "0", "b"]))
        for subnet in (f"subnet-{each}" for each in subnets)
    ]


def test_max_price_leaves_out_what_is_dearer_or_unknown(cloud: Cloud) -> None:
    found = candidates(job(max_price=0.42), cloud, ACCOUNT)
    assert order(found) == [
        ("spot", "g5.xlarge", "b"),
        ("spot", "m7g.large", "b"),
        ("spot", "m7g.large", "a"),
    ]
    assert all(each.max_price == 0.42 for each in found)


def test_no_place_says_why_each_was_left_out(cloud: Cloud) -> None:
    with pytest.raises(NoCapacityError) as raised:
        candidates(job(max_price=0.001, spot_policy="spot"), cloud, ACCOUNT)
    assert "g5.xlarge spot in us-east-1b: 0.4 USD an hour is over max_price 0.001" in raised.value.what
    assert raised.value.exit_code == 6


def test_a_reason_that_holds_for_several_markets_and_zones_is_told_once(cloud: Cloud) -> None:
    types = {"instance_types": ["g5.xlarge"]}
    with pytest.raises(NoCapacityError) as raised:
        candidates(job(nodes=2, network={"placement": "cluster"}, resources=types), cloud, ACCOUNT)
    assert raised.value.what.count("cannot be in a cluster placement group") == 1
    assert (
        "g5.xlarge spot and on-demand in us-east-1a, us-east-1b, us-east-1c: its machines"
        in raised.value.what
    )


def test_a_pinned_zone_that_offers_nothing_is_named(cloud: Cloud) -> None:
    spec = job(resources={"instance_types": ["m7g.large"]})
    with pytest.raises(NoCapacityError, match="zone us-east-1c, where the job's volumes are"):
        candidates(spec, cloud, ACCOUNT, zone="us-east-1c")


def test_the_image_fits_the_machine_and_is_asked_for_once(cloud: Cloud, ec2: FakeEc2) -> None:
    found = candidates(job(), cloud, ACCOUNT)
    images = {each.instance_type: each.image for each in found}
    gpu, arm = ec2.parameters
    assert "nvidia" in gpu
    assert "x86_64" in gpu
    assert arm.endswith("al2023-ami-kernel-default-arm64")
    assert images == {"g5.xlarge": f"ami-{len(gpu):08x}", "m7g.large": f"ami-{len(arm):08x}"}


def test_a_named_image_is_taken_as_it_is(cloud: Cloud, ec2: FakeEc2) -> None:
    assert candidates(job(image="ami-0123456789abcdef0"), cloud, ACCOUNT)[0].image == "ami-0123456789abcdef0"
    assert ec2.parameters == []
    candidates(job(image="ssm:/my/image"), cloud, ACCOUNT)
    assert ec2.parameters == ["/my/image"]


def test_what_does_not_exist_is_the_job_files_mistake(cloud: Cloud, ec2: FakeEc2) -> None:
    with pytest.raises(JobFileError, match="/missing"):
        candidates(job(image="ssm:/missing"), cloud, ACCOUNT)
    with pytest.raises(JobFileError, match="instance type"):
        candidates(job(resources={"instance_types": ["q9.nothing"]}), cloud, ACCOUNT)
    with pytest.raises(JobFileError, match="no VPC vpc-00000000"):
        candidates(job(network={"vpc": "vpc-00000000"}), cloud, ACCOUNT)
    ec2.vpcs = []
    with pytest.raises(JobFileError, match="no default VPC"):
        candidates(job(), cloud, ACCOUNT)


def test_the_account_and_its_partition(cloud: Cloud) -> None:
    assert find_account(cloud) == Account("123456789012", "aws-cn")


@pytest.mark.parametrize(
    ("changes", "still"),
    [
        ({}, True),
        ({"tags": {"team": "nlp"}}, True),
        ({"max_price": 0.9}, True),
        ({"region": "eu-west-1"}, False),
        ({"resources": {"instance_types": ["m7g.large"]}}, False),
        ({"zones": ["us-east-1a"]}, False),
        ({"spot_policy": "on-demand"}, False),
        ({"image": "ami-0123456789abcdef0"}, False),
        ({"network": {"vpc": "vpc-00000000"}}, False),
        ({"network": {"subnet": "subnet-00000000"}}, False),
    ],
    ids=str,
)
def test_which_changes_of_the_job_move_it(cloud: Cloud, changes: dict[str, Any], still: bool) -> None:
    first = candidates(job(), cloud, ACCOUNT)[0]
    assert fits(first, job(**changes)) is still


def test_on_demand_prices_are_known_where_the_price_list_is(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.prices = {"g5.xlarge": 1.006}
    found = candidates(job(spot_policy="on-demand"), cloud, ACCOUNT)
    assert {each.instance_type: each.price_hour for each in found} == {"g5.xlarge": 1.006, "m7g.large": None}
    cheap = candidates(job(spot_policy="on-demand", max_price=1.1), cloud, ACCOUNT)
    assert {each.instance_type for each in cheap} == {"g5.xlarge"}, "an unknown price keeps no limit"
    with pytest.raises(NoCapacityError, match=r"1\.006 USD an hour is over max_price 1\.0"):
        candidates(job(spot_policy="on-demand", max_price=1.0), cloud, ACCOUNT)


def test_an_image_of_another_architecture_is_left_out(cloud: Cloud, ec2: FakeEc2) -> None:
    arm = "ami-0123456789abcdef0"
    ec2.images[arm] = {"ImageId": arm, "Architecture": "arm64"}
    assert {each.instance_type for each in candidates(job(image=arm), cloud, ACCOUNT)} == {"m7g.large"}
    spec = job(image=arm, resources={"instance_types": ["g5.xlarge"]})
    with pytest.raises(NoCapacityError, match=f"it is x86_64 and the image {arm} is arm64"):
        candidates(spec, cloud, ACCOUNT)


def test_an_image_that_is_larger_than_the_disk_is_told_before_anything_is_made(
    cloud: Cloud, ec2: FakeEc2
) -> None:
    large = "ami-0123456789abcdef0"
    root = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 75}}
    ec2.images[large] = {"ImageId": large, "RootDeviceName": "/dev/xvda", "BlockDeviceMappings": [root]}
    small = {"instance_types": ["g5.xlarge"], "disk": "50GB"}
    with pytest.raises(JobFileError, match="needs a disk of 75 GB, and the job asks for 50 GB") as raised:
        candidates(job(image=large, resources=small), cloud, ACCOUNT)
    assert "resources.disk to 75GB" in str(raised.value.next_step)
    roomy = {"instance_types": ["g5.xlarge"], "disk": "75GB"}
    assert {each.disk_gb for each in candidates(job(image=large, resources=roomy), cloud, ACCOUNT)} == {75}


@pytest.mark.parametrize(("image_gb", "disk_gb"), [(8, 50), (10, 50), (11, 51), (75, 115), (None, 50)])
def test_without_a_size_the_disk_is_what_the_image_needs_and_room(
    cloud: Cloud, ec2: FakeEc2, image_gb: int | None, disk_gb: int
) -> None:
    image = "ami-0123456789abcdef0"
    root = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": image_gb} if image_gb else {}}
    ec2.images[image] = {"ImageId": image, "RootDeviceName": "/dev/xvda", "BlockDeviceMappings": [root]}
    spec = job(image=image, resources={"gpu": 1, "instance_types": ["g5.xlarge"]})
    assert {each.disk_gb for each in candidates(spec, cloud, ACCOUNT)} == {disk_gb}


@pytest.mark.parametrize(
    ("gpu", "driver"),
    [
        ({"Name": "V100", "Count": 1, "LogicalGpuCount": 1, "GpuPartitionSize": 1.0}, "proprietary"),
        ({"Name": "Tesla M60", "Count": 1}, "proprietary"),
        ({"Name": "L4", "Count": 0, "LogicalGpuCount": 1, "GpuPartitionSize": 0.125}, "GRID"),
    ],
    ids=["Volta", "Maxwell", "share"],
)
def test_gpus_for_which_auto_has_no_driver(
    cloud: Cloud, ec2: FakeEc2, gpu: dict[str, Any], driver: str
) -> None:
    ec2.machines["old.large"] = {"GpuInfo": {"Gpus": [{"Manufacturer": "NVIDIA", **gpu}]}}
    only = job(resources={"instance_types": ["old.large"]})
    missing = rf"old.large \(.*\) needs NVIDIA's {driver} driver"
    with pytest.raises(JobFileError, match=missing) as raised:
        choose(only, cloud, ACCOUNT)
    assert raised.value.where["field"] == "image"
    both = choose(job(resources={"instance_types": ["old.large", "g5.xlarge"]}), cloud, ACCOUNT)
    assert {each.instance_type for each in both.places} == {"g5.xlarge"}
    assert [bool(re.search(missing, note)) for note in both.notes] == [True]
    named = job(image="ami-0123456789abcdef0", resources={"instance_types": ["old.large", "g5.xlarge"]})
    assert choose(named, cloud, ACCOUNT).notes == (), "another image may have the driver"


def test_a_market_whose_quota_is_too_small_is_left_out_and_told(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.machines["g5.xlarge"]["VCpuInfo"] = {"DefaultVCpus": 4}
    ec2.quotas = {"L-3819A6DF": 0.0, "L-DB2E81BA": 4.0}
    spec = job(resources={"instance_types": ["g5.xlarge"]})
    found = choose(spec, cloud, ACCOUNT)
    assert {each.market for each in found.places} == {"on-demand"}
    (note,) = found.notes
    assert "the quota of 0 G and VT spot vCPUs" in note
    assert note.endswith("/servicequotas/home/services/ec2/quotas/L-3819A6DF?region=us-east-1")
    assert ec2.quota_requests == ["L-3819A6DF", "L-DB2E81BA"], "each that matters, once"

    ec2.quotas["L-DB2E81BA"] = 3.0
    with pytest.raises(NoCapacityError, match=r"G and VT on-demand vCPUs is 3, and it needs 4") as raised:
        choose(spec, cloud, ACCOUNT)
    assert raised.value.what.count("needs 4") == 2, "once for each market, not for each zone"
    assert "L-3819A6DF" in str(raised.value.next_step)
    assert "L-DB2E81BA" in str(raised.value.next_step)


def test_quotas_that_cannot_be_read_limit_nothing(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.quotas = {}
    assert {each.market for each in candidates(job(), cloud, ACCOUNT)} == {"spot", "on-demand"}
    assert len(ec2.quota_requests) == 1


def test_what_does_not_exist_is_answered_with_what_does(cloud: Cloud, ec2: FakeEc2) -> None:
    def next_step(**changes: Any) -> str:
        with pytest.raises(JobFileError) as raised:
            candidates(job(**changes), cloud, ACCOUNT)
        return str(raised.value.next_step)

    ec2.vpcs = [{"VpcId": "vpc-1", "IsDefault": True, "Tags": [{"Key": "Name", "Value": "main"}]}]
    assert next_step(network={"vpc": "vpc-00000000"}) == "VPCs there: vpc-1 (main, default)."
    assert "subnet-a (us-east-1a, vpc-1)" in next_step(network={"subnet": "subnet-00000000"})
    assert "Images of this account: ami-own (mine)" in next_step(image="ami-00000000")
    assert "Parameters there: /some/there" in next_step(image="ssm:/some/missing")
    assert next_step(zones=["us-east-1f"]) == "Zones with a subnet: us-east-1a, us-east-1b, us-east-1c."


def test_a_parameter_that_names_no_image_is_told(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.get_parameter = lambda Name: {"Parameter": {"Value": "hello"}}  # type: ignore[method-assign]
    with pytest.raises(JobFileError, match="/my/text names no image"):
        candidates(job(image="ssm:/my/text"), cloud, ACCOUNT)


def test_a_named_subnet_brings_its_own_network(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.subnets.append(
        {"SubnetId": "subnet-0badc0de", "VpcId": "vpc-0badc0de", "AvailabilityZone": "us-east-1b"}
    )
    found = candidates(job(network={"subnet": "subnet-0badc0de"}), cloud, ACCOUNT)
    assert {(each.vpc, each.subnet, each.zone) for each in found} == {
        ("vpc-0badc0de", "subnet-0badc0de", "us-east-1b")
    }
    with pytest.raises(JobFileError, match="it lies in vpc-0badc0de"):
        candidates(job(network={"vpc": "vpc-00000001", "subnet": "subnet-0badc0de"}), cloud, ACCOUNT)


def test_a_full_subnet_is_the_last_choice(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.subnets[0]["AvailableIpAddressCount"] = 0
    found = candidates(job(zones=["us-east-1a"], spot_policy="spot"), cloud, ACCOUNT)
    assert [each.subnet for each in found] == ["subnet-0", "subnet-a"] * 2


def test_another_image_parameter_moves_the_job(cloud: Cloud) -> None:
    before = job(image="ssm:/my/image")
    first = candidates(before, cloud, ACCOUNT)[0]
    assert fits(first, before, previous=before)
    assert not fits(first, job(image="ssm:/other"), previous=before)
    assert not fits(first, job(image="auto"), previous=before)


def with_ids(ec2: FakeEc2) -> None:
    for subnet in ec2.subnets:
        subnet["AvailabilityZoneId"] = f"use1-{subnet['AvailabilityZone'][-1]}"


def test_scores_of_three_types_decide_between_zones(cloud: Cloud, ec2: FakeEc2) -> None:
    with_ids(ec2)
    for name in ("g4dn.xlarge", "g6.xlarge"):
        ec2.machines[name] = ec2.machines["g5.xlarge"]
    ec2.scores = {"use1-a": 9, "use1-b": 1, "use1-c": 10}
    found = choose(
        job(resources={"instance_types": ["g5.xlarge", "g4dn.xlarge", "g6.xlarge"]}), cloud, ACCOUNT
    )
    g5 = [each.offer for each in found.offers if each.offer.instance_type == "g5.xlarge"]
    spot = [(each.zone[-1], each.score, each.price_hour) for each in g5 if each.market == "spot"]
    assert spot == [("c", 10, 0.45), ("b", 1, 0.40), ("a", 9, 0.50)]
    assert {each.score for each in g5 if each.market == "on-demand"} == {None}


def test_a_spot_history_that_may_not_be_read_is_a_note(cloud: Cloud, ec2: FakeEc2) -> None:
    ec2.prices = {"g5.xlarge": 1.006}
    ec2.denied = {"describe_spot_price_history"}
    found = choose(job(resources={"instance_types": ["g5.xlarge"]}), cloud, ACCOUNT)
    assert {each.market for each in found.places} == {"spot", "on-demand"}
    assert found.places[0].market == "on-demand", "an unknown price is never first"
    (note,) = found.notes
    assert "spot prices are unknown" in note
    assert "UnauthorizedOperation" in note


def test_what_is_left_out_says_why(cloud: Cloud) -> None:
    found = choose(job(max_price=0.42, spot_policy="spot"), cloud, ACCOUNT)
    why = {
        (each.offer.instance_type, each.offer.zone[-1]): each.offer.left_out
        for each in found.offers
        if each.offer.left_out
    }
    assert why == {
        ("g5.xlarge", "a"): "0.5 USD an hour is over max_price 0.42",
        ("g5.xlarge", "c"): "0.45 USD an hour is over max_price 0.42",
        ("m7g.large", "c"): "not offered in this zone",
    }


def test_a_named_type_that_does_not_meet_the_requirements_is_listed(cloud: Cloud, ec2: FakeEc2) -> None:
    resources = {"instance_types": ["g5.xlarge", "m7g.large"], "gpu": 1}
    found = choose(job(resources=resources), cloud, ACCOUNT)
    assert {each.instance_type for each in found.places} == {"g5.xlarge"}
    reasons = {each.offer.left_out for each in found.offers if each.offer.instance_type == "m7g.large"}
    assert reasons == {"it does not meet resources"}
    assert {each.offer.gpu for each in found.offers} == {"GPU:1", None}


CLUSTERS = {"PlacementGroupInfo": {"SupportedStrategies": ["cluster", "spread"]}}
FABRIC = {**CLUSTERS, "NetworkInfo": {"EfaSupported": True}}


@pytest.mark.parametrize(
    ("asked", "described", "is_clustered"),
    [
        ({"nodes": 2}, FABRIC, True),
        ({"nodes": 2}, CLUSTERS, False),
        ({"nodes": 2, "network": {"placement": "cluster"}}, CLUSTERS, True),
        ({"nodes": 2, "network": {"placement": "none"}}, FABRIC, False),
        ({"nodes": 1}, FABRIC, False),
    ],
)
def test_several_machines_are_close_to_each_other_where_their_type_is_made_for_it(
    cloud: Cloud, ec2: FakeEc2, asked: dict[str, Any], described: dict[str, Any], is_clustered: bool
) -> None:
    ec2.machines["g5.xlarge"].update(described)
    types = {"instance_types": ["g5.xlarge"]}
    found = candidates(job(**asked, resources=types), cloud, ACCOUNT)
    assert {each.cluster for each in found} == {is_clustered}
    assert all(fits(each, job(**asked, resources=types)) for each in found)
    other = {"placement": "none" if is_clustered else "cluster"}
    assert not fits(found[0], job(**{**asked, "network": other}, resources=types))


def test_types_that_cannot_be_close_to_each_other_are_left_out_when_that_is_asked_for(
    cloud: Cloud, ec2: FakeEc2
) -> None:
    ec2.machines["g5.xlarge"].update(CLUSTERS)
    found = candidates(job(nodes=2, network={"placement": "cluster"}), cloud, ACCOUNT)
    assert {each.instance_type for each in found} == {"g5.xlarge"}
    with pytest.raises(NoCapacityError, match="cannot be in a cluster placement group"):
        candidates(
            job(nodes=2, network={"placement": "cluster"}, resources={"instance_types": ["m7g.large"]}),
            cloud,
            ACCOUNT,
        )
