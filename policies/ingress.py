"""Nobody connects to a machine from anywhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import UNKNOWN, Judged, Rule, items

SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"


def open_group(resource: Judged) -> Iterator[str]:
    """Ingress of a security group from anywhere."""
    for rule in items(resource.inputs, "ingress"):
        if rule is UNKNOWN:
            continue
        for source in [*items(rule, "cidrBlocks"), *items(rule, "ipv6CidrBlocks")]:
            yield from _open(source, rule)


def open_rule(resource: Judged) -> Iterator[str]:
    """A rule of its own that lets in from anywhere."""
    if resource.type == OLD_RULE and resource.inputs.get("type") not in ("ingress", UNKNOWN):
        return
    inputs = resource.inputs
    single = [inputs[key] for key in ("cidrIpv4", "cidrIpv6") if inputs.get(key) is not None]
    for source in [*single, *items(inputs, "cidrBlocks"), *items(inputs, "ipv6CidrBlocks")]:
        yield from _open(source, inputs)


def _open(source: Any, rule: Mapping[str, Any]) -> Iterator[str]:
    if source is not UNKNOWN and _is_anywhere(str(source)):
        ports = f"{rule.get('fromPort')}-{rule.get('toPort')}"
        yield f"ports {ports} are open to {source}; allowed: no ingress, or named networks"


def _is_anywhere(source: str) -> bool:
    """Whether a network is so large that it names nobody."""
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return True
    return network.prefixlen < (8 if network.version == 4 else 16) and not network.is_private


GROUP_RULE = Rule(
    name="no-ingress-from-anywhere",
    description="No security group lets the internet in.",
    types=frozenset({SECURITY_GROUP}),
    check=open_group,
)
RULE_RULE = Rule(
    name="no-ingress-rule-from-anywhere",
    description="No rule of a security group lets the internet in.",
    types=frozenset({INGRESS_RULE, OLD_RULE}),
    check=open_rule,
)
