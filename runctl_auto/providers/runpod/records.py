"""The kinds of resources that runctl can leave in RunPod's account, and how each is found and deleted.

Pods and templates carry their tags among their variables; network volumes and secrets have a name only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.ownership import PREFIX, Scope
from runctl_auto.providers.contract import PriceOf
from runctl_auto.providers.resource import CloudResource, Unchecked
from runctl_auto.providers.runpod.access_users import KIND as ACCESS_USER
from runctl_auto.providers.runpod.access_users import TYPES as USER_TYPES
from runctl_auto.providers.runpod.access_users import find_users, remove_user
from runctl_auto.providers.runpod.client import RunpodClient
from runctl_auto.providers.runpod.creation import (
    NETWORK_VOLUMES,
    PODS,
    SECRETS,
    TEMPLATES,
    Collection,
    Item,
    has_ended,
)
from runctl_auto.providers.runpod.machine_types import name_of
from runctl_auto.providers.runpod.pod_tags import tags_of
from runctl_auto.providers.runpod.pods import end_pod, moment
from runctl_auto.stack.pod_prices import network_volume_gb_month
from runctl_auto.stack.prices import HOURS_OF_A_MONTH

POD, NETWORK_VOLUME, TEMPLATE, SECRET = "pod", "network volume", "pod template", "pod secret"


@dataclass(frozen=True)
class Sides:
    """The clients of both sides."""

    runpod: RunpodClient
    aws: Cloud


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """The fields of ``providers.resource_kind.ResourceKind``, which describes them."""

    name: str
    types: tuple[str, ...]
    is_machine: bool = False
    has_creation_time: bool = False
    removed_after: tuple[str, ...] = ()
    is_listed: bool = True
    launches_machines: bool = False
    made_by_stacks: bool = True
    id_in_state_is_name: bool = False
    parents: tuple[str, ...] = ()
    managed_with: tuple[str, ...] = ()
    separate_if_named_as_parent: bool = False
    needs_running_machine: bool = False


@dataclass(frozen=True, kw_only=True)
class RunpodKind(_Kind):
    """A kind of RunPod's account. ``command`` of RunPod's program deletes one."""

    collection: Collection
    command: str

    def remove(self, cloud: Sides, resource: CloudResource, account: str) -> None:  # noqa: ARG002
        if self.is_machine:
            end_pod(cloud.runpod, resource.id)
            return
        try:
            cloud.runpod.delete(self.collection.item(resource.id))
        except NotFoundError:
            return

    def find(self, cloud: Sides, scope: Scope, price_of: PriceOf) -> Iterator[CloudResource]:
        """All that may be runctl's. The list covers all regions: a name has the digest of one. Raises
        ``CloudError``."""
        for item in self.collection.all(cloud.runpod):
            name, held = str(item.get("name", "")), tags_of(item)
            if has_ended(item) or not (held or name.startswith(PREFIX)):
                continue
            whose = scope.attribute(name, held, regional=False)
            if whose is not None:
                yield whose.resource(
                    self.name,
                    str(item["id"]),
                    f"{self.command} {item['id']}",
                    held,
                    name=name,
                    created_at=moment(item.get("createdAt")),
                    cost_hour=self._cost(item, whose.job, price_of),
                    parent="",
                    part=False,
                )

    def _cost(self, item: Item, job: str, price_of: PriceOf) -> float | None:
        if self.is_machine:
            compute = item.get("gpu") or item.get("cpu") or {}
            kind = name_of(compute) if isinstance(compute, dict) else None
            known = price_of(job, kind) if kind else None
            told = item.get("cost")
            return float(told) if isinstance(told, int | float) and told and known is None else known
        if self.name == NETWORK_VOLUME:
            return volume_cost_hour(int(str(item.get("size", 0))))
        return 0.0


@dataclass(frozen=True, kw_only=True)
class AccessUserKind(_Kind):
    """IAM users of jobs, with their keys."""

    def remove(self, cloud: Sides, resource: CloudResource, account: str) -> None:  # noqa: ARG002
        remove_user(cloud.aws, resource.id)

    def find(self, cloud: Sides, scope: Scope, price_of: PriceOf) -> Iterator[CloudResource]:  # noqa: ARG002
        """All that may be runctl's. Raises ``CloudError``."""
        return find_users(cloud.aws, scope)


def volume_cost_hour(size_gb: int) -> float:
    """USD an hour of a network volume."""
    return size_gb * network_volume_gb_month(size_gb) / HOURS_OF_A_MONTH


RECORDS: tuple[RunpodKind | AccessUserKind, ...] = (
    RunpodKind(
        name=POD,
        collection=PODS,
        types=("runctl-runpod:index:Pod",),
        command="runpodctl pod delete",
        is_machine=True,
        has_creation_time=True,
    ),
    RunpodKind(
        name=NETWORK_VOLUME,
        collection=NETWORK_VOLUMES,
        types=("runctl-runpod:index:NetworkVolume",),
        command="runpodctl network-volume delete",
        removed_after=(POD,),
    ),
    RunpodKind(
        name=TEMPLATE,
        collection=TEMPLATES,
        types=("runctl-runpod:index:Template",),
        command="runpodctl template delete",
        removed_after=(POD,),
    ),
    RunpodKind(
        name=SECRET,
        collection=SECRETS,
        types=("runctl-runpod:index:Secret",),
        command="runpodctl secret delete",
        removed_after=(POD,),
    ),
    AccessUserKind(name=ACCESS_USER, types=USER_TYPES, has_creation_time=True, removed_after=(POD,)),
)


def find_all(
    cloud: Sides, scope: Scope, price_of: PriceOf
) -> tuple[tuple[CloudResource, ...], tuple[Unchecked, ...]]:
    """All resources in ``scope``, and the kinds that could not be listed. Blocks."""
    found: list[CloudResource] = []
    unchecked: list[Unchecked] = []
    for kind in RECORDS:
        try:
            found += kind.find(cloud, scope, price_of)
        except CloudError as error:
            unchecked.append(Unchecked(kind.name, str(error)))
    return tuple(found), tuple(unchecked)
