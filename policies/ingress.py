"""No machine accepts connections from anywhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, items, shown

SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"


def open_group(resource: Judged, _: Settings) -> Iterator[Violation]:
    """Ingress of a security group from anywhere."""
    for rule in items(resource.inputs, "ingress"):
        for source in [*items(rule, "cidrBlocks"), *items(rule, "ipv6CidrBlocks")]:
            yield from _open(source, rule)


def open_rule(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A separate ingress rule that allows access from anywhere."""
    inputs = resource.inputs
    if resource.type == OLD_RULE and inputs.get("type") not in ("ingress", UNKNOWN):
        return
    single = [inputs[key] for key in ("cidrIpv4", "cidrIpv6") if inputs.get(key) is not None]
    for source in [*single, *items(inputs, "cidrBlocks"), *items(inputs, "ipv6CidrBlocks")]:
        yield from _open(source, inputs)


def _open(source: Any, rule: Mapping[str, Any]) -> Iterator[Violation]:
    if source is not UNKNOWN and _is_anywhere(str(source)):
        ports = f"{shown(rule.get('fromPort'))}-{shown(rule.get('toPort'))}"
        yield Violation(
            found=f"ingress from {source} to the ports {ports}", allowed="no ingress, or named networks"
        )


_PRIVATE_IPV6 = (ipaddress.IPv6Network("fc00::/7"), ipaddress.IPv6Network("fe80::/10"))


def _is_anywhere(source: str) -> bool:
    """Whether a network is too large to count as a named one."""
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return True
    if isinstance(network, ipaddress.IPv4Network):
        return network.prefixlen < 8  # the largest private network is 10.0.0.0/8
    return network.prefixlen < 16 and not any(network.subnet_of(each) for each in _PRIVATE_IPV6)


GROUP_RULE = Rule(
    name="no-ingress-from-anywhere",
    description="No security group lets the internet in.",
    types=frozenset({SECURITY_GROUP}),
    reads=frozenset({"ingress"}),
    check=open_group,
)
RULE_RULE = Rule(
    name="no-ingress-rule-from-anywhere",
    description="No rule of a security group lets the internet in.",
    types=frozenset({INGRESS_RULE, OLD_RULE}),
    reads=frozenset({"cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks", "type", "fromPort", "toPort"}),
    check=open_rule,
)
