"""RunPod as a provider: pods of its account, results in a region of AWS, behind the provider contract."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timezone

from components import tags
from components.naming import Names
from runctl_auto.errors import JobFileError, NotFoundError, NotSupportedError, RunctlError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.aws.regions import known_regions
from runctl_auto.providers.contract import (
    Account,
    CallerIdentity,
    Launch,
    Machine,
    MachineGroup,
    Offers,
    OwnVolumes,
    PriceOf,
    Provider,
    Quota,
    Results,
    RunKey,
    TaggedMachine,
    VolumeUse,
)
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.providers.objects import ObjectData
from runctl_auto.providers.reach import Reach
from runctl_auto.providers.registries.resolved import Login, ResolvedImage
from runctl_auto.providers.resource import Blocker, CloudResource, Survey
from runctl_auto.providers.resource_kind import AnyKinds, Kinds
from runctl_auto.providers.runpod.bills import billed
from runctl_auto.providers.runpod.client import Query, RunpodClient
from runctl_auto.providers.runpod.creation import NETWORK_VOLUMES, PODS, Item, has_ended
from runctl_auto.providers.runpod.machine_types import cpu_types, gpu_types
from runctl_auto.providers.runpod.offers import data_centres, find_offers, find_type, still_satisfies
from runctl_auto.providers.runpod.pod_tags import tags_of
from runctl_auto.providers.runpod.pods import as_machine, end_pod, find_pod, moment
from runctl_auto.providers.runpod.records import RECORDS, Sides, find_all
from runctl_auto.providers.runpod.scanner import RunpodScanner
from runctl_auto.providers.storage import Storage
from runctl_auto.providers.volume_filling import VolumeFilling
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement
from runctl_auto.stack.prices import PriceSource, RegionPrices
from runctl_auto.stack.state import ResourceState, StackState

_CONSOLE_LINES = 200
_GIB = 1 << 30


class RunpodProvider:
    """Implements ``providers.contract.Provider``, which describes the methods. ``aws`` is the region that
    holds buckets and the access to them, reached by ``cloud``."""

    def __init__(self, aws: Provider, cloud: Cloud, client: RunpodClient) -> None:
        self._aws, self._client = aws, client
        self._sides = Sides(client, cloud)
        self._kinds: AnyKinds = Kinds([*RECORDS, *aws.kinds])
        self._own = {each.name: each for each in RECORDS}

    @property
    def region(self) -> str:
        """That of the results."""
        return self._aws.region

    def account(self) -> Account:
        """That of the results."""
        return self._aws.account()

    def caller(self) -> CallerIdentity:
        return self._aws.caller()

    def zones(self) -> tuple[str, ...]:
        """The data centres."""
        return data_centres(self._client)

    def quotas(self) -> tuple[Quota, ...]:
        """None: the API tells of no quotas."""
        return ()

    def machine(self, identity: str) -> Machine:
        return as_machine(identity, find_pod(self._client, identity))

    def machines(self, identities: Sequence[str]) -> Mapping[str, Machine]:
        if not identities:
            return {}
        pods = {str(each["id"]): each for each in PODS.all(self._client)}
        return {each: as_machine(each, pods.get(each)) for each in identities}

    def running(self, machines: Sequence[str]) -> frozenset[str]:
        return frozenset(each.id for each in self.machines(machines).values() if not each.has_ended)

    def console(self, identity: str) -> str:
        """The last lines of the container; empty once the pod is gone, whose log goes with it."""
        query: Query = {"source": "container", "tail": _CONSOLE_LINES}
        try:
            text = self._client.events(f"{PODS.item(identity)}/logs", query)
        except NotFoundError:
            return ""
        return "\n".join(_lines(text))

    def terminate(self, machines: Sequence[str]) -> None:
        for each in machines:
            end_pod(self._client, each)

    def groups(self, names: Sequence[str]) -> Mapping[str, MachineGroup]:  # noqa: ARG002
        """None: RunPod has no groups that replace a lost machine."""
        return {}

    def launches(self, group: str) -> tuple[Launch, ...]:  # noqa: ARG002
        return ()

    def end_group(self, group: str) -> None:
        """Nothing: there are no groups."""

    def tagged_machines(self) -> Iterator[TaggedMachine]:
        for each in PODS.all(self._client):
            held = tags_of(each)
            created = moment(each.get("createdAt"))
            if held.get(tags.CREATED_BY) == tags.CREATOR and not has_ended(each):
                yield TaggedMachine(str(each["id"]), created or datetime.now(timezone.utc), held)

    def results(self, job: str, account: str) -> Results:
        return self._aws.results(job, account)

    def statuses(self, runs: Sequence[RunKey]) -> list[RunStatus | RunctlError | None]:
        return self._aws.statuses(runs)

    def bucket(self, name: str, owner: str | None = None) -> ObjectData:
        return self._aws.bucket(name, owner)

    def container_image(self, image: ImageReference, login: Login | None) -> ResolvedImage:
        return self._aws.container_image(image, login)

    def offers(
        self,
        spec: JobSpec,
        account: Account,
        *,
        zone: str | None = None,
        known: RegionPrices | None = None,  # noqa: ARG002
    ) -> Offers:
        return find_offers(spec, self._client, account, zone=zone)

    def region_prices(self, date: str) -> RegionPrices:
        gpus = gpu_types(self._client.read("/v2/catalog/gpus")["gpus"], range(1, 9))
        cpus = cpu_types(self._client.read("/v2/catalog/cpus")["cpus"])
        prices = {each.name: each.price for each in (*gpus, *cpus) if each.price is not None}
        return RegionPrices(self.region, PriceSource(name="catalogue", date=date), prices)

    def actual_costs(self, since: date, until: date, owners: Mapping[str, str]) -> Mapping[str, float]:
        return billed(self._client, since, until, owners)

    def machine_fits(self, placement: Placement, spec: JobSpec, previous: JobSpec) -> bool:
        asked, before = spec.resources, previous.resources
        same = (asked.gpu, asked.cpu, asked.memory) == (before.gpu, before.cpu, before.memory)
        if same or not (asked.gpu or asked.cpu or asked.memory):
            return True
        return still_satisfies(self._client, placement.instance_type, asked, spec.runpod.cloud)

    def machine_speed(self, instance_type: str) -> MachineSpeed:
        """The API states neither network nor disk."""
        found = find_type(self._client, instance_type)
        if found is None:
            raise JobFileError(
                f"RunPod has no machine type {instance_type}.", where={"field": "resources.instance_types"}
            )
        cpus = found.count if found.cpu else 0
        return MachineSpeed(instance_type=instance_type, cpus=cpus, memory=int(found.memory_gb * _GIB))

    def zone_of_volumes(self, spec: JobSpec, account: Account, own: OwnVolumes) -> str | None:  # noqa: ARG002
        """The data centre of the job's network volumes."""
        if own.volumes and own.zone is not None:
            return own.zone
        wanted = [each.id for each in spec.volumes if each.id is not None]
        listed = {str(each["id"]): each for each in NETWORK_VOLUMES.all(self._client)} if wanted else {}
        places = {str(listed[each]["dataCenter"]) for each in wanted if each in listed}
        missing = [each for each in wanted if each not in listed]
        if missing or len(places) > 1:
            told = f"does not have {', '.join(missing)}" if missing else "has them in different data centres"
            raise JobFileError(
                f"The job's network volumes cannot be used together: RunPod {told}.",
                where={"field": "volumes", "job": spec.name},
            )
        return next(iter(places), None)

    def data_notes(self, spec: JobSpec, placement: Placement) -> tuple[str, ...]:
        notes = self._aws.data_notes(spec, placement) if spec.data else ()
        leaving = ("data leave AWS on their way to a pod: AWS bills the transfer",) if spec.data else ()
        return (*notes, *leaving)

    def volumes(self, identities: Sequence[str]) -> Mapping[str, VolumeUse]:
        if not identities:
            return {}
        pods = PODS.all(self._client)
        found = {}
        for each in NETWORK_VOLUMES.all(self._client):
            volume = str(each["id"])
            if volume in identities:
                users = tuple(str(pod["id"]) for pod in pods if volume in _mounted(pod))
                ending = " && ".join(f"runpodctl pod delete {user}" for user in users)
                found[volume] = VolumeUse(volume, users, f"{ending}  # ends the users of {volume}")
        return found

    def volume_fillings(self, identities: Sequence[str]) -> Mapping[str, VolumeFilling]:  # noqa: ARG002
        """None: network volumes are not made from snapshots."""
        return {}

    @property
    def storage(self) -> Storage:
        raise _not_there("snapshots, and no volumes that are attached to a pod that runs")

    @property
    def reach(self) -> Reach:
        raise _not_there("commands and sessions beside its own SSH")

    @property
    def kinds(self) -> AnyKinds:
        return self._kinds

    def scanner(
        self, job: str, account: str, owner: str, *, backend: str, price_hour: float | None = None
    ) -> RunpodScanner:
        aws = self._aws.scanner(job, account, owner, backend=backend, price_hour=price_hour)
        scope = Scope(self._names(account, job), job=job, regions=known_regions)
        return RunpodScanner(aws, self._sides, scope, self._kinds, owner, backend, price_hour)

    def survey_account(self, account: str, jobs: Sequence[str], price_of: PriceOf) -> Survey:
        there = self._aws.survey_account(account, jobs, price_of)
        scope = Scope(self._names(account, ""), jobs=tuple(jobs), regions=known_regions)
        found, unchecked = find_all(self._sides, scope, price_of)
        return Survey((*found, *there.found), there.foreign, (*there.unchecked, *unchecked))

    def blockers(
        self, resource: ResourceState, state: StackState, account: str, *, refused: bool = False
    ) -> tuple[Blocker, ...]:
        kind = self._kinds.of_type(resource.type)
        if kind is None or kind.name not in self._own:
            return self._aws.blockers(resource, state, account, refused=refused)
        return ()

    def tags_before_removal(self, resource: CloudResource, account: str) -> Mapping[str, str]:
        if resource.kind in self._own:
            return {}
        return self._aws.tags_before_removal(resource, account)

    def remove(self, resource: CloudResource, account: str) -> None:
        own = self._own.get(resource.kind)
        if own is None:
            self._aws.remove(resource, account)
        else:
            own.remove(self._sides, resource, account)

    def _names(self, account: str, job: str) -> Names:
        return Names(account=account, region=self.region, project=PROJECT_NAME, job=job)


def _mounted(pod: Item) -> set[str]:
    return {str(each["volumeId"]) for each in (pod.get("mounts") or {}).get("network") or ()}


def _lines(text: str) -> Iterator[str]:
    """The lines of a stream of log events."""
    for line in text.splitlines():
        if line.startswith("data:"):
            try:
                yield str(json.loads(line.removeprefix("data:")).get("line", ""))
            except (ValueError, AttributeError):
                continue


def _not_there(what: str) -> NotSupportedError:
    return NotSupportedError(f"RunPod's API has no {what}.", where={"provider": "runpod"})
