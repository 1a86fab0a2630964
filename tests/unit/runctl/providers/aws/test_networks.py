"""Which subnets a machine may have: with a way out, the preferred of each zone first."""

from __future__ import annotations

from typing import Any

import pytest
from support.job_stacks import job_spec
from support.placement_cloud import FakeEc2, endpoint, route_table

from runctl_auto.errors import JobFileError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.networks import Subnet, choose_subnets

ALL_ENDPOINTS = [endpoint("s3"), endpoint("ssm"), endpoint("sts")]


def subnet(identity: str, zone: str = "us-east-1a", **more: Any) -> dict[str, Any]:
    return {"SubnetId": identity, "VpcId": "vpc-1", "AvailabilityZone": zone, **more}


@pytest.fixture
def ec2() -> FakeEc2:
    found = FakeEc2()
    found.subnets = [subnet("subnet-1")]
    return found


def chosen(ec2: FakeEc2, **network: Any) -> tuple[Subnet, ...]:
    cloud = Cloud(lambda service, region: ec2, "us-east-1")
    return choose_subnets(job_spec(network=network), cloud, None).subnets


def refused(ec2: FakeEc2, **network: Any) -> JobFileError:
    with pytest.raises(JobFileError) as raised:
        chosen(ec2, **network)
    return raised.value


def test_behind_an_internet_gateway_a_public_address_is_asked_for(ec2: FakeEc2) -> None:
    (found,) = chosen(ec2)
    assert (found.public_address, found.internet) == (True, True)


def test_behind_a_nat_gateway_none_is(ec2: FakeEc2) -> None:
    ec2.route_tables = [route_table("rtb-main", NatGatewayId="nat-1")]
    (found,) = chosen(ec2)
    assert (found.public_address, found.internet) == (False, True)


def test_with_endpoints_only_there_is_no_internet(ec2: FakeEc2) -> None:
    ec2.route_tables, ec2.endpoints = [route_table("rtb-main")], ALL_ENDPOINTS
    (found,) = chosen(ec2)
    assert (found.public_address, found.internet) == (False, False)


def test_a_subnet_without_a_way_out_is_refused_with_what_is_missing(ec2: FakeEc2) -> None:
    ec2.route_tables, ec2.endpoints = [route_table("rtb-main")], ALL_ENDPOINTS[:2]
    ec2.subnets = [subnet("subnet-0badc0de")]
    error = refused(ec2, subnet="subnet-0badc0de")
    assert error.what == (
        "A machine does not reach AWS from the job's network: subnet-0badc0de (us-east-1a, vpc-1): rtb-main "
        "has no default route, and its VPC lacks endpoints with private DNS for com.amazonaws.us-east-1.sts."
    )
    assert error.where["field"] == "network.subnet"
    assert "NAT gateway" in str(error.next_step)


def test_an_ipv6_only_subnet_is_refused_with_the_reason(ec2: FakeEc2) -> None:
    ec2.subnets = [subnet("subnet-6", Ipv6Native=True)]
    assert "subnet-6 (us-east-1a, vpc-1): it is IPv6-only" in refused(ec2).what


def test_subnets_without_a_way_out_are_passed_over(ec2: FakeEc2) -> None:
    ec2.subnets = [
        subnet("subnet-0", DefaultForAz=True, MapPublicIpOnLaunch=True),
        subnet("subnet-1"),
        subnet("subnet-6", Ipv6Native=True),
    ]
    ec2.route_tables = [route_table("rtb-main", igw="igw-1"), route_table("rtb-0", "subnet-0")]
    assert [each.id for each in chosen(ec2)] == ["subnet-1"]


def test_the_order_within_a_zone(ec2: FakeEc2) -> None:
    """Free addresses, a route out, the default subnet, then public addresses if the subnet gives them."""
    ec2.subnets = [
        subnet("subnet-full", DefaultForAz=True, AvailableIpAddressCount=0),
        subnet("subnet-closed", DefaultForAz=True),
        subnet("subnet-igw"),
        subnet("subnet-nat"),
        subnet("subnet-public", MapPublicIpOnLaunch=True),
        subnet("subnet-default", DefaultForAz=True, AvailableIpAddressCount=9),
        subnet("subnet-z", "us-east-1b"),
    ]
    ec2.route_tables = [
        route_table("rtb-main", igw="igw-1"),
        route_table("rtb-1", "subnet-nat", NatGatewayId="nat-1"),
        route_table("rtb-2", "subnet-closed"),
    ]
    ec2.endpoints = ALL_ENDPOINTS
    found = [(each.id, each.zone, each.rank) for each in chosen(ec2)]
    assert [identity for identity, zone, _ in found if zone == "us-east-1a"] == [
        "subnet-default",
        "subnet-public",
        "subnet-nat",
        "subnet-igw",
        "subnet-closed",
        "subnet-full",
    ]
    assert [rank for _, zone, rank in found if zone == "us-east-1a"] == list(range(6))
    assert ("subnet-z", "us-east-1b", 0) in found


def test_the_networks_own_dns_servers_are_told(ec2: FakeEc2) -> None:
    ec2.vpcs = [{"VpcId": "vpc-1", "DhcpOptionsId": "dopt-1"}]
    ec2.resolvers = {"dopt-1": ["10.1.0.9"]}
    assert chosen(ec2)[0].resolvers == ("10.1.0.9",)
