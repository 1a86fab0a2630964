"""Zones, networks and subnets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import RefusedError
from sandbox.aws.provider.invoke import Function
from sandbox.aws.provider.invokes.filters import as_text, to_service


def _availability_zones(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    zones = cloud.call(
        "ec2",
        "describe_availability_zones",
        "reading EC2 Availability Zones",
        AllAvailabilityZones=arguments.get("allAvailabilityZones"),
        Filters=to_service(arguments, state=arguments.get("state")),
    )["AvailabilityZones"]
    kept = sorted(
        (
            zone
            for zone in zones
            if zone["ZoneName"] not in (arguments.get("excludeNames") or ())
            and zone["ZoneId"] not in (arguments.get("excludeZoneIds") or ())
        ),
        key=lambda zone: str(zone["ZoneName"]),
    )
    return {
        **arguments,
        "groupNames": sorted({zone.get("GroupName") or cloud.region for zone in kept}),
        "id": cloud.region,
        "names": [zone["ZoneName"] for zone in kept],
        "region": cloud.region,
        "zoneIds": [zone["ZoneId"] for zone in kept],
    }


def _vpc(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = cloud.call(
        "ec2",
        "describe_vpcs",
        "reading EC2 VPC",
        VpcIds=[arguments["id"]] if arguments.get("id") else None,
        Filters=to_service(
            arguments,
            cidr=arguments.get("cidrBlock"),
            dhcp_options_id=arguments.get("dhcpOptionsId"),
            is_default=as_text(arguments.get("default")),
            state=arguments.get("state"),
        ),
    )["Vpcs"]
    vpc = _only(found, "EC2 VPC")
    identifier = vpc["VpcId"]
    tables = cloud.call(
        "ec2",
        "describe_route_tables",
        f"reading EC2 VPC ({identifier}) main route table",
        Filters=[
            {"Name": "vpc-id", "Values": [identifier]},
            {"Name": "association.main", "Values": ["true"]},
        ],
    )["RouteTables"]
    return {
        "arn": cloud.arn("ec2", f"vpc/{identifier}"),
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [
            {
                "associationId": one["AssociationId"],
                "cidrBlock": one["CidrBlock"],
                "state": one["CidrBlockState"]["State"],
            }
            for one in vpc.get("CidrBlockAssociationSet", ())
        ],
        "default": vpc["IsDefault"],
        "dhcpOptionsId": vpc.get("DhcpOptionsId", ""),
        "enableDnsHostnames": _vpc_attribute(cloud, identifier, "enableDnsHostnames"),
        "enableDnsSupport": _vpc_attribute(cloud, identifier, "enableDnsSupport"),
        "enableNetworkAddressUsageMetrics": False,
        "filters": arguments.get("filters"),
        "id": identifier,
        "instanceTenancy": vpc.get("InstanceTenancy", "default"),
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "ipv6CidrBlockAssociations": [],
        "mainRouteTableId": tables[0]["RouteTableId"] if tables else "",
        "ownerId": vpc.get("OwnerId", ""),
        "region": cloud.region,
        "state": vpc["State"],
        "tags": tagging.from_list(vpc.get("Tags")),
    }


def _subnets(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = cloud.pages(
        "ec2", "describe_subnets", "Subnets", "reading EC2 Subnets", Filters=to_service(arguments)
    )
    return {
        "filters": arguments.get("filters"),
        "id": cloud.region,
        "ids": [subnet["SubnetId"] for subnet in found],
        "region": cloud.region,
        "tags": arguments.get("tags") or {},
    }


def _subnet(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = cloud.call(
        "ec2",
        "describe_subnets",
        "reading EC2 Subnet",
        SubnetIds=[arguments["id"]] if arguments.get("id") else None,
        Filters=to_service(
            arguments,
            availability_zone=arguments.get("availabilityZone"),
            availability_zone_id=arguments.get("availabilityZoneId"),
            cidr_block=arguments.get("cidrBlock"),
            default_for_az=as_text(arguments.get("defaultForAz")),
            state=arguments.get("state"),
            vpc_id=arguments.get("vpcId"),
        ),
    )["Subnets"]
    subnet = _only(found, "EC2 Subnet")
    naming = subnet.get("PrivateDnsNameOptionsOnLaunch", {})
    return {
        "arn": subnet.get("SubnetArn") or cloud.arn("ec2", f"subnet/{subnet['SubnetId']}"),
        "assignIpv6AddressOnCreation": subnet.get("AssignIpv6AddressOnCreation", False),
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId", ""),
        "availableIpAddressCount": subnet.get("AvailableIpAddressCount", 0),
        "cidrBlock": subnet["CidrBlock"],
        "customerOwnedIpv4Pool": "",
        "defaultForAz": subnet.get("DefaultForAz", False),
        "enableDns64": subnet.get("EnableDns64", False),
        "enableLniAtDeviceIndex": 0,
        "enableResourceNameDnsARecordOnLaunch": naming.get("EnableResourceNameDnsARecord", False),
        "enableResourceNameDnsAaaaRecordOnLaunch": naming.get("EnableResourceNameDnsAAAARecord", False),
        "filters": arguments.get("filters"),
        "id": subnet["SubnetId"],
        "ipv6CidrBlock": "",
        "ipv6CidrBlockAssociationId": "",
        "ipv6Native": subnet.get("Ipv6Native", False),
        "mapCustomerOwnedIpOnLaunch": False,
        "mapPublicIpOnLaunch": subnet.get("MapPublicIpOnLaunch", False),
        "outpostArn": "",
        "ownerId": subnet.get("OwnerId", ""),
        "privateDnsHostnameTypeOnLaunch": naming.get("HostnameType", "ip-name"),
        "region": cloud.region,
        "state": subnet["State"],
        "tags": tagging.from_list(subnet.get("Tags")),
        "vpcId": subnet["VpcId"],
    }


def _vpc_attribute(cloud: Cloud, vpc: str, name: str) -> bool:
    answer = cloud.call(
        "ec2", "describe_vpc_attribute", f"reading EC2 VPC ({vpc}) {name}", VpcId=vpc, Attribute=name
    )
    return bool(answer[name[0].upper() + name[1:]]["Value"])


def _only(found: list[Any], what: str) -> Any:
    if not found:
        raise RefusedError(f"no matching {what} found")
    if len(found) > 1:
        raise RefusedError(
            f"multiple {what}s matched; use additional constraints to reduce matches to a single {what}"
        )
    return found[0]


FUNCTIONS = (
    Function(
        "aws:index/getAvailabilityZones:getAvailabilityZones",
        frozenset({"allAvailabilityZones", "excludeNames", "excludeZoneIds", "filters", "region", "state"}),
        _availability_zones,
    ),
    Function(
        "aws:ec2/getVpc:getVpc",
        frozenset({"cidrBlock", "default", "dhcpOptionsId", "filters", "id", "region", "state", "tags"}),
        _vpc,
    ),
    Function("aws:ec2/getSubnets:getSubnets", frozenset({"filters", "region", "tags"}), _subnets),
    Function(
        "aws:ec2/getSubnet:getSubnet",
        frozenset(
            {
                "availabilityZone",
                "availabilityZoneId",
                "cidrBlock",
                "defaultForAz",
                "filters",
                "id",
                "region",
                "state",
                "tags",
                "vpcId",
            }
        ),
        _subnet,
    ),
)
