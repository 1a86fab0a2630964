"""Network access of a job's machines: no ingress but from each other, limited egress."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any

import pulumi
import pulumi_aws as aws

from components.naming import SECURITY_GROUP_LIMIT, Names

TYPE = "runctl:aws:NetworkAccess"

DNS_PORT = 53


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A TCP port to which the machine may connect, at any address."""

    port: int
    reason: str


# The VPC's own name resolution, time and instance metadata pass no security group.
OUTGOING = (
    Outgoing(port=443, reason="AWS, package registries, model hubs"),
    Outgoing(port=80, reason="package mirrors of the system"),
)


_INSIDE: dict[str, Any] = {
    "protocol": "-1",
    "from_port": 0,
    "to_port": 0,
    "self": True,
    "description": "Machines of the same job",
}
"""Everything between the machines of the group: which ports and protocols ranks use differs by library."""


@dataclass(frozen=True, kw_only=True)
class NetworkAccessArgs:
    """``resolvers`` are the addresses of the network's own DNS servers; none with the VPC's resolver.
    ``inside``: the job has several machines, which reach each other and nobody else.
    """

    names: Names
    vpc: str
    resolvers: Sequence[str] = ()
    inside: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


class NetworkAccess(pulumi.ComponentResource):
    """A security group without ingress, but for what is in the group itself. Changed content
    gives a new name, since the old group is in use."""

    security_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkAccessArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, {"vpc": args.vpc}, opts)
        content: dict[str, object] = {"vpc": args.vpc, "outgoing": [asdict(rule) for rule in OUTGOING]}
        if args.resolvers:
            content["resolvers"] = sorted(args.resolvers)
        if args.inside:
            content["inside"] = True
        physical = args.names.name("network", limit=SECURITY_GROUP_LIMIT, content=content)
        group = aws.ec2.SecurityGroup(
            f"{name}-group",
            name=physical,
            description=f"Machine of the runctl job {args.names.job}",
            vpc_id=args.vpc,
            ingress=[aws.ec2.SecurityGroupIngressArgs(**_INSIDE)] if args.inside else [],
            egress=[
                aws.ec2.SecurityGroupEgressArgs(
                    protocol="tcp",
                    from_port=rule.port,
                    to_port=rule.port,
                    cidr_blocks=["0.0.0.0/0"],
                    ipv6_cidr_blocks=["::/0"],
                    description=rule.reason,
                )
                for rule in OUTGOING
            ]
            + list(_to_resolvers(args.resolvers))
            + ([aws.ec2.SecurityGroupEgressArgs(**_INSIDE)] if args.inside else []),
            tags={"Name": physical, **args.tags},
            # The provider waits this long while something uses the group; its own default is 15 minutes.
            opts=pulumi.ResourceOptions(parent=self, custom_timeouts=pulumi.CustomTimeouts(delete="3m")),
        )
        self.security_group_id = group.id
        self.register_outputs({"securityGroupId": self.security_group_id})


def _to_resolvers(resolvers: Sequence[str]) -> Iterator[aws.ec2.SecurityGroupEgressArgs]:
    """Name resolution by these servers: over UDP, and over TCP for long answers."""
    if not resolvers:
        return
    addresses = [ip_address(each) for each in sorted(resolvers)]
    for protocol in ("udp", "tcp"):
        yield aws.ec2.SecurityGroupEgressArgs(
            protocol=protocol,
            from_port=DNS_PORT,
            to_port=DNS_PORT,
            cidr_blocks=[f"{each}/32" for each in addresses if not isinstance(each, IPv6Address)],
            ipv6_cidr_blocks=[f"{each}/128" for each in addresses if isinstance(each, IPv6Address)],
            description="DNS servers of the network",
        )
