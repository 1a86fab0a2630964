"""EventBridge schedules and their groups. Groups carry tags, schedules do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runctl_auto.errors import NotFoundError
from runctl_auto.providers.aws.records import names
from runctl_auto.providers.aws.records.kind import (
    ApiCall,
    AwsKind,
    Described,
    ListCall,
    Look,
    Tagging,
    free,
    one_call,
)
from runctl_auto.providers.aws.records.search import Search, creation_time
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.resource import CloudResource

GROUP_ARNS = ("arn:{partition}:scheduler:{region}:{account}:schedule-group/runctl-*",)
SCHEDULE_ARNS = ("arn:{partition}:scheduler:{region}:{account}:schedule/runctl-*/*",)


def _find_groups(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Groups with a name of runctl's, and those with the tags."""
    prefix = search.scope.name_prefix
    yield from _groups_named(kind, search, prefix)
    for name in search.listed_tags(kind):
        if not name.startswith(prefix):
            yield from (each for each in _groups_named(kind, search, name) if each.id == name)


def _groups_named(kind: AwsKind, search: Search, prefix: str) -> Iterator[CloudResource]:
    for each in kind.listing.pages(search.cloud, NamePrefix=prefix):
        if each.get("State") == "DELETING":
            continue
        held = _group_tags(kind, search, each)
        whose = search.scope.attribute(each["Name"], held)
        if whose is not None:
            yield search.resource(kind, each, whose, held)


def _group_tags(kind: AwsKind, search: Search, group: Described) -> Mapping[str, str]:
    """From the tag list for an account; for one job from the service itself, since the list may be late."""
    if search.scope.job is None:
        return search.listed_tags(kind).get(group["Name"], {})
    try:
        answer = search.cloud.call("scheduler", "list_tags_for_resource", ResourceArn=group["Arn"])
    except NotFoundError:
        return {}
    return read_tags(answer.get("Tags"))


def _find_schedules(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Schedules with a name of runctl's, and those with other names in the found groups."""
    groups = {each.id: each for each in search.found(names.SCHEDULE_GROUP)}
    prefix = search.scope.name_prefix
    by_group = ({"GroupName": name} for name in groups if not name.startswith(prefix))
    seen: set[str] = set()
    for condition in ({"NamePrefix": prefix}, *by_group):
        for each in kind.listing.pages(search.cloud, **condition):
            one = _schedule(kind, search, each, groups.get(each["GroupName"]))
            if one is not None and one.id not in seen:
                seen.add(one.id)
                yield one


def _schedule(
    kind: AwsKind, search: Search, listed: Described, group: CloudResource | None
) -> CloudResource | None:
    name = listed["Name"]
    whose = None if group is not None else search.scope.attribute(name, {})
    if group is None and whose is None:
        return None
    job = group.job if group else whose.job if whose else ""
    return CloudResource(
        kind.name,
        f"{listed['GroupName']}/{name}",
        kind.command(search.cloud.region, group=listed["GroupName"], name=name),
        group.protected if group else False,
        name=name,
        job=job,
        owner=group.owner if group else "",
        backend=group.backend if group else "",
        how=group.how if group else whose.how if whose else "name",
        sure=group.sure if group else whose.sure if whose else False,
        created_at=creation_time(kind, listed),
        cost_hour=kind.cost(search, job, listed),
        parent=listed["GroupName"],
    )


SCHEDULE = AwsKind(
    name=names.SCHEDULE,
    types=("aws:scheduler/schedule:Schedule",),
    parents=(names.SCHEDULE_GROUP,),
    made_by_stacks=True,
    lists=(
        ListCall("scheduler", "list_schedules", items="Schedules", id_key="Name", created_key="CreationDate"),
    ),
    looks=(Look(_find_schedules, stage=1),),
    removal=one_call(
        "scheduler", "delete_schedule", lambda each: {"GroupName": each.parent, "Name": each.name}
    ),
    commands=("scheduler --region {region} delete-schedule --group-name {group} --name {name}",),
    arns=SCHEDULE_ARNS,
    cost=free,
)

SCHEDULE_GROUP = AwsKind(
    name=names.SCHEDULE_GROUP,
    types=("aws:scheduler/scheduleGroup:ScheduleGroup",),
    removed_after=(names.SCHEDULE,),
    made_by_stacks=True,
    lists=(
        ListCall(
            "scheduler",
            "list_schedule_groups",
            items="ScheduleGroups",
            id_key="Name",
            created_key="CreationDate",
        ),
    ),
    tagging=Tagging("scheduler:schedule-group", "schedule-group/"),
    reads=(ApiCall("scheduler", "list_tags_for_resource", GROUP_ARNS),),
    looks=(Look(_find_groups),),
    removal=one_call("scheduler", "delete_schedule_group", lambda each: {"Name": each.id}),
    commands=("scheduler --region {region} delete-schedule-group --name {id}",),
    arns=GROUP_ARNS,
    cost=free,
)
