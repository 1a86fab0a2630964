"""The record of one kind of AWS resource: everything that runctl knows about the kind, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.resource import CloudResource

if TYPE_CHECKING:
    from runctl_auto.providers.aws.records.search import Search

Described = Mapping[str, Any]
"""A resource as returned by a list call of AWS."""

_PERMISSION_PREFIXES = {"resourcegroupstaggingapi": "tagging"}
EVERYWHERE = ("*",)
"""Where IAM checks list calls without resource-level permissions."""


@dataclass(frozen=True)
class ApiCall:
    """One operation of an AWS API, as botocore names it. ``arns`` are where IAM checks it."""

    service: str
    operation: str
    arns: tuple[str, ...] = EVERYWHERE

    @property
    def permission(self) -> str:
        """``service:Operation``, as ``providers.aws.permissions`` names calls."""
        words = (word.capitalize() for word in self.operation.split("_"))
        return f"{_PERMISSION_PREFIXES.get(self.service, self.service)}:{''.join(words)}"


@dataclass(frozen=True)
class ListCall(ApiCall):
    """A list call: ``items`` is the key of the resources in its response.

    ``page_key`` and ``page_size`` request pages; no key if the service has no pages. The other keys state
    where a described resource has its id, its own name and its creation time.
    """

    items: str = ""
    id_key: str = ""
    name_key: str | None = None
    created_key: str | None = None
    page_key: str | None = "MaxResults"
    page_size: int = 100
    fixed: tuple[tuple[str, object], ...] = ()

    def pages(self, cloud: Cloud, **parameters: object) -> Iterator[Any]:
        """All items, page by page. Raises ``CloudError``."""
        paging = {self.page_key: self.page_size} if self.page_key else {}
        return cloud.pages(
            self.service, self.operation, self.items, **{**dict(self.fixed), **paging, **parameters}
        )


@dataclass(frozen=True)
class Tagging:
    """The kind in the Resource Groups Tagging API: its type filter, and what precedes the name in the ARN."""

    resource_type: str
    prefix: str = ""

    @property
    def service(self) -> str:
        return self.resource_type.partition(":")[0]


@dataclass(frozen=True)
class Removal:
    """How a resource is deleted. ``calls`` modify, ``reads`` do not; ``run`` makes them all.

    ``run`` receives the client, the resource and the account that must own buckets.
    """

    calls: tuple[ApiCall, ...]
    run: Callable[[Cloud, CloudResource, str], None]
    reads: tuple[ApiCall, ...] = ()


def one_call(
    service: str, operation: str, parameters: Callable[[CloudResource], dict[str, object]]
) -> Removal:
    """A removal by a single API call."""

    def run(cloud: Cloud, resource: CloudResource, _account: str) -> None:
        cloud.call(service, operation, **parameters(resource))

    return Removal((ApiCall(service, operation),), run)


Cost = Callable[["Search", str, Described], "float | None"]
"""USD an hour of a job's described resource; None if unknown."""


def free(_search: Search, _job: str, _described: Described) -> float | None:
    return 0.0


def unknown_cost(_search: Search, _job: str, _described: Described) -> float | None:
    return None


@dataclass(frozen=True)
class Look:
    """One search for resources of a kind. Searches of a later ``stage`` see the results of earlier ones."""

    find: Callable[[AwsKind, Search], Iterator[CloudResource]]
    stage: int = 0


@dataclass(frozen=True, kw_only=True)
class AwsKind:
    """One kind of AWS resource that runctl can leave behind.

    Implements ``providers.resource_kind.ResourceKind``, which describes the fields of all providers.

    ``lists`` are the calls that list it, the main one first; ``reads`` are further calls that its ``looks``
    make. ``arns`` are the resources on which IAM checks its removal, limited to runctl's.

    ``commands`` are templates of AWS CLI commands for users. A template that names a list is repeated for
    each of its values. ``digest_in_name`` states what is hashed in the suffix of a name given by runctl.
    ``own_tags`` reads tags from the service itself; with ``asked_before_removal`` that is done before a
    resource is removed, since lists do not show its tags, or show them late.
    """

    name: str
    types: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    managed_with: tuple[str, ...] = ()
    removed_after: tuple[str, ...] = ()
    is_machine: bool = False
    launches_machines: bool = False
    made_by_stacks: bool = False
    has_creation_time: bool = True
    id_in_state_is_name: bool = False
    separate_if_named_as_parent: bool = False
    needs_running_machine: bool = False

    lists: tuple[ListCall, ...] = ()
    name_filter: str = "tag:Name"
    tagging: Tagging | None = None
    reads: tuple[ApiCall, ...] = ()
    looks: tuple[Look, ...] = ()
    own_tags: Callable[[Cloud, str, str], dict[str, str]] | None = None
    asked_before_removal: bool = False
    digest_in_name: Literal["job", "content", "none"] = "job"

    removal: Removal
    commands: tuple[str, ...]
    arns: tuple[str, ...]
    cost: Cost = unknown_cost

    @property
    def is_listed(self) -> bool:
        return bool(self.lists)

    @property
    def listing(self) -> ListCall:
        """The call that lists this kind."""
        return self.lists[0]

    def remove(self, cloud: Cloud, resource: CloudResource, account: str) -> None:
        self.removal.run(cloud, resource, account)

    def command(self, region: str, **values: str | Sequence[str]) -> str:
        """The AWS CLI command line that removes one; all ``values`` are quoted for a shell."""
        known = {"region": region, **values}
        return " && ".join(line for each in self.commands for line in _filled(f"aws {each}", known))


def _filled(template: str, values: Mapping[str, str | Sequence[str]]) -> Iterator[str]:
    """The template with its values filled in, once for each value of a list that it names."""
    named = {field for _, field, _, _ in Formatter().parse(template) if field}
    single = {key: quote(value) for key in named if isinstance(value := values[key], str)}
    repeated = named - single.keys()
    if not repeated:
        yield template.format(**single)
        return
    (key,) = repeated
    for value in values[key]:
        yield template.format(**single, **{key: quote(value)})
