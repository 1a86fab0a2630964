"""How EC2's list calls are searched: by tag, by name, and by the resource that something depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from components import tags
from runctl_auto.providers.aws.records.kind import AwsKind, Described, Removal, one_call
from runctl_auto.providers.aws.records.ownership import Attribution
from runctl_auto.providers.aws.records.search import Search
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.resource import CloudResource

ARN = "arn:{partition}:ec2:{region}:{account}"
Filter = dict[str, object]

_VALUES_A_FILTER = 100


def listed(kind: AwsKind, search: Search, more: Sequence[Filter] = ()) -> Iterator[Described]:
    """What the kind's list call returns by tag, by name and for the filters ``more``, each once."""
    seen: set[str] = set()
    for condition in (*own_filters(kind, search), *more):
        for each in kind.listing.pages(search.cloud, Filters=[condition]):
            if each[kind.listing.id_key] not in seen:
                seen.add(each[kind.listing.id_key])
                yield each


def own_filters(kind: AwsKind, search: Search) -> tuple[Filter, Filter]:
    """Filters for resources with runctl's tag, and for those with a name of runctl's."""
    prefix = search.scope.name_prefix
    return (search.scope.job_filter, {"Name": kind.name_filter, "Values": [f"{prefix}*"]})


def in_filters(name: str, ids: Iterable[str]) -> tuple[Filter, ...]:
    """Filters for ``ids``, each with as many as EC2 accepts."""
    values = sorted(ids)
    return tuple(
        {"Name": name, "Values": values[start : start + _VALUES_A_FILTER]}
        for start in range(0, len(values), _VALUES_A_FILTER)
    )


def attribution(
    kind: AwsKind, search: Search, described: Described, jobs: Iterable[str | None] = ()
) -> Attribution | None:
    """Attribution by tag or name, else by the first known one of ``jobs``; None if out of scope.

    What the tag of another job claims is that one's: a snapshot of a job's volume may have a stack of its
    own.
    """
    held = read_tags(described.get("Tags"))
    whose = search.scope.attribute(_own_name(kind, described), held)
    related = next((each for each in jobs if each is not None), None)
    if whose is not None or related is None or held.get(tags.JOB, related) != related:
        return whose
    return search.scope.related(related)


def resource(
    kind: AwsKind, search: Search, described: Described, whose: Attribution, **more: Any
) -> CloudResource:
    """The resource for a description from the API."""
    held = read_tags(described.get("Tags"))
    name = _own_name(kind, described) or held.get("Name", "")
    return search.resource(kind, described, whose, held, name=name, **more)


def find_own(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """All resources with runctl's tag or a name of runctl's."""
    for each in listed(kind, search):
        whose = attribution(kind, search, each)
        if whose is not None:
            yield resource(kind, search, each, whose)


def is_deleted_with(attachment: Described) -> bool:
    """Whether an attached resource is deleted when its instance is terminated."""
    return bool(attachment.get("DeleteOnTermination"))


def delete(operation: str, id_parameter: str) -> Removal:
    """A removal by the operation of EC2 that takes one id."""
    return one_call("ec2", operation, lambda each: {id_parameter: each.id})


def command(operation: str) -> tuple[str, ...]:
    """The AWS CLI command whose last argument is the id."""
    return (f"ec2 --region {{region}} {operation} {{id}}",)


def _own_name(kind: AwsKind, described: Described) -> str:
    if kind.listing.name_key:
        return str(described.get(kind.listing.name_key, ""))
    return read_tags(described.get("Tags")).get("Name", "")
