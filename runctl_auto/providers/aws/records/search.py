"""One search of a region: its scope, and the results so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from components import tags
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records import names
from runctl_auto.providers.aws.records.kind import AwsKind, Described, ListCall
from runctl_auto.providers.aws.records.ownership import Attribution, Scope
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.contract import PriceOf
from runctl_auto.providers.resource import NOTHING_RELATED, CloudResource, Relations

TAG_LIST = ListCall(
    "resourcegroupstaggingapi",
    "get_resources",
    items="ResourceTagMappingList",
    id_key="ResourceARN",
    page_key="ResourcesPerPage",
)


def _with_found(related: Relations, resources: Iterable[CloudResource]) -> Relations:
    """``related``, extended by the resources found."""
    jobs: dict[str, dict[str, str]] = defaultdict(dict)
    for each in resources:
        jobs[each.kind][each.id] = each.job
    return Relations(
        instances={**related.instances, **jobs[names.INSTANCE]},
        volumes={**related.volumes, **jobs[names.VOLUME]},
        groups={**related.groups, **jobs[names.SECURITY_GROUP]},
    )


def unknown_price(job: str, instance_type: str) -> float | None:  # noqa: ARG001
    """For callers without prices."""
    return None


@dataclass
class Search:
    """The state of one search. ``related`` grows with the results."""

    cloud: Cloud
    scope: Scope
    price_of: PriceOf = unknown_price
    related: Relations = NOTHING_RELATED
    _found: dict[str, list[CloudResource]] = field(default_factory=lambda: defaultdict(list))
    _tags: dict[str, dict[str, dict[str, str]]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def account(self) -> str:
        return self.scope.names.account

    def found(self, kind: str) -> tuple[CloudResource, ...]:
        """Resources of a kind found by earlier searches."""
        return tuple(self._found.get(kind, ()))

    def add(self, kind: str, resources: Iterable[CloudResource]) -> None:
        """Adds the results of a search; later searches see them."""
        fresh = tuple(resources)
        self._found[kind] += fresh
        self.related = _with_found(self.related, fresh)

    def read_tag_list(self, kinds: Iterable[AwsKind]) -> None:
        """Queries the Tagging API for ``kinds``. It lags behind, and still lists deleted resources.

        Raises ``CloudError``.
        """
        by_service = {each.tagging.service: each for each in kinds if each.tagging is not None}
        wanted: dict[str, object] = {"Key": tags.JOB}
        if self.scope.job is not None:
            wanted["Values"] = [self.scope.job]
        types = [each.tagging.resource_type for each in by_service.values() if each.tagging is not None]
        for each in TAG_LIST.pages(self.cloud, TagFilters=[wanted], ResourceTypeFilters=types):
            _, _, service, _, _, path = each["ResourceARN"].split(":", 5)
            kind = by_service.get(service)
            if kind is not None and kind.tagging is not None:
                name = path.removeprefix(kind.tagging.prefix).removesuffix(":*")
                self._tags[kind.name][name] = read_tags(each["Tags"])

    def listed_tags(self, kind: AwsKind) -> Mapping[str, dict[str, str]]:
        """Tags by name, as returned by the Tagging API."""
        return self._tags.get(kind.name, {})

    def resource(
        self,
        kind: AwsKind,
        described: Described,
        whose: Attribution,
        held: Mapping[str, str],
        *,
        name: str | None = None,
        parent: str = "",
        part: bool = False,
        values: Mapping[str, Sequence[str]] | None = None,
    ) -> CloudResource:
        """The resource for an API description; ``held`` are its tags, ``values`` fill in its command."""
        identity = str(described[kind.listing.id_key])
        named = identity if name is None else name
        return whose.resource(
            kind.name,
            identity,
            kind.command(self.cloud.region, id=identity, name=named, **(values or {})),
            held,
            name=named,
            created_at=creation_time(kind, described),
            cost_hour=kind.cost(self, whose.job, described),
            parent=parent,
            part=part,
        )


def creation_time(kind: AwsKind, described: Described) -> datetime | None:
    """When a described resource was created; None if its service does not report it."""
    value: Any = described.get(kind.listing.created_key) if kind.listing.created_key else None
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromtimestamp(value / 1000, tz=timezone.utc)
