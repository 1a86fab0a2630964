"""Placement groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Change, Kind, refused, replaces, table
from sandbox.aws.provider.types import ec2_tags

_GONE = "InvalidPlacementGroup.Unknown"
_STANDARD_SECONDS = 300.0


class PlacementGroup(ResourceType):
    """`aws.ec2.PlacementGroup`. Its id is its name."""

    token = "aws:ec2/placementGroup:PlacementGroup"  # noqa: S105
    title = "EC2 Placement Group"
    physical_name = PhysicalName("name", longest=255)
    inputs = table(
        {
            "name": replaces(computed=True),
            "partitionCount": refused(Change.REPLACE),
            "region": REGION,
            "spreadLevel": refused(Change.REPLACE),
            "strategy": replaces(Kind.STRING, required=True, allowed=("cluster", "partition", "spread")),
            "tags": TAGS,
            "tagsAll": TAGS,
        }
    )
    outputs = ("arn", "placementGroupId")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        cloud.call(
            "ec2",
            "create_placement_group",
            f"creating {self.title} ({inputs['name']})",
            GroupName=inputs["name"],
            Strategy=inputs["strategy"],
            TagSpecifications=ec2_tags.specification("placement-group", inputs.get("tagsAll")),
        )
        return str(inputs["name"])

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        del inputs
        cloud.wait_until(
            lambda: (_find(cloud, identifier) or {}).get("State") == "available",
            doing=f"waiting for {self.title} ({identifier}) create",
            standard=_STANDARD_SECONDS,
        )

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        group = _find(cloud, identifier)
        if group is None:
            return None
        tags = tagging.told(tagging.from_list(group.get("Tags")), cloud.configuration.default_tags, known)
        return {
            "arn": cloud.arn("ec2", f"placement-group/{identifier}"),
            "name": group["GroupName"],
            "partitionCount": group.get("PartitionCount") or 0,
            "placementGroupId": group["GroupId"],
            "region": cloud.region,
            "spreadLevel": group.get("SpreadLevel") or "",
            "strategy": group["Strategy"],
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del identifier
        if changed & {"tags", "tagsAll"}:
            known = str(state["placementGroupId"])
            ec2_tags.apply(cloud, known, self.title, state.get("tagsAll"), inputs.get("tagsAll"))

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        del state
        doing = f"deleting {self.title} ({identifier})"
        try:
            cloud.call("ec2", "delete_placement_group", doing, GroupName=identifier)
        except CloudError as error:
            if error.code != _GONE:
                raise
            return
        cloud.wait_until(lambda: _find(cloud, identifier) is None, doing=doing, standard=_STANDARD_SECONDS)


def _find(cloud: Cloud, name: str) -> Mapping[str, Any] | None:
    try:
        found = cloud.call(
            "ec2", "describe_placement_groups", f"reading EC2 Placement Group ({name})", GroupNames=[name]
        )["PlacementGroups"]
    except CloudError as error:
        if error.code == _GONE:
            return None
        raise
    return next((each for each in found if each.get("State") != "deleted"), None)
