"""Parameters and log groups of runctl's. Values are never read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.commands import remove_log_group, remove_parameter
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.resource import CloudResource

_PAGE = 50
"""What Systems Manager and CloudWatch Logs tell at most in one answer."""


class RecordLists:
    """Looks through the lists of Systems Manager and CloudWatch Logs for one scope.

    ``parameter_tags`` and ``group_tags`` are what the tagging list knows, by name.
    """

    def __init__(
        self,
        cloud: Cloud,
        scope: Scope,
        parameter_tags: Mapping[str, Mapping[str, str]],
        group_tags: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._cloud = cloud
        self._scope = scope
        self._parameter_tags = parameter_tags
        self._group_tags = group_tags

    def parameters(self) -> Iterator[CloudResource]:
        """Those under the path of the scope, and those elsewhere that carry the tags."""
        conditions = [{"Key": "Path", "Option": "Recursive", "Values": [self._scope.path]}]
        elsewhere = sorted(name for name in self._parameter_tags if not self._is_under_path(name))
        looks = [conditions] + [
            [{"Key": "Name", "Option": "Equals", "Values": elsewhere[start : start + _PAGE]}]
            for start in range(0, len(elsewhere), _PAGE)
        ]
        for look in looks:
            listed = self._cloud.pages(
                "ssm", "describe_parameters", "Parameters", ParameterFilters=look, MaxResults=_PAGE
            )
            for each in listed:
                name = each["Name"]
                one = self._record(
                    found.PARAMETER,
                    name,
                    remove_parameter(self._cloud.region, name),
                    self._parameter_tags.get(name, {}),
                    created_at=each.get("LastModifiedDate"),
                    cost_hour=0.0 if each.get("Tier", "Standard") == "Standard" else None,
                )
                if one is not None:
                    yield one

    def log_groups(self) -> Iterator[CloudResource]:
        """Those under the path of the scope, those with a name of runctl's, and those that carry the tags."""
        prefixes = {self._scope.path, self._scope.name_prefix}
        prefixes.update(name for name in self._group_tags if not self._is_under_path(name))
        seen: set[str] = set()
        for prefix in sorted(prefixes):
            listed = self._cloud.pages(
                "logs", "describe_log_groups", "logGroups", logGroupNamePrefix=prefix, limit=_PAGE
            )
            for each in listed:
                name = each["logGroupName"]
                if name in seen:
                    continue
                seen.add(name)
                one = self._record(
                    found.LOG_GROUP,
                    name,
                    remove_log_group(self._cloud.region, name),
                    self._group_tags.get(name, {}),
                    created_at=_from_milliseconds(each.get("creationTime")),
                )
                if one is not None:
                    yield one

    def _is_under_path(self, name: str) -> bool:
        return name == self._scope.path or name.startswith(f"{self._scope.path}/")

    def _record(
        self,
        kind: str,
        name: str,
        command: str,
        held: Mapping[str, str],
        *,
        created_at: datetime | None,
        cost_hour: float | None = None,
    ) -> CloudResource | None:
        whose = self._scope.judge(name, held)
        if whose is None:
            return None
        return whose.found(
            kind,
            name,
            command,
            held,
            name=name,
            created_at=created_at,
            cost_hour=cost_hour,
        )


def _from_milliseconds(value: Any) -> datetime | None:
    return None if value is None else datetime.fromtimestamp(value / 1000, tz=timezone.utc)
