"""Individual ingress and egress rules of security groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.diffing import Difference
from sandbox.aws.provider.resource import Known, Problem, Properties, ResourceType
from sandbox.aws.provider.same_value import is_empty
from sandbox.aws.provider.schema import REGION, TAGS, Change, Kind, replaces, table, updates
from sandbox.aws.provider.types import ec2_tags

_SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_EVERYTHING = "-1"
_GONE = frozenset({"InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound"})


class SecurityGroupRule(ResourceType):
    """Base of ingress and egress rules."""

    direction: ClassVar[str]
    title = "VPC Security Group Rule"
    inputs = table(
        {
            "cidrIpv4": updates(),
            "cidrIpv6": updates(),
            "description": updates(),
            "fromPort": updates(Kind.INTEGER),
            "ipProtocol": updates(required=True),
            "prefixListId": updates(),
            "referencedSecurityGroupId": updates(),
            "region": REGION,
            "securityGroupId": replaces(required=True),
            "tags": TAGS,
            "tagsAll": TAGS,
            "toPort": updates(Kind.INTEGER),
        }
    )
    outputs = ("arn", "securityGroupRuleId")

    def check(self, inputs: Properties) -> Iterator[Problem]:
        stated = [name for name in _SOURCES if not is_empty(inputs.get(name))]
        if len(stated) != 1:
            yield Problem(
                stated[1] if stated else _SOURCES[0],
                f"exactly one of {', '.join(_SOURCES)} must be specified",
            )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "ec2",
            f"authorize_security_group_{self.direction}",
            f"creating {self.title}",
            GroupId=inputs["securityGroupId"],
            IpPermissions=[_permission(inputs)],
            TagSpecifications=ec2_tags.specification("security-group-rule", inputs.get("tagsAll")),
        )
        return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        rule = self._find(cloud, identifier)
        if rule is None:
            return None
        tags = tagging.told(tagging.from_list(rule.get("Tags")), cloud.configuration.default_tags, known)
        return {
            "arn": cloud.arn("ec2", f"security-group-rule/{identifier}"),
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "description": rule.get("Description"),
            **_ports(rule),
            "ipProtocol": rule["IpProtocol"],
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
            "region": cloud.region,
            "securityGroupId": rule["GroupId"],
            "securityGroupRuleId": identifier,
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        if changed - {"tags", "tagsAll"}:
            cloud.call(
                "ec2",
                "modify_security_group_rules",
                f"updating {self.title} ({identifier})",
                GroupId=inputs["securityGroupId"],
                SecurityGroupRules=[
                    {"SecurityGroupRuleId": identifier, "SecurityGroupRule": _modification(inputs)}
                ],
            )
        if changed & {"tags", "tagsAll"}:
            ec2_tags.apply(cloud, identifier, self.title, state.get("tagsAll"), inputs.get("tagsAll"))

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        if self._find(cloud, identifier) is None:
            return
        cloud.call(
            "ec2",
            f"revoke_security_group_{self.direction}",
            f"deleting {self.title} ({identifier})",
            GroupId=state["securityGroupId"],
            SecurityGroupRuleIds=[identifier],
        )

    def change_for(self, difference: Difference, state: Properties, inputs: Properties) -> Change:
        """A different kind of source replaces the rule."""
        if difference.input in _SOURCES and is_empty(state.get(difference.input)):
            return Change.REPLACE
        del inputs
        return difference.change

    def _find(self, cloud: Cloud, identifier: str) -> Mapping[str, Any] | None:
        try:
            found = cloud.call(
                "ec2",
                "describe_security_group_rules",
                f"reading {self.title} ({identifier})",
                SecurityGroupRuleIds=[identifier],
            )["SecurityGroupRules"]
        except CloudError as error:
            if error.code in _GONE:
                return None
            raise
        wanted = self.direction == "egress"
        return next((rule for rule in found if rule["IsEgress"] is wanted), None)


class SecurityGroupEgressRule(SecurityGroupRule):
    """`aws.vpc.SecurityGroupEgressRule`."""

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"  # noqa: S105
    direction = "egress"


class SecurityGroupIngressRule(SecurityGroupRule):
    """`aws.vpc.SecurityGroupIngressRule`."""

    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"  # noqa: S105
    direction = "ingress"


def _ports(rule: Mapping[str, Any]) -> Properties:
    if rule["IpProtocol"] == _EVERYTHING:
        return {}
    return {"fromPort": rule.get("FromPort"), "toPort": rule.get("ToPort")}


def _permission(inputs: Mapping[str, Any]) -> Properties:
    text = {"Description": inputs["description"]} if inputs.get("description") else {}
    permission: Properties = {"IpProtocol": inputs["ipProtocol"]}
    for name, key in (("fromPort", "FromPort"), ("toPort", "ToPort")):
        if inputs.get(name) is not None:
            permission[key] = inputs[name]
    for name, listing, key in (
        ("cidrIpv4", "IpRanges", "CidrIp"),
        ("cidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("prefixListId", "PrefixListIds", "PrefixListId"),
        ("referencedSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ):
        if inputs.get(name):
            permission[listing] = [{key: inputs[name], **text}]
    return permission


def _modification(inputs: Mapping[str, Any]) -> Properties:
    all_ports = -1 if inputs["ipProtocol"] == _EVERYTHING else None
    rule = {
        "CidrIpv4": inputs.get("cidrIpv4"),
        "CidrIpv6": inputs.get("cidrIpv6"),
        "Description": inputs.get("description"),
        "FromPort": inputs.get("fromPort", all_ports),
        "IpProtocol": inputs["ipProtocol"],
        "PrefixListId": inputs.get("prefixListId"),
        "ReferencedGroupId": inputs.get("referencedSecurityGroupId"),
        "ToPort": inputs.get("toPort", all_ports),
    }
    return {name: value for name, value in rule.items() if value is not None}
