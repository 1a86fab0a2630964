"""The DNS servers of a VPC, from its DHCP options."""

from __future__ import annotations

import pytest
from support.placement_cloud import FakeEc2

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.resolvers import resolvers_of


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["AmazonProvidedDNS"], ()),
        (["10.1.0.9", "10.1.0.10", "AmazonProvidedDNS"], ("10.1.0.10", "10.1.0.9")),
        (["fd00:1::53", "10.1.0.9"], ("10.1.0.9", "fd00:1::53")),
    ],
)
def test_only_servers_of_the_network_itself_are_told(values: list[str], found: tuple[str, ...]) -> None:
    ec2 = FakeEc2()
    ec2.vpcs = [{"VpcId": "vpc-1", "DhcpOptionsId": "dopt-1"}]
    ec2.resolvers = {"dopt-1": values}
    assert resolvers_of(Cloud(lambda service, region: ec2, "us-east-1"), "vpc-1") == found


@pytest.mark.parametrize("options", ["default", "dopt-of-another-account"])
def test_options_that_are_not_there_name_none(options: str) -> None:
    ec2 = FakeEc2()
    ec2.vpcs = [{"VpcId": "vpc-1", "DhcpOptionsId": options}]
    assert resolvers_of(Cloud(lambda service, region: ec2, "us-east-1"), "vpc-1") == ()
