"""The DNS servers that a VPC hands to its machines."""

from __future__ import annotations

from ipaddress import ip_address

from runctl_auto.errors import NotFoundError
from runctl_auto.providers.aws.access import Cloud

_DEFAULT = "default"
"""The id of the absent DHCP options: the machines then have no DNS servers of their own."""


def resolvers_of(cloud: Cloud, vpc: str) -> tuple[str, ...]:
    """The addresses of the DNS servers in the DHCP options of ``vpc``, sorted, at most four; empty when they
    are the VPC's own resolver, which no security group restricts, and when the options belong to another
    account, which shares the VPC. Two calls.
    """
    found = cloud.call("ec2", "describe_vpcs", VpcIds=[vpc])["Vpcs"]
    options = found[0].get("DhcpOptionsId") if found else None
    if not options or options == _DEFAULT:
        return ()
    try:
        sets = cloud.call("ec2", "describe_dhcp_options", DhcpOptionsIds=[options])["DhcpOptions"]
    except NotFoundError:
        return ()
    values = [
        str(value["Value"])
        for each in sets
        for configuration in each.get("DhcpConfigurations") or ()
        if configuration["Key"] == "domain-name-servers"
        for value in configuration.get("Values") or ()
    ]
    return tuple(sorted({each for each in values if _is_address(each)}))


def _is_address(value: str) -> bool:
    """Whether it is an address rather than the name ``AmazonProvidedDNS``."""
    try:
        ip_address(value)
    except ValueError:
        return False
    return True
