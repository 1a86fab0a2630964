"""Tags of groups, which their machines may get too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.cloud.scaling.groups import GroupError
from sandbox.aws.corrections.scaling.call import GroupCall, is_true, page_of

RESOURCE_TYPE = "auto-scaling-group"


def stored_tag(group: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A tag as a group keeps it."""
    return {
        "ResourceId": group,
        "ResourceType": RESOURCE_TYPE,
        "Key": asked["Key"],
        "Value": asked.get("Value") or "",
        "PropagateAtLaunch": is_true(asked.get("PropagateAtLaunch")),
    }


def set_tags(call: GroupCall) -> None:
    """CreateOrUpdateTags."""
    for each in call["Tags"] or ():
        group = call.groups.get(call.account, call.region, each["ResourceId"])
        kept = [tag for tag in group.tags if tag["Key"] != each["Key"]]
        group.tags = [*kept, stored_tag(group.name, each)]


def remove_tags(call: GroupCall) -> None:
    """DeleteTags."""
    for each in call["Tags"] or ():
        group = call.groups.get(call.account, call.region, each["ResourceId"])
        group.tags = [tag for tag in group.tags if tag["Key"] != each["Key"]]


def listed(call: GroupCall) -> dict[str, Any]:
    """DescribeTags."""
    attributes = {"auto-scaling-group": "ResourceId", "key": "Key", "value": "Value"}
    found = [tag for group in call.groups.of(call.account, call.region) for tag in group.tags]
    for each in call["Filters"] or ():
        attribute = attributes.get(each["Name"])
        if attribute is None:
            raise GroupError(f"The filter {each['Name']} is not one of the sandbox.")
        found = [tag for tag in found if tag[attribute] in each["Values"]]
    page, token = page_of(found, call, 50)
    return {"Tags": page, "NextToken": token}
