"""Schedule groups of EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, replaces, table

GONE = "ResourceNotFoundException"
_STANDARD_SECONDS = 300.0


class ScheduleGroup(ResourceType):
    """`aws.scheduler.ScheduleGroup`. Its id is its name; its schedules are deleted with it."""

    token = "aws:scheduler/scheduleGroup:ScheduleGroup"  # noqa: S105
    title = "EventBridge Scheduler Schedule Group"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=64)
    inputs = table(
        {
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "region": REGION,
            "tags": TAGS,
            "tagsAll": TAGS,
        }
    )
    outputs = ("arn", "creationDate", "lastModificationDate", "state")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        cloud.call(
            "scheduler",
            "create_schedule_group",
            f"creating {self.title} ({inputs['name']})",
            Name=inputs["name"],
            Tags=tagging.to_list(inputs.get("tagsAll")) or None,
        )
        return str(inputs["name"])

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        del inputs
        cloud.wait_until(
            lambda: (self._find(cloud, identifier) or {}).get("State") == "ACTIVE",
            doing=f"waiting for {self.title} ({identifier}) create",
            standard=_STANDARD_SECONDS,
        )

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        group = self._find(cloud, identifier)
        if group is None:
            return None
        listed = cloud.call(
            "scheduler",
            "list_tags_for_resource",
            f"listing tags for {self.title} ({identifier})",
            ResourceArn=group["Arn"],
        )
        tags = tagging.from_list(listed.get("Tags"))
        return {
            "arn": group["Arn"],
            "creationDate": _moment(group.get("CreationDate")),
            "lastModificationDate": _moment(group.get("LastModificationDate")),
            "name": group["Name"],
            "namePrefix": known.carried("namePrefix", ""),
            "region": cloud.region,
            "state": group.get("State", ""),
            **tagging.told(tags, cloud.configuration.default_tags, known),
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del changed
        arn = state.get("arn") or cloud.arn("scheduler", f"schedule-group/{identifier}")
        doing = f"updating tags for {self.title} ({identifier})"
        added, removed = tagging.changes(state.get("tagsAll"), inputs.get("tagsAll"))
        if removed:
            cloud.call("scheduler", "untag_resource", doing, ResourceArn=arn, TagKeys=removed)
        if added:
            cloud.call("scheduler", "tag_resource", doing, ResourceArn=arn, Tags=tagging.to_list(added))

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        del state
        doing = f"deleting {self.title} ({identifier})"
        try:
            cloud.call("scheduler", "delete_schedule_group", doing, Name=identifier)
        except CloudError as error:
            if error.code != GONE:
                raise
            return
        cloud.wait_until(
            lambda: self._find(cloud, identifier) is None, doing=doing, standard=_STANDARD_SECONDS
        )

    def _find(self, cloud: Cloud, identifier: str) -> Mapping[str, Any] | None:
        try:
            return cloud.call(
                "scheduler", "get_schedule_group", f"reading {self.title} ({identifier})", Name=identifier
            )
        except CloudError as error:
            if error.code == GONE:
                return None
            raise


def _moment(value: datetime | None) -> str:
    """Whole seconds in UTC, as the official provider formats times."""
    return "" if value is None else value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
