"""EventBridge schedules of runctl's and the groups they are in. Groups carry tags, schedules do not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from runctl_auto.errors import NotFoundError
from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.commands import remove_schedule, remove_schedule_group
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.resource import CloudResource, read_tags

PAGE = 100


class TimerLists:
    """Looks through the scheduler's lists for one scope. ``group_tags`` are what the tagging list knows, by
    the group's name."""

    def __init__(self, cloud: Cloud, scope: Scope, group_tags: Mapping[str, Mapping[str, str]]) -> None:
        self._cloud = cloud
        self._scope = scope
        self._group_tags = group_tags

    def groups(self) -> Iterator[CloudResource]:
        """Those with a name of runctl's, and those that carry the tags."""
        prefix = self._scope.name_prefix
        yield from self._groups_named(prefix)
        for name in self._group_tags:
            if not name.startswith(prefix):
                yield from (each for each in self._groups_named(name) if each.id == name)

    def schedules(self, groups: Collection[CloudResource]) -> Iterator[CloudResource]:
        """Those with a name of runctl's, and those in one of ``groups`` whose names are somebody's own."""
        by_id = {each.id: each for each in groups}
        looks: list[dict[str, object]] = [{"NamePrefix": self._scope.name_prefix}]
        looks += [{"GroupName": name} for name in by_id if not name.startswith(self._scope.name_prefix)]
        seen: set[str] = set()
        for look in looks:
            listed = self._cloud.pages("scheduler", "list_schedules", "Schedules", MaxResults=PAGE, **look)
            for each in listed:
                one = self._schedule(each, by_id.get(each["GroupName"]))
                if one is not None and one.id not in seen:
                    seen.add(one.id)
                    yield one

    def _groups_named(self, prefix: str) -> Iterator[CloudResource]:
        listed = self._cloud.pages(
            "scheduler", "list_schedule_groups", "ScheduleGroups", NamePrefix=prefix, MaxResults=PAGE
        )
        yield from (one for each in listed if (one := self._group(each)) is not None)

    def _group(self, described: Mapping[str, Any]) -> CloudResource | None:
        if described.get("State") == "DELETING":
            return None
        name = described["Name"]
        held = self._tags_of(name, described["Arn"])
        whose = self._scope.judge(name, held)
        if whose is None:
            return None
        return whose.found(
            found.SCHEDULE_GROUP,
            name,
            remove_schedule_group(self._cloud.region, name),
            held,
            name=name,
            created_at=described.get("CreationDate"),
            cost_hour=0.0,
        )

    def _tags_of(self, name: str, arn: str) -> Mapping[str, str]:
        """As for buckets: for a whole account the tagging list is enough, for one job it may be late."""
        if self._scope.job is None:
            return self._group_tags.get(name, {})
        try:
            listed = self._cloud.call("scheduler", "list_tags_for_resource", ResourceArn=arn)
        except NotFoundError:
            return {}
        return read_tags(listed.get("Tags"))

    def _schedule(self, listed: Mapping[str, Any], group: CloudResource | None) -> CloudResource | None:
        name = listed["Name"]
        whose = None if group is not None else self._scope.judge(name, {})
        if group is None and whose is None:
            return None
        return CloudResource(
            found.SCHEDULE,
            f"{listed['GroupName']}/{name}",
            remove_schedule(self._cloud.region, listed["GroupName"], name),
            group.protected if group else False,
            name=name,
            job=group.job if group else whose.job if whose else "",
            owner=group.owner if group else "",
            backend=group.backend if group else "",
            how=group.how if group else whose.how if whose else "name",
            sure=group.sure if group else whose.sure if whose else False,
            created_at=listed.get("CreationDate"),
            cost_hour=0.0,
            parent=listed["GroupName"],
        )
