"""Parameters of Systems Manager. Their values are never read."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records import names
from runctl_auto.providers.aws.records.kind import (
    ApiCall,
    AwsKind,
    Described,
    ListCall,
    Look,
    Tagging,
    one_call,
)
from runctl_auto.providers.aws.records.search import Search
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.resource import CloudResource

ARNS = ("arn:{partition}:ssm:{region}:{account}:parameter/runctl/*",)
_PAGE = 50
"""The most that this service returns at once, and accepts in one filter."""


def _find(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Parameters under the path of the scope, and those elsewhere with the tags."""
    tagged = search.listed_tags(kind)
    under_path = {"Key": "Path", "Option": "Recursive", "Values": [search.scope.path]}
    elsewhere = sorted(name for name in tagged if not search.scope.is_under_path(name))
    named = (elsewhere[start : start + _PAGE] for start in range(0, len(elsewhere), _PAGE))
    by_name = ({"Key": "Name", "Option": "Equals", "Values": values} for values in named)
    for condition in (under_path, *by_name):
        for each in kind.listing.pages(search.cloud, ParameterFilters=[condition]):
            held = tagged.get(each["Name"], {})
            whose = search.scope.attribute(each["Name"], held)
            if whose is not None:
                yield search.resource(kind, each, whose, held)


def _own_tags(cloud: Cloud, name: str, _account: str) -> dict[str, str]:
    """A parameter's tags; empty if they cannot be read."""
    try:
        answer = cloud.call("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=name)
    except CloudError:
        return {}
    return read_tags(answer["TagList"])


def _price(_search: Search, _job: str, parameter: Described) -> float | None:
    return 0.0 if parameter.get("Tier", "Standard") == "Standard" else None


PARAMETER = AwsKind(
    name=names.PARAMETER,
    types=("aws:ssm/parameter:Parameter",),
    made_by_stacks=True,
    lists=(
        ListCall(
            "ssm",
            "describe_parameters",
            items="Parameters",
            id_key="Name",
            created_key="LastModifiedDate",
            page_size=_PAGE,
        ),
    ),
    tagging=Tagging("ssm:parameter", "parameter"),
    reads=(ApiCall("ssm", "list_tags_for_resource", ARNS),),
    looks=(Look(_find),),
    own_tags=_own_tags,
    digest_in_name="none",
    removal=one_call("ssm", "delete_parameter", lambda each: {"Name": each.id}),
    commands=("ssm --region {region} delete-parameter --name {id}",),
    arns=ARNS,
    cost=_price,
)
