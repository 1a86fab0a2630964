"""Log groups of CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.providers.aws.records import names
from runctl_auto.providers.aws.records.kind import AwsKind, ListCall, Look, Tagging, one_call
from runctl_auto.providers.aws.records.search import Search
from runctl_auto.providers.resource import CloudResource


def _find(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Log groups under the path of the scope, those with a name of runctl's, and those with the tags."""
    tagged = search.listed_tags(kind)
    elsewhere = (name for name in tagged if not search.scope.is_under_path(name))
    seen: set[str] = set()
    for prefix in sorted({search.scope.path, search.scope.name_prefix, *elsewhere}):
        for each in kind.listing.pages(search.cloud, logGroupNamePrefix=prefix):
            name = each["logGroupName"]
            held = tagged.get(name, {})
            whose = search.scope.attribute(name, held)
            if whose is not None and name not in seen:
                seen.add(name)
                yield search.resource(kind, each, whose, held)


LOG_GROUP = AwsKind(
    name=names.LOG_GROUP,
    types=("aws:cloudwatch/logGroup:LogGroup",),
    lists=(
        ListCall(
            "logs",
            "describe_log_groups",
            items="logGroups",
            id_key="logGroupName",
            created_key="creationTime",
            page_key="limit",
            page_size=50,  # the most that this service returns at once
        ),
    ),
    tagging=Tagging("logs:log-group", "log-group:"),
    looks=(Look(_find),),
    digest_in_name="none",
    removal=one_call("logs", "delete_log_group", lambda each: {"logGroupName": each.id}),
    commands=("logs --region {region} delete-log-group --log-group-name {id}",),
    arns=("arn:{partition}:logs:{region}:{account}:log-group:*runctl*",),
)
