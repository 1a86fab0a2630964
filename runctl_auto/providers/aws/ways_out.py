"""How the machines of a subnet reach AWS: the default route of its route table, else the VPC's endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud

Kind = Literal["public", "private", "endpoints", "none"]

_DEFAULTS = frozenset({"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"})
_TARGETS = (
    "NatGatewayId",
    "TransitGatewayId",
    "GatewayId",
    "NetworkInterfaceId",
    "InstanceId",
    "VpcPeeringConnectionId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)
NEEDED_SERVICES = ("s3", "ssm", "sts")
"""Services whose endpoints replace a route out: code and results, secrets, the role's identity."""
_ENDS_GROUP, _ATTACHES = "autoscaling", "ec2"


@dataclass(frozen=True)
class WayOut:
    """The way out of a subnet. ``problem`` is a sentence that states what is missing; empty unless ``none``.

    ``public``: an internet gateway, which serves only machines with a public address. ``private``: anything
    else that the default route leads to, such as a NAT gateway or a transit gateway, and routes that the
    caller may not see. ``endpoints``: no default route, but endpoints for the needed services.
    """

    kind: Kind
    problem: str = ""


def needed_services(spec: JobSpec) -> tuple[str, ...]:
    """The services that a machine of the job calls; that of a group ends it, and attaches its volumes."""
    if spec.recovers_by != "cloud":
        return NEEDED_SERVICES
    return (*NEEDED_SERVICES, _ENDS_GROUP, *([_ATTACHES] if spec.volumes else []))


def ways_out(
    cloud: Cloud,
    vpc: str,
    subnets: Sequence[Mapping[str, Any]],
    needed: Sequence[str] = NEEDED_SERVICES,
) -> Mapping[str, WayOut]:
    """The way out of each of ``subnets`` of one VPC to the services ``needed``, by subnet id. One call, and
    one more for the endpoints when a subnet has no default route.
    """
    in_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    tables = list(cloud.pages("ec2", "describe_route_tables", "RouteTables", Filters=in_vpc))
    table_of = {each["SubnetId"]: _table_of(tables, each["SubnetId"]) for each in subnets}
    found = {subnet: _by_route(table) for subnet, table in table_of.items()}
    closed = [subnet for subnet, way in found.items() if way.kind == "none"]
    if not closed:
        return found
    endpoints = list(cloud.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints", Filters=in_vpc))
    for subnet in closed:
        missing = _missing(needed, table_of[subnet], endpoints, cloud.region)
        found[subnet] = _by_endpoints(found[subnet], missing, cloud.region)
    return found


def _table_of(tables: Iterable[Mapping[str, Any]], subnet: str) -> Mapping[str, Any] | None:
    """The subnet's own route table, else the main one; None when the caller may see neither, as in a VPC that
    another account shares."""
    main = None
    for table in tables:
        for each in table.get("Associations") or ():
            if each.get("SubnetId") == subnet:
                return table
            if each.get("Main"):
                main = table
    return main


def _by_route(table: Mapping[str, Any] | None) -> WayOut:
    if table is None:
        return WayOut("private")
    defaults = [each for each in table.get("Routes") or () if each.get("DestinationCidrBlock") in _DEFAULTS]
    active = [each for each in defaults if each.get("State", "active") == "active"]
    targets = [_target(each) for each in active]
    if any(target.startswith("igw-") for target in targets):
        return WayOut("public")
    if targets:
        return WayOut("private")
    if defaults:
        return WayOut(
            "none",
            f"the default route of {table['RouteTableId']} leads to {_target(defaults[0])}, which is gone",
        )
    return WayOut("none", f"{table['RouteTableId']} has no default route")


def _target(route: Mapping[str, Any]) -> str:
    return next((str(route[name]) for name in _TARGETS if route.get(name)), "a target")


def _by_endpoints(closed: WayOut, missing: Sequence[str], region: str) -> WayOut:
    if not missing:
        return WayOut("endpoints")
    named = ", ".join(f"com.amazonaws.{region}.{service}" for service in missing)
    return WayOut("none", f"{closed.problem}, and its VPC lacks endpoints with private DNS for {named}")


def _missing(
    needed: Sequence[str],
    table: Mapping[str, Any] | None,
    endpoints: Iterable[Mapping[str, Any]],
    region: str,
) -> list[str]:
    """The services of which no endpoint serves the route table's subnet."""
    identity = table["RouteTableId"] if table else ""
    usable = [
        each["ServiceName"]
        for each in endpoints
        if str(each.get("State", "available")).lower() == "available"
        and (identity in (each.get("RouteTableIds") or ()) or each.get("PrivateDnsEnabled"))
    ]
    return [
        service for service in needed if not any(name.endswith(f".{region}.{service}") for name in usable)
    ]
