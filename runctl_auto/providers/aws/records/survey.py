"""One look at everything in a region of an account that may be runctl's, service by service."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from components import tags
from runctl_auto.errors import CloudError
from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.buckets import StorageLists
from runctl_auto.providers.aws.records.instances import (
    NOTHING_RELATED,
    MachineLists,
    PriceOf,
    Relations,
    unknown_price,
)
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.aws.records.parameters import RecordLists
from runctl_auto.providers.aws.records.roles import PermissionLists
from runctl_auto.providers.aws.records.schedules import TimerLists
from runctl_auto.providers.resource import CloudResource, Survey, Unchecked, read_tags

PAGE = 100

Progress = Callable[[str], None]


def look_around(
    cloud: Cloud,
    scope: Scope,
    *,
    related: Relations = NOTHING_RELATED,
    price_of: PriceOf = unknown_price,
    progress: Progress = lambda _kind: None,
) -> Survey:
    """Everything in ``scope`` that exists, of all kinds, none of it called somebody's else.

    List calls only, in pages; blocks for as long as they take. What is listed is late by seconds, as the
    services are. A kind that cannot be looked for, denied for example, is told and not passed over.
    """
    return _Look(cloud, scope, price_of, progress).survey(related)


class _Look:
    def __init__(self, cloud: Cloud, scope: Scope, price_of: PriceOf, progress: Progress) -> None:
        self._cloud = cloud
        self._scope = scope
        self._price_of = price_of
        self._progress = progress
        self._unchecked: list[Unchecked] = []

    def survey(self, related: Relations) -> Survey:
        machines = MachineLists(self._cloud, self._scope, self._price_of)
        instances = self._list(found.INSTANCE, machines.instances)
        groups = self._list(found.SECURITY_GROUP, machines.security_groups)
        relations = related.with_found((*instances, *groups))
        requests = self._list(found.SPOT_REQUEST, lambda: machines.spot_requests(relations))
        launched = self._list(found.INSTANCE, lambda: machines.instances_of(relations, requests))
        relations = relations.with_found(launched)
        volumes = self._list(found.VOLUME, lambda: machines.volumes(relations))
        relations = relations.with_found(volumes)
        everything = [
            *instances,
            *launched,
            *self._list(found.INTERFACE, lambda: machines.interfaces(relations)),
            *requests,
            *volumes,
            *self._list(found.SNAPSHOT, lambda: machines.snapshots(relations)),
            *groups,
            *self._list(found.LAUNCH_TEMPLATE, machines.launch_templates),
            *self._list(found.KEY_PAIR, machines.key_pairs),
            *self._stored(),
            *self._permissions(),
        ]
        owned = _with_owners(everything)
        return Survey(tuple(_without_parts(owned)), (), tuple(self._unchecked))

    def _stored(self) -> Iterator[CloudResource]:
        known = self._known_tags()
        storage = StorageLists(self._cloud, self._scope, self._scope.names.account, known["s3"])
        records = RecordLists(self._cloud, self._scope, known["ssm"], known["logs"])
        buckets = self._list(found.BUCKET, storage.buckets)
        yield from self._list(found.UPLOAD, lambda: storage.uploads(buckets))
        yield from buckets
        yield from self._list(found.PARAMETER, records.parameters)
        yield from self._list(found.LOG_GROUP, records.log_groups)
        timers = TimerLists(self._cloud, self._scope, known["scheduler"])
        groups = self._list(found.SCHEDULE_GROUP, timers.groups)
        yield from self._list(found.SCHEDULE, lambda: timers.schedules(groups))
        yield from groups

    def _permissions(self) -> Iterator[CloudResource]:
        permissions = PermissionLists(self._cloud, self._scope)
        roles = self._list(found.ROLE, permissions.roles)
        by_name = {each.id: each for each in roles}
        yield from self._list(found.PROFILE, lambda: permissions.profiles(by_name))
        yield from roles

    def _known_tags(self) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
        """Names and tags by service, as the tagging list knows them: late, and of gone things too."""
        known: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        wanted: dict[str, object] = {"Key": tags.JOB}
        if self._scope.job is not None:
            wanted["Values"] = [self._scope.job]
        try:
            listed = self._cloud.pages(
                "resourcegroupstaggingapi",
                "get_resources",
                "ResourceTagMappingList",
                TagFilters=[wanted],
                ResourceTypeFilters=["s3", "ssm:parameter", "logs:log-group", "scheduler:schedule-group"],
                ResourcesPerPage=PAGE,
            )
            for each in listed:
                _, _, service, _, _, path = each["ResourceARN"].split(":", 5)
                known[service][_name_in(path)] = read_tags(each["Tags"])
        except CloudError as error:
            self._unchecked.append(
                Unchecked("buckets, parameters, log groups and schedule groups by tag", str(error))
            )
        return known

    def _list(self, kind: str, look: Callable[[], Iterable[CloudResource]]) -> tuple[CloudResource, ...]:
        self._progress(kind)
        try:
            return tuple(look())
        except CloudError as error:
            self._unchecked.append(Unchecked(kind, str(error)))
            return ()


def _with_owners(things: Sequence[CloudResource]) -> list[CloudResource]:
    """What says of nobody that it is theirs belongs to whom that belongs on which it hangs."""
    by_key = {each.key: each for each in things}

    def owned(thing: CloudResource) -> CloudResource:
        above, seen = thing, {thing.key}
        while not (above.owner or above.backend):
            parent = next((by_key[key] for key in above.keys_above if key in by_key), None)
            if parent is None or parent.key in seen:
                return thing
            seen.add(parent.key)
            above = parent
        return replace(thing, owner=above.owner, backend=above.backend)

    return [owned(each) for each in things]


def _without_parts(things: Sequence[CloudResource]) -> Iterator[CloudResource]:
    """Leaves out what ends with something else that was found, and cannot be removed before it."""
    wholes = {each.id for each in things if each.kind == found.INSTANCE}
    return (each for each in things if not (each.part and each.parent in wholes))


def _name_in(path: str) -> str:
    """The name at the end of an ARN: ``bucket``, ``parameter/runctl/x``, ``log-group:/runctl/x`` and such."""
    for begin in ("parameter", "log-group:", "schedule-group/"):
        if path.startswith(begin):
            name = path.removeprefix(begin)
            return name.removesuffix(":*")
    return path


def set_apart(survey: Survey, is_foreign: Callable[[CloudResource], bool]) -> Survey:
    """The survey with what ``is_foreign`` says is somebody's else apart."""
    return replace(
        survey,
        found=tuple(each for each in survey.found if not is_foreign(each)),
        foreign=(*survey.foreign, *(each for each in survey.found if is_foreign(each))),
    )
