"""A network of one's own: the machine gets what its way out needs, and without one nothing is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.emulated_cloud import client
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]


class Network:
    """A VPC with an internet gateway, DNS servers of its own, and two subnets in one zone: neither gives
    public addresses by itself, and only one has a route to the gateway.
    """

    def __init__(self, cloud_url: str) -> None:
        self.ec2: Any = client(cloud_url, "ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.open, self.closed = self._subnet("10.7.1.0/24"), self._subnet("10.7.2.0/24")
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=self.open)
        servers = {"Key": "domain-name-servers", "Values": ["10.7.0.53"]}
        options = self.ec2.create_dhcp_options(DhcpConfigurations=[servers])["DhcpOptions"]
        self.ec2.associate_dhcp_options(DhcpOptionsId=options["DhcpOptionsId"], VpcId=self.vpc)

    def _subnet(self, block: str) -> str:
        made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone="us-east-1b")
        return str(made["Subnet"]["SubnetId"])


def job(runctl: Runctl, name: str, **network: str) -> str:
    content = {
        "name": name,
        "region": "us-east-1",
        "run": "echo reached",
        "resources": {"instance_types": ["t3.micro"]},
        "network": network,
    }
    work = runctl.folder / f"{name}-work"
    work.mkdir(exist_ok=True)
    (work / "notes.txt").write_text("an empty work folder is refused")
    path = Path(runctl.folder / f"{name}.yaml")
    path.write_text(yaml.safe_dump({**content, "workdir": work.name}))
    return str(path)


def test_a_machine_gets_the_address_and_the_dns_rules_that_its_network_needs(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    """Without them the sandbox, as AWS, does not let its requests arrive."""
    ended.append("routed")
    network = Network(cloud_url)
    ran = runctl.json("up", job(runctl, "routed", vpc=network.vpc), "--yes")
    place = ran["placement"]
    assert (place["subnet"], place["public_address"]) == (network.open, True)
    assert place["resolvers"] == ["10.7.0.53"]
    assert ran["phase"] == "succeeded"
    assert not runctl.json("up", job(runctl, "routed", vpc=network.vpc), "--yes")["changed"]

    refused = runctl("preview", job(runctl, "closed", subnet=network.closed), code=7)
    assert f"{network.closed} (us-east-1b, {network.vpc}): rtb-" in refused.err
    assert "has no default route" in refused.err
    assert "com.amazonaws.us-east-1.ssm" in refused.err
    assert leaks("closed", cloud_url) == []
