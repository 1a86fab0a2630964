"""Security groups and network interfaces."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.providers.aws.records import ec2, names
from runctl_auto.providers.aws.records.kind import AwsKind, ListCall, Look, free
from runctl_auto.providers.aws.records.search import Search
from runctl_auto.providers.resource import CloudResource


def _find_interfaces(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Tagged, named, attached to an instance of runctl's, or in a security group of runctl's."""
    related = search.related
    by_instance = ec2.in_filters("attachment.instance-id", related.instances)
    by_group = ec2.in_filters("group-id", related.groups)
    for each in ec2.listed(kind, search, (*by_instance, *by_group)):
        attachment = each.get("Attachment") or {}
        instance = str(attachment.get("InstanceId") or "")
        groups = [group["GroupId"] for group in each.get("Groups") or ()]
        jobs = (related.instances.get(instance), *(related.groups.get(group) for group in groups))
        whose = ec2.attribution(kind, search, each, jobs)
        if whose is not None:
            parent = instance or next((group for group in groups if group in related.groups), "")
            part = ec2.is_deleted_with(attachment)
            yield ec2.resource(kind, search, each, whose, parent=parent, part=part)


INTERFACE = AwsKind(
    name=names.INTERFACE,
    types=("aws:ec2/networkInterface:NetworkInterface",),
    parents=(names.INSTANCE, names.SECURITY_GROUP),
    managed_with=(names.INSTANCE,),
    removed_after=(names.INSTANCE,),
    lists=(
        ListCall(
            "ec2",
            "describe_network_interfaces",
            items="NetworkInterfaces",
            id_key="NetworkInterfaceId",
        ),
    ),
    looks=(Look(_find_interfaces, stage=3),),
    removal=ec2.delete("delete_network_interface", "NetworkInterfaceId"),
    commands=ec2.command("delete-network-interface --network-interface-id"),
    arns=(f"{ec2.ARN}:network-interface/*",),
    cost=free,
)

SECURITY_GROUP = AwsKind(
    name=names.SECURITY_GROUP,
    types=("aws:ec2/securityGroup:SecurityGroup",),
    removed_after=(names.INSTANCE, names.INTERFACE),
    made_by_stacks=True,
    has_creation_time=False,
    lists=(
        ListCall(
            "ec2",
            "describe_security_groups",
            items="SecurityGroups",
            id_key="GroupId",
            name_key="GroupName",
        ),
    ),
    name_filter="group-name",
    looks=(Look(ec2.find_own),),
    digest_in_name="content",
    removal=ec2.delete("delete_security_group", "GroupId"),
    commands=ec2.command("delete-security-group --group-id"),
    arns=(f"{ec2.ARN}:security-group/*",),
    cost=free,
)
