"""Selects the subnet of a machine in each zone. Errors for a missing network list the existing ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud

_MOST_NAMED = 8


def choose_subnets(spec: JobSpec, cloud: Cloud, zone: str | None) -> tuple[Mapping[str, Any], ...]:
    """At most one subnet in each zone that the job allows: the zone's default one, else one with public
    addresses. Raises ``JobFileError`` when the network of the job does not exist or has no such subnet.
    """
    found = _named_subnet(spec, cloud) if spec.network.subnet != "auto" else _subnets_of(spec, cloud)
    by_zone: dict[str, Mapping[str, Any]] = {}
    for subnet in sorted(found, key=_preference):
        allowed = not spec.zones or subnet["AvailabilityZone"] in spec.zones
        if allowed and zone in (None, subnet["AvailabilityZone"]):
            by_zone.setdefault(subnet["AvailabilityZone"], subnet)
    if not by_zone:
        raise _no_subnet_there(spec, zone, found)
    return tuple(by_zone.values())


def _preference(subnet: Mapping[str, Any]) -> tuple[bool, bool, bool, str]:
    is_full = subnet.get("AvailableIpAddressCount") == 0
    return is_full, not subnet.get("DefaultForAz"), not subnet.get("MapPublicIpOnLaunch"), subnet["SubnetId"]


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
