"""Auto Scaling groups, which launch machines by themselves. Their scheduled actions are deleted with them."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records import names
from runctl_auto.providers.aws.records.kind import ApiCall, AwsKind, ListCall, Look, Removal, free
from runctl_auto.providers.aws.records.search import Search
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.resource import CloudResource

MACHINE_TAG = "aws:autoscaling:groupName"
"""The tag that AWS gives the machines of a group; its value is the group's name."""

_UNKNOWN = "ValidationError"
"""The service's error code for a group that does not exist, among other things."""
_POLL_SECONDS = 2.0
_POLLS = 150


def _find_own(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Groups with runctl's tag or a name of runctl's; the list call has no filter for names."""
    for each in kind.listing.pages(search.cloud):
        held = read_tags(each.get("Tags"))
        whose = search.scope.attribute(each["AutoScalingGroupName"], held)
        if whose is not None:
            yield search.resource(kind, each, whose, held)


def _delete(cloud: Cloud, group: CloudResource, _account: str) -> None:
    """With its machines; the group exists until the last one has terminated."""
    try:
        cloud.call(
            "autoscaling", "delete_auto_scaling_group", AutoScalingGroupName=group.id, ForceDelete=True
        )
    except CloudError as error:
        if error.code != _UNKNOWN or _exists(cloud, group.id):
            raise
        return
    for _ in range(_POLLS):
        if not _exists(cloud, group.id):
            return
        cloud.pause(_POLL_SECONDS)
    raise CloudError(
        f"The Auto Scaling group {group.id} still exists {_POLLS * _POLL_SECONDS:.0f} seconds after its "
        "deletion.",
        code="StillExists",
        where={"region": cloud.region},
        next_step="Repeat later: it is gone once its machines have terminated.",
    )


def _exists(cloud: Cloud, name: str) -> bool:
    return any(SCALING_GROUP.listing.pages(cloud, AutoScalingGroupNames=[name]))


SCALING_GROUP = AwsKind(
    name=names.SCALING_GROUP,
    types=("aws:autoscaling/group:Group",),
    launches_machines=True,
    made_by_stacks=True,
    digest_in_name="content",
    lists=(
        ListCall(
            "autoscaling",
            "describe_auto_scaling_groups",
            items="AutoScalingGroups",
            id_key="AutoScalingGroupName",
            created_key="CreatedTime",
            page_key="MaxRecords",
        ),
    ),
    looks=(Look(_find_own),),
    removal=Removal(
        (ApiCall("autoscaling", "delete_auto_scaling_group"),),
        _delete,
        reads=(ApiCall("autoscaling", "describe_auto_scaling_groups"),),
    ),
    commands=(
        "autoscaling --region {region} delete-auto-scaling-group"
        " --auto-scaling-group-name {id} --force-delete",
    ),
    arns=("arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/runctl-*",),
    cost=free,
)
