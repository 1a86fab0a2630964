"""Selects the subnets of a machine. Errors for a missing network list the existing ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.resolvers import resolvers_of
from runctl_auto.providers.aws.ways_out import WayOut, needed_services, ways_out

_MOST_NAMED = 8
_BY_IPV6_ONLY = WayOut(
    "none", "it is IPv6-only, and the machine needs IPv4 for its metadata service and for AWS"
)


@dataclass(frozen=True)
class Subnet:
    """A subnet from which a machine reaches AWS.

    ``public_address``: the machine needs a public IPv4 address. ``internet``: False when only AWS's endpoints
    are reachable. ``resolvers`` are addresses of DNS servers other than the VPC's own. ``zone_id`` names the
    zone in every account, unlike ``zone``; None when unknown. ``rank`` is 0 for the preferred subnet of its
    zone.
    """

    id: str
    vpc: str
    zone: str
    rank: int = 0
    public_address: bool = False
    internet: bool = True
    resolvers: tuple[str, ...] = ()
    zone_id: str | None = None


@dataclass(frozen=True)
class SubnetChoice:
    """The usable ``subnets``, and why others of the network were ``left_out``."""

    subnets: tuple[Subnet, ...]
    left_out: tuple[str, ...] = ()


def choose_subnets(spec: JobSpec, cloud: Cloud, zone: str | None) -> SubnetChoice:
    """The subnets in the zones that the job allows, in each zone the preferred first: one with free addresses
    and a route out, then the zone's default one, then one that gives public addresses by itself.

    Raises ``JobFileError`` when the network of the job does not exist, has no subnet there, or only such from
    which a machine does not reach AWS.
    """
    found = _named_subnet(spec, cloud) if spec.network.subnet != "auto" else _subnets_of(spec, cloud)
    allowed = [
        each
        for each in found
        if (not spec.zones or each["AvailabilityZone"] in spec.zones)
        and zone in (None, each["AvailabilityZone"])
    ]
    if not allowed:
        raise _no_subnet_there(spec, zone, found)
    vpc = str(allowed[0]["VpcId"])
    ways = {**ways_out(cloud, vpc, allowed, needed_services(spec)), **_without_ipv4(allowed)}
    usable = [each for each in allowed if ways[each["SubnetId"]].kind != "none"]
    left_out = tuple(
        f"{_subnet_words(each)}: {ways[each['SubnetId']].problem}" for each in allowed if each not in usable
    )
    if not usable:
        raise _no_way_out(spec, left_out)
    return SubnetChoice(_ranked(usable, ways, resolvers_of(cloud, vpc)), left_out)


def _without_ipv4(subnets: Iterable[Mapping[str, Any]]) -> dict[str, WayOut]:
    return {each["SubnetId"]: _BY_IPV6_ONLY for each in subnets if each.get("Ipv6Native")}


def _ranked(
    usable: Iterable[Mapping[str, Any]], ways: Mapping[str, WayOut], resolvers: tuple[str, ...]
) -> tuple[Subnet, ...]:
    ranks: dict[str, int] = {}
    ranked = []
    for each in sorted(usable, key=lambda subnet: _preference(subnet, ways[subnet["SubnetId"]])):
        zone, way = str(each["AvailabilityZone"]), ways[each["SubnetId"]]
        ranks[zone] = ranks.get(zone, -1) + 1
        ranked.append(
            Subnet(
                id=str(each["SubnetId"]),
                vpc=str(each["VpcId"]),
                zone=zone,
                rank=ranks[zone],
                public_address=way.kind == "public",
                internet=way.kind != "endpoints",
                resolvers=resolvers,
                zone_id=each.get("AvailabilityZoneId"),
            )
        )
    return tuple(ranked)


def _preference(subnet: Mapping[str, Any], way: WayOut) -> tuple[bool, bool, bool, int, str]:
    is_full = subnet.get("AvailableIpAddressCount") == 0
    gives_addresses = way.kind == "public" and subnet.get("MapPublicIpOnLaunch")
    # An owner who gives no public addresses by default may prefer machines without one.
    by_address = 0 if gives_addresses else 1 if way.kind == "private" else 2
    return is_full, way.kind == "endpoints", not subnet.get("DefaultForAz"), by_address, subnet["SubnetId"]


def _no_way_out(spec: JobSpec, left_out: Sequence[str]) -> JobFileError:
    named = "network.subnet" if spec.network.subnet != "auto" else "network"
    more = len(left_out) - _MOST_NAMED
    reasons = "; ".join(left_out[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
    return JobFileError(
        f"A machine does not reach AWS from the job's network: {reasons}.",
        where={"field": named, "region": spec.region},
        next_step="Add a default route to a NAT gateway, a transit gateway or an internet gateway, create "
        "what is missing, or name another network (network: {vpc: vpc-..., subnet: subnet-...}).",
    )


def _named_subnet(spec: JobSpec, cloud: Cloud) -> list[Mapping[str, Any]]:
    """The subnet that the job names; with ``vpc: default`` any VPC is accepted."""
    network = spec.network
    wanted = [{"Name": "subnet-id", "Values": [network.subnet]}]
    found = list(cloud.pages("ec2", "describe_subnets", "Subnets", Filters=wanted))
    fitting = [each for each in found if network.vpc in ("default", each["VpcId"])]
    if fitting:
        return fitting
    there = list(cloud.pages("ec2", "describe_subnets", "Subnets", **_in_vpc(network.vpc)))
    lies = f" in {network.vpc}; it lies in {found[0]['VpcId']}" if found else ""
    raise JobFileError(
        f"There is no subnet {network.subnet}{lies}.",
        where={"field": "network.subnet", "region": spec.region},
        next_step=f"Subnets there: {_listed(map(_subnet_words, there))}.",
    )


def _subnets_of(spec: JobSpec, cloud: Cloud) -> list[Mapping[str, Any]]:
    vpc = _vpc(spec, cloud)
    found = list(cloud.pages("ec2", "describe_subnets", "Subnets", **_in_vpc(vpc)))
    if found:
        return found
    if vpc in {each["VpcId"] for each in _vpcs(cloud)}:
        raise JobFileError(
            f"The VPC {vpc} has no subnet.",
            where={"field": "network", "region": spec.region},
            next_step="Make a subnet in it, or name another VPC.",
        )
    raise JobFileError(
        f"There is no VPC {vpc} in {spec.region}.",
        where={"field": "network.vpc", "region": spec.region},
        next_step=f"VPCs there: {_listed(map(_vpc_words, _vpcs(cloud)))}.",
    )


def _in_vpc(vpc: str) -> dict[str, Any]:
    return {} if vpc == "default" else {"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}


def _vpc(spec: JobSpec, cloud: Cloud) -> str:
    if spec.network.vpc != "default":
        return spec.network.vpc
    default = [{"Name": "is-default", "Values": ["true"]}]
    vpcs = list(cloud.pages("ec2", "describe_vpcs", "Vpcs", Filters=default))
    if not vpcs:
        raise JobFileError(
            f"The account has no default VPC in {spec.region}.",
            where={"field": "network.vpc", "region": spec.region},
            next_step="Name a VPC (network.vpc: vpc-...), or make a default one: aws ec2 create-default-vpc. "
            f"VPCs there: {_listed(map(_vpc_words, _vpcs(cloud)))}.",
        )
    return str(vpcs[0]["VpcId"])


def _vpcs(cloud: Cloud) -> list[Mapping[str, Any]]:
    return list(cloud.pages("ec2", "describe_vpcs", "Vpcs"))


def _no_subnet_there(spec: JobSpec, zone: str | None, found: Iterable[Mapping[str, Any]]) -> JobFileError:
    wanted = (
        f"zone {zone}, where the job's volumes are" if zone else f"the job's zones ({', '.join(spec.zones)})"
    )
    there = sorted({each["AvailabilityZone"] for each in found})
    return JobFileError(
        f"The network of the job has no subnet in {wanted}.",
        where={"field": "network" if zone else "zones", "region": spec.region},
        next_step=f"Zones with a subnet: {', '.join(there)}.",
    )


def _subnet_words(subnet: Mapping[str, Any]) -> str:
    return f"{subnet['SubnetId']} ({subnet['AvailabilityZone']}, {subnet['VpcId']})"


def _vpc_words(vpc: Mapping[str, Any]) -> str:
    name = next((tag["Value"] for tag in vpc.get("Tags") or () if tag["Key"] == "Name"), None)
    words = [*([name] if name else ()), *(["default"] if vpc.get("IsDefault") else ())]
    return f"{vpc['VpcId']} ({', '.join(words)})" if words else str(vpc["VpcId"])


def _listed(words: Iterable[str]) -> str:
    everything = sorted(words)
    more = len(everything) - _MOST_NAMED
    return ", ".join(everything[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "") or "none"
