"""Security groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Problem, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Kind, replaces, table, updates
from sandbox.aws.provider.types import ec2_tags
from sandbox.aws.provider.types.security_group_permissions import (
    RULE_FIELDS,
    flat,
    from_flat,
    permissions,
    rules,
)

DELETE_SECONDS = 900.0
_IN_USE = frozenset({"DependencyViolation", "InvalidGroup.InUse"})
_GONE = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})
_DIRECTIONS = (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress"))


class SecurityGroup(ResourceType):
    """`aws.ec2.SecurityGroup`. It has only the specified rules, without the service's default egress rule."""

    token = "aws:ec2/securityGroup:SecurityGroup"  # noqa: S105
    title = "Security Group"
    physical_name = PhysicalName("name", prefix="namePrefix")
    inputs = table(
        {
            "description": replaces(default="Managed by Pulumi"),
            "egress": updates(Kind.OBJECT_SET, computed=True, fields=RULE_FIELDS),
            "ingress": updates(Kind.OBJECT_SET, computed=True, fields=RULE_FIELDS),
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "region": REGION,
            "revokeRulesOnDelete": updates(Kind.BOOLEAN, default=False, told=False),
            "tags": TAGS,
            "tagsAll": TAGS,
            "vpcId": replaces(computed=True),
        }
    )
    outputs = ("arn", "ownerId")

    def check(self, inputs: Properties) -> Iterator[Problem]:
        name = inputs.get("name")
        if isinstance(name, str) and name.startswith("sg-"):
            yield Problem("name", "invalid value for name (cannot begin with sg-)")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "ec2",
            "create_security_group",
            f"creating {self.title} ({inputs['name']})",
            GroupName=inputs["name"],
            Description=inputs["description"],
            VpcId=inputs.get("vpcId") or _default_vpc(cloud),
            TagSpecifications=ec2_tags.specification("security-group", inputs.get("tagsAll")),
        )
        return str(answer["GroupId"])

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        group = _find(cloud, identifier)
        if group is None:
            raise CloudError(
                f"reading {self.title} ({identifier})", "InvalidGroup.NotFound", "couldn't find resource"
            )
        for direction, listing in _DIRECTIONS:
            held = flat(identifier, group.get(listing, ()))
            wanted = flat(identifier, permissions(identifier, inputs.get(direction) or ()))
            _change_rules(cloud, identifier, direction, held, wanted)

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        group = _find(cloud, identifier)
        if group is None:
            return None
        tags = tagging.told(tagging.from_list(group.get("Tags")), cloud.configuration.default_tags, known)
        return {
            "arn": cloud.arn("ec2", f"security-group/{identifier}"),
            "description": group["Description"],
            **{
                direction: rules(identifier, group.get(listing, ()), known.carried(direction))
                for direction, listing in _DIRECTIONS
            },
            "name": group["GroupName"],
            "namePrefix": known.carried("namePrefix", ""),
            "ownerId": group["OwnerId"],
            "region": cloud.region,
            "revokeRulesOnDelete": known.carried("revokeRulesOnDelete", False),
            "vpcId": group.get("VpcId", ""),
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        for direction, _ in _DIRECTIONS:
            if direction in changed:
                held = flat(identifier, permissions(identifier, state.get(direction) or ()))
                wanted = flat(identifier, permissions(identifier, inputs.get(direction) or ()))
                _change_rules(cloud, identifier, direction, held, wanted)
        if changed & {"tags", "tagsAll"}:
            ec2_tags.apply(cloud, identifier, self.title, state.get("tagsAll"), inputs.get("tagsAll"))

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        doing = f"deleting {self.title} ({identifier})"
        if state.get("revokeRulesOnDelete"):
            self._revoke_all(cloud, identifier)
        try:
            cloud.retry_while(
                _IN_USE,
                lambda: cloud.call("ec2", "delete_security_group", doing, GroupId=identifier),
                standard=DELETE_SECONDS,
            )
        except CloudError as error:
            if error.code not in _GONE:
                raise

    @staticmethod
    def _revoke_all(cloud: Cloud, identifier: str) -> None:
        group = _find(cloud, identifier) or {}
        for direction, listing in _DIRECTIONS:
            _change_rules(cloud, identifier, direction, flat(identifier, group.get(listing, ())), frozenset())


def _change_rules(
    cloud: Cloud, identifier: str, direction: str, held: frozenset[Any], wanted: frozenset[Any]
) -> None:
    doing = f"updating Security Group ({identifier}) {direction} rules"
    for verb, single in (("revoke", held - wanted), ("authorize", wanted - held)):
        if single:
            cloud.call(
                "ec2",
                f"{verb}_security_group_{direction}",
                f"{doing}: {verb[:-1]}ing",
                GroupId=identifier,
                IpPermissions=from_flat(single),
            )


def _default_vpc(cloud: Cloud) -> str | None:
    vpcs = cloud.call(
        "ec2", "describe_vpcs", "reading EC2 VPC", Filters=[{"Name": "is-default", "Values": ["true"]}]
    )["Vpcs"]
    return str(vpcs[0]["VpcId"]) if vpcs else None


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    try:
        groups = cloud.call(
            "ec2", "describe_security_groups", f"reading Security Group ({identifier})", GroupIds=[identifier]
        )["SecurityGroups"]
    except CloudError as error:
        if error.code in _GONE:
            return None
        raise
    return dict(groups[0]) if groups else None
