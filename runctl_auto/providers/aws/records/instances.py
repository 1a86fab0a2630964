"""EC2 instances and the spot requests that launch them.

The parent of an instance that an Auto Scaling group launched is the group, in whatever way it was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records import ec2, names
from runctl_auto.providers.aws.records.kind import (
    ApiCall,
    AwsKind,
    Described,
    ListCall,
    Look,
    Removal,
    free,
    one_call,
)
from runctl_auto.providers.aws.records.scaling_groups import MACHINE_TAG
from runctl_auto.providers.aws.records.search import Search
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.resource import CloudResource

_LIVE_REQUESTS = {"Name": "state", "Values": ["open", "active", "disabled"]}
_NONE: Mapping[str, str] = {}


def _find_own_instances(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    return _instances(kind, search, ec2.own_filters(kind, search))


def _find_related_instances(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Instances in a security group of runctl's, or launched by one of its spot requests or groups."""
    known = search.related.instances
    requests = search.found(names.SPOT_REQUEST)
    jobs = {each.parent: each.job for each in requests if each.parent not in ("", *known)}
    groups = search.related.groups
    launchers = [each.id for each in search.found(names.SCALING_GROUP)]
    filters = (
        *ec2.in_filters("instance.group-id", groups),
        *ec2.in_filters("instance-id", jobs),
        *ec2.in_filters(f"tag:{MACHINE_TAG}", launchers),
    )
    return (each for each in _instances(kind, search, filters, jobs, groups) if each.id not in known)


def _instances(
    kind: AwsKind,
    search: Search,
    filters: Iterable[ec2.Filter],
    jobs: Mapping[str, str] = _NONE,
    groups: Mapping[str, str] = _NONE,
) -> Iterator[CloudResource]:
    """All instances that are not terminated: one that is shutting down still exists."""
    seen: set[str] = set()
    launchers = {each.id: each.job for each in search.found(names.SCALING_GROUP)}
    for condition in filters:
        reservations = kind.listing.pages(search.cloud, Filters=[condition])
        for each in (instance for group in reservations for instance in group["Instances"]):
            identity = each["InstanceId"]
            inside = [groups.get(group["GroupId"]) for group in each.get("SecurityGroups") or ()]
            launcher = read_tags(each.get("Tags")).get(MACHINE_TAG, "")
            whose = ec2.attribution(
                kind, search, each, (jobs.get(identity), launchers.get(launcher), *inside)
            )
            if whose is not None and identity not in seen and each["State"]["Name"] != "terminated":
                seen.add(identity)
                known = _launcher(each, groups) if whose.how == "relation" else ""
                parent = launcher or known
                yield ec2.resource(kind, search, each, whose, parent=parent)


def _launcher(instance: Described, groups: Mapping[str, str]) -> str:
    """The known security group that an instance is in, else the spot request that launched it."""
    inside = (each["GroupId"] for each in instance.get("SecurityGroups") or ())
    known = next((each for each in inside if each in groups), "")
    return known or str(instance.get("SpotInstanceRequestId") or "")


def _find_requests(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Requests that can still launch an instance, or that have an active one."""
    for each in kind.listing.pages(search.cloud, Filters=[_LIVE_REQUESTS]):
        instance = str(each.get("InstanceId") or "")
        whose = ec2.attribution(kind, search, each, [search.related.instances.get(instance)])
        if whose is not None:
            yield ec2.resource(kind, search, each, whose, parent=instance)


def _terminate(cloud: Cloud, instance: CloudResource, _account: str) -> None:
    cloud.call("ec2", "terminate_instances", InstanceIds=[instance.id])
    waiter = cloud.client("ec2").get_waiter("instance_terminated")
    cloud.retried(
        lambda: waiter.wait(InstanceIds=[instance.id], WaiterConfig={"Delay": 2, "MaxAttempts": 90}),
        f"waiting for the end of {instance.id}",
    )


def _price(search: Search, job: str, instance: Described) -> float | None:
    return search.price_of(job, instance.get("InstanceType", ""))


INSTANCE = AwsKind(
    name=names.INSTANCE,
    types=("aws:ec2/instance:Instance",),
    parents=(names.SCALING_GROUP, names.SECURITY_GROUP, names.SPOT_REQUEST),
    managed_with=(names.SCALING_GROUP,),
    removed_after=(names.SCALING_GROUP, names.SPOT_REQUEST),  # they could launch another
    is_machine=True,
    made_by_stacks=True,
    lists=(
        ListCall(
            "ec2",
            "describe_instances",
            items="Reservations",
            id_key="InstanceId",
            created_key="LaunchTime",
        ),
    ),
    looks=(Look(_find_own_instances), Look(_find_related_instances, stage=2)),
    removal=Removal(
        (ApiCall("ec2", "terminate_instances"),), _terminate, reads=(ApiCall("ec2", "describe_instances"),)
    ),
    commands=ec2.command("terminate-instances --instance-ids"),
    arns=(f"{ec2.ARN}:instance/*",),
    cost=_price,
)

SPOT_REQUEST = AwsKind(
    name=names.SPOT_REQUEST,
    types=("aws:ec2/spotInstanceRequest:SpotInstanceRequest",),
    parents=(names.INSTANCE,),
    managed_with=(names.INSTANCE,),
    lists=(
        ListCall(
            "ec2",
            "describe_spot_instance_requests",
            items="SpotInstanceRequests",
            id_key="SpotInstanceRequestId",
            created_key="CreateTime",
        ),
    ),
    looks=(Look(_find_requests, stage=1),),
    removal=one_call(
        "ec2", "cancel_spot_instance_requests", lambda each: {"SpotInstanceRequestIds": [each.id]}
    ),
    commands=ec2.command("cancel-spot-instance-requests --spot-instance-request-ids"),
    arns=(f"{ec2.ARN}:spot-instances-request/*",),
    cost=free,
)
