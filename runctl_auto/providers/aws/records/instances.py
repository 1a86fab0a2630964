"""What EC2's own lists know of runctl's things: by tag, by name, and by what they hang on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.commands import remove_ec2
from runctl_auto.providers.aws.records.ownership import Attribution, Scope
from runctl_auto.providers.aws.records.prices import volume_hour
from runctl_auto.providers.resource import CloudResource, read_tags

PAGE = 100
_VALUES_A_FILTER = 100
_LIVE_SPOT_REQUEST = ["open", "active", "disabled"]

PriceOf = Callable[[str, str], float | None]
"""USD an hour for an instance of a job, by its type, if known."""

Thing = Mapping[str, Any]
Filter = dict[str, object]
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Relations:
    """Ids whose dependents count, each with the job that it is of."""

    instances: Mapping[str, str]
    volumes: Mapping[str, str]
    groups: Mapping[str, str]

    def with_found(self, things: Iterable[CloudResource]) -> Relations:
        """These and what was found meanwhile."""
        of = {kind: {each.id: each.job for each in things if each.kind == kind} for kind in _RELATING}
        return Relations(
            instances={**self.instances, **of[found.INSTANCE]},
            volumes={**self.volumes, **of[found.VOLUME]},
            groups={**self.groups, **of[found.SECURITY_GROUP]},
        )


_RELATING = (found.INSTANCE, found.VOLUME, found.SECURITY_GROUP)
NOTHING_RELATED = Relations({}, {}, {})


def unknown_price(job: str, instance_type: str) -> float | None:  # noqa: ARG001
    """For those who know no prices."""
    return None


@dataclass(frozen=True)
class _List:
    """One list call of EC2, and where it says what."""

    kind: str
    operation: str
    key: str
    id_key: str
    name_filter: str = "tag:Name"
    name_key: str | None = None
    created_key: str | None = None
    paged: bool = True
    fixed: tuple[tuple[str, object], ...] = ()

    def parameters(self) -> dict[str, object]:
        return {**dict(self.fixed), **({"MaxResults": PAGE} if self.paged else {})}


_VOLUMES = _List(found.VOLUME, "describe_volumes", "Volumes", "VolumeId", created_key="CreateTime")
_INTERFACES = _List(found.INTERFACE, "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId")
_GROUPS = _List(
    found.SECURITY_GROUP,
    "describe_security_groups",
    "SecurityGroups",
    "GroupId",
    name_filter="group-name",
    name_key="GroupName",
)
_SNAPSHOTS = _List(
    found.SNAPSHOT,
    "describe_snapshots",
    "Snapshots",
    "SnapshotId",
    created_key="StartTime",
    fixed=(("OwnerIds", ["self"]),),
)
_TEMPLATES = _List(
    found.LAUNCH_TEMPLATE,
    "describe_launch_templates",
    "LaunchTemplates",
    "LaunchTemplateId",
    name_filter="launch-template-name",
    name_key="LaunchTemplateName",
    created_key="CreateTime",
)
_KEY_PAIRS = _List(
    found.KEY_PAIR,
    "describe_key_pairs",
    "KeyPairs",
    "KeyPairId",
    name_filter="key-name",
    name_key="KeyName",
    created_key="CreateTime",
    paged=False,  # the service knows no pages of key pairs
)
_FREE = frozenset(
    {found.INTERFACE, found.SECURITY_GROUP, found.LAUNCH_TEMPLATE, found.KEY_PAIR, found.SPOT_REQUEST}
)


class MachineLists:
    """Looks through EC2's lists for one scope."""

    def __init__(self, cloud: Cloud, scope: Scope, price_of: PriceOf) -> None:
        self._cloud = cloud
        self._scope = scope
        self._price_of = price_of

    def instances(self) -> Iterator[CloudResource]:
        """All that are not terminated: one shutting down still is there."""
        return self._machines(self._conditions("tag:Name"), {})

    def instances_of(self, related: Relations, requests: Iterable[CloudResource]) -> Iterator[CloudResource]:
        """Machines in a security group of runctl's, or launched by one of its spot ``requests``."""
        jobs = {each.parent: each.job for each in requests if each.parent not in ("", *related.instances)}
        by_group = _in_filters("instance.group-id", related.groups)
        by_id = _in_filters("instance-id", jobs)
        known = related.instances
        return (
            each for each in self._machines((*by_group, *by_id), jobs, related.groups) if each.id not in known
        )

    def _machines(
        self, conditions: Iterable[Filter], jobs: Mapping[str, str], groups: Mapping[str, str] = _NONE
    ) -> Iterator[CloudResource]:
        seen: set[str] = set()
        for condition in conditions:
            listed = self._cloud.pages(
                "ec2", "describe_instances", "Reservations", Filters=[condition], MaxResults=PAGE
            )
            for each in (instance for group in listed for instance in group["Instances"]):
                inside = [groups.get(group["GroupId"]) for group in each.get("SecurityGroups") or ()]
                whose = self._judge(each, None) or self._first_relation(
                    [jobs.get(each["InstanceId"]), *inside]
                )
                fresh = each["InstanceId"] not in seen and each["State"]["Name"] != "terminated"
                if whose is not None and fresh:
                    seen.add(each["InstanceId"])
                    yield self._found(
                        found.INSTANCE,
                        each["InstanceId"],
                        each,
                        whose,
                        created_at=each.get("LaunchTime"),
                        cost_hour=self._price_of(whose.job, each.get("InstanceType", "")),
                        parent=_launcher(each, groups) if whose.how == "relation" else "",
                    )

    def volumes(self, related: Relations) -> Iterator[CloudResource]:
        """Tagged, named, known by id, and disks that should end with an instance of runctl's."""
        by_instance = _in_filters("attachment.instance-id", related.instances)
        by_id = _in_filters("volume-id", related.volumes)
        for each in self._listed(_VOLUMES, (*by_instance, *by_id)):
            whose = self._judge(each, None) or self._volume_relation(each, related)
            if whose is not None and each.get("State") not in ("deleting", "deleted"):
                cost = volume_hour(self._cloud.region, each.get("VolumeType", ""), each.get("Size", 0))
                yield self._of(
                    _VOLUMES,
                    each,
                    whose,
                    parent=_attached_to(each),
                    cost_hour=cost,
                    part=any(_ends_too(attachment) for attachment in each.get("Attachments") or ()),
                )

    def security_groups(self) -> Iterator[CloudResource]:
        for each in self._listed(_GROUPS):
            whose = self._judge(each, "GroupName")
            if whose is not None:
                yield self._of(_GROUPS, each, whose)

    def interfaces(self, related: Relations) -> Iterator[CloudResource]:
        """Tagged, named, on an instance of runctl's, or in a security group of runctl's."""
        by_instance = _in_filters("attachment.instance-id", related.instances)
        by_group = _in_filters("group-id", related.groups)
        for each in self._listed(_INTERFACES, (*by_instance, *by_group)):
            attachment = each.get("Attachment") or {}
            instance = str(attachment.get("InstanceId") or "")
            groups = [group["GroupId"] for group in each.get("Groups") or ()]
            known = [related.instances.get(instance), *(related.groups.get(group) for group in groups)]
            whose = self._judge(each, None) or self._first_relation(known)
            if whose is not None:
                parent = instance or _first_of(groups, related.groups)
                yield self._of(_INTERFACES, each, whose, parent=parent, part=_ends_too(attachment))

    def spot_requests(self, related: Relations) -> Iterator[CloudResource]:
        """Requests that could still launch or hold a machine."""
        requests = self._cloud.pages(
            "ec2",
            "describe_spot_instance_requests",
            "SpotInstanceRequests",
            Filters=[{"Name": "state", "Values": _LIVE_SPOT_REQUEST}],
            MaxResults=PAGE,
        )
        for each in requests:
            instance = str(each.get("InstanceId") or "")
            whose = self._judge(each, None) or self._first_relation([related.instances.get(instance)])
            if whose is not None:
                yield self._found(
                    found.SPOT_REQUEST,
                    each["SpotInstanceRequestId"],
                    each,
                    whose,
                    created_at=each.get("CreateTime"),
                    cost_hour=0.0,
                    parent=instance,
                )

    def snapshots(self, related: Relations) -> Iterator[CloudResource]:
        for each in self._listed(_SNAPSHOTS, _in_filters("volume-id", related.volumes)):
            volume = str(each.get("VolumeId") or "")
            whose = self._judge(each, None) or self._first_relation([related.volumes.get(volume)])
            if whose is not None:
                yield self._of(_SNAPSHOTS, each, whose, parent=volume if volume in related.volumes else "")

    def launch_templates(self) -> Iterator[CloudResource]:
        for each in self._listed(_TEMPLATES):
            whose = self._judge(each, "LaunchTemplateName")
            if whose is not None:
                yield self._of(_TEMPLATES, each, whose)

    def key_pairs(self) -> Iterator[CloudResource]:
        for each in self._listed(_KEY_PAIRS):
            whose = self._judge(each, "KeyName")
            if whose is not None:
                yield self._of(_KEY_PAIRS, each, whose)

    def _listed(self, what: _List, more: Sequence[Filter] = ()) -> Iterator[Thing]:
        """What the list holds by tag, by name and under ``more`` conditions, each thing once."""
        seen: set[str] = set()
        for condition in (*self._conditions(what.name_filter), *more):
            listed = self._cloud.pages(
                "ec2", what.operation, what.key, Filters=[condition], **what.parameters()
            )
            for each in listed:
                if each[what.id_key] not in seen:
                    seen.add(each[what.id_key])
                    yield each

    def _conditions(self, name_filter: str) -> tuple[Filter, Filter]:
        return (self._scope.job_filter, {"Name": name_filter, "Values": [f"{self._scope.name_prefix}*"]})

    def _judge(self, thing: Thing, name_key: str | None) -> Attribution | None:
        held = read_tags(thing.get("Tags"))
        name = str(thing.get(name_key, "")) if name_key else held.get("Name", "")
        return self._scope.judge(name, held)

    def _volume_relation(self, volume: Thing, related: Relations) -> Attribution | None:
        """A volume that is known, or that should have ended with its instance; others are a person's own."""
        attachments = volume.get("Attachments") or ()
        ending = [related.instances.get(each["InstanceId"]) for each in attachments if _ends_too(each)]
        return self._first_relation([related.volumes.get(volume["VolumeId"]), *ending])

    def _first_relation(self, jobs: Iterable[str | None]) -> Attribution | None:
        job = next((each for each in jobs if each is not None), None)
        return None if job is None else self._scope.related(job)

    def _of(self, what: _List, thing: Thing, whose: Attribution, **more: Any) -> CloudResource:
        created = thing.get(what.created_key) if what.created_key else None
        name = str(thing.get(what.name_key, "")) if what.name_key else ""
        cost = 0.0 if what.kind in _FREE else None
        return self._found(
            what.kind,
            thing[what.id_key],
            thing,
            whose,
            **{"created_at": created, "cost_hour": cost, **more},
            name=name,
        )

    def _found(
        self,
        kind: str,
        identity: str,
        thing: Thing,
        whose: Attribution,
        *,
        created_at: datetime | None,
        cost_hour: float | None,
        parent: str = "",
        part: bool = False,
        name: str = "",
    ) -> CloudResource:
        held = read_tags(thing.get("Tags"))
        one = whose.found(
            kind,
            identity,
            remove_ec2(kind, self._cloud.region, name if kind == found.KEY_PAIR else identity),
            held,
            name=name or held.get("Name", ""),
            created_at=created_at,
            cost_hour=cost_hour,
        )
        return replace(one, parent=parent, part=part)


def _in_filters(name: str, ids: Iterable[str]) -> tuple[Filter, ...]:
    values = sorted(ids)
    return tuple(
        {"Name": name, "Values": values[start : start + _VALUES_A_FILTER]}
        for start in range(0, len(values), _VALUES_A_FILTER)
    )


def _ends_too(attachment: Thing) -> bool:
    return bool(attachment.get("DeleteOnTermination"))


def _launcher(instance: Thing, groups: Mapping[str, str]) -> str:
    """The spot request that launched a machine, else the security group it is in."""
    inside = [each["GroupId"] for each in instance.get("SecurityGroups") or ()]
    return _first_of(inside, groups) or str(instance.get("SpotInstanceRequestId") or "")


def _attached_to(volume: Thing) -> str:
    return next((str(each["InstanceId"]) for each in volume.get("Attachments") or ()), "")


def _first_of(ids: Iterable[str], known: Mapping[str, str]) -> str:
    return next((each for each in ids if each in known), "")
