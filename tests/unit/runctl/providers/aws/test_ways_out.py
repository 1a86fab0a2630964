"""How a subnet's machines reach AWS, from route tables and endpoints."""

from __future__ import annotations

from typing import Any

import pytest
from support.job_stacks import job_spec
from support.placement_cloud import FakeEc2, endpoint, route_table

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.ways_out import WayOut, needed_services, ways_out

SUBNET = {"SubnetId": "subnet-a", "VpcId": "vpc-1"}
S3_GATEWAY = {"VpcEndpointType": "Gateway", "PrivateDnsEnabled": False, "RouteTableIds": ["rtb-main"]}


@pytest.fixture
def ec2() -> FakeEc2:
    return FakeEc2()


def way(ec2: FakeEc2) -> WayOut:
    cloud = Cloud(lambda service, region: ec2, "us-east-1")
    return ways_out(cloud, "vpc-1", [SUBNET])["subnet-a"]


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ({"GatewayId": "igw-1"}, "public"),
        ({"NatGatewayId": "nat-1"}, "private"),
        ({"TransitGatewayId": "tgw-1"}, "private"),
        ({"GatewayId": "vgw-1"}, "private"),
        ({"NetworkInterfaceId": "eni-1", "InstanceId": "i-1"}, "private"),
    ],
)
def test_the_default_route_decides_without_a_look_at_endpoints(
    ec2: FakeEc2, target: dict[str, str], kind: str
) -> None:
    ec2.route_tables = [route_table("rtb-main", **target)]
    assert way(ec2).kind == kind
    assert ec2.asked == ["describe_route_tables"]


def test_a_subnets_own_table_counts_before_the_main_one(ec2: FakeEc2) -> None:
    ec2.route_tables = [
        route_table("rtb-main", igw="igw-1"),
        route_table("rtb-1", "subnet-b", "subnet-a", NatGatewayId="nat-1"),
    ]
    assert way(ec2).kind == "private"


def test_halves_of_all_addresses_are_a_default_route_too(ec2: FakeEc2) -> None:
    table = route_table("rtb-main", TransitGatewayId="tgw-1")
    table["Routes"][-1]["DestinationCidrBlock"] = "0.0.0.0/1"
    ec2.route_tables = [table]
    assert way(ec2).kind == "private"


def test_tables_that_the_caller_may_not_see_are_no_reason_to_refuse(ec2: FakeEc2) -> None:
    """In a VPC that another account shares."""
    ec2.route_tables = [route_table("rtb-1", "subnet-b", igw="igw-1")]
    assert way(ec2) == WayOut("private")


def test_a_route_to_what_is_gone_is_none(ec2: FakeEc2) -> None:
    ec2.route_tables = [route_table("rtb-main", state="blackhole", NatGatewayId="nat-1")]
    found = way(ec2)
    assert found.kind == "none"
    assert found.problem.startswith("the default route of rtb-main leads to nat-1, which is gone")


def test_endpoints_for_all_services_replace_a_route(ec2: FakeEc2) -> None:
    ec2.route_tables = [route_table("rtb-main")]
    ec2.endpoints = [endpoint("s3", **S3_GATEWAY), endpoint("ssm"), endpoint("sts")]
    assert way(ec2) == WayOut("endpoints")
    assert ec2.asked == ["describe_route_tables", "describe_vpc_endpoints"]


@pytest.mark.parametrize(
    ("endpoints", "missing"),
    [
        ([], "com.amazonaws.us-east-1.s3, com.amazonaws.us-east-1.ssm, com.amazonaws.us-east-1.sts"),
        ([endpoint("s3"), endpoint("ssm")], "com.amazonaws.us-east-1.sts"),
        ([endpoint("s3"), endpoint("ssm", State="pending"), endpoint("sts")], "com.amazonaws.us-east-1.ssm"),
        (
            [endpoint("s3"), endpoint("ssm", PrivateDnsEnabled=False), endpoint("sts")],
            "com.amazonaws.us-east-1.ssm",
        ),
        (
            [
                endpoint("s3", **{**S3_GATEWAY, "RouteTableIds": ["rtb-other"]}),
                endpoint("ssm"),
                endpoint("sts"),
                endpoint("s3tables"),
            ],
            "com.amazonaws.us-east-1.s3",
        ),
    ],
    ids=["none", "one missing", "not ready", "no private DNS", "another route table"],
)
def test_what_is_missing_is_named(ec2: FakeEc2, endpoints: list[Any], missing: str) -> None:
    ec2.route_tables = [route_table("rtb-main")]
    ec2.endpoints = endpoints
    found = way(ec2)
    assert found.kind == "none"
    assert found.problem == (
        f"rtb-main has no default route, and its VPC lacks endpoints with private DNS for {missing}"
    )


@pytest.mark.parametrize(
    ("job", "needed"),
    [
        ({}, ("s3", "ssm", "sts")),
        ({"recovery": "cloud"}, ("s3", "ssm", "sts", "autoscaling")),
        (
            {"recovery": "cloud", "volumes": [{"name": "data", "size": "1GB", "mount": "/data"}]},
            ("s3", "ssm", "sts", "autoscaling", "ec2"),
        ),
    ],
)
def test_the_machine_of_a_group_ends_it_and_attaches_its_volumes(
    job: dict[str, Any], needed: tuple[str, ...]
) -> None:
    assert needed_services(job_spec(**job)) == needed
