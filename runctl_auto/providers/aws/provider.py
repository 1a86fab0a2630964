"""AWS as a provider: one region of one account, behind the provider contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from components.naming import Names
from runctl_auto.errors import CredentialsError, RunctlError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.actual_costs import actual_costs
from runctl_auto.providers.aws.bucket import JobBucket
from runctl_auto.providers.aws.machine_groups import end_group, find_groups, last_launches
from runctl_auto.providers.aws.machine_speed import machine_speed
from runctl_auto.providers.aws.machines import console_output, find_machine, find_machines, tagged_machines
from runctl_auto.providers.aws.prices import region_prices
from runctl_auto.providers.aws.statuses import RunPlace, read_statuses
from runctl_auto.providers.aws.volume_filling import volume_fillings
from runctl_auto.providers.aws.volumes import volume_uses, zone_of_volumes
from runctl_auto.providers.contract import (
    Account,
    CallerIdentity,
    Launch,
    Machine,
    MachineGroup,
    Offers,
    OwnVolumes,
    PriceOf,
    Quota,
    RunKey,
    TaggedMachine,
    VolumeUse,
)
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.providers.objects import ObjectData
from runctl_auto.providers.registries.resolved import Login, ResolvedImage
from runctl_auto.providers.resource import Blocker, CloudResource, Survey
from runctl_auto.providers.resource_kind import AnyKinds
from runctl_auto.providers.volume_filling import VolumeFilling
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement
from runctl_auto.stack.prices import RegionPrices
from runctl_auto.stack.state import ResourceState, StackState

if TYPE_CHECKING:
    from runctl_auto.providers.aws.reach import SsmReach
    from runctl_auto.providers.aws.records.scanner import AwsScanner
    from runctl_auto.providers.aws.storage import EbsStorage


class AwsProvider:
    """Implements ``providers.contract.Provider``, which describes the methods.

    What only some commands need is imported where it is used: `ls` is started often.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    @property
    def region(self) -> str:
        return self._cloud.region

    def account(self) -> Account:
        from runctl_auto.providers.aws.offers import find_account

        return find_account(self._cloud)

    def caller(self) -> CallerIdentity:
        answer = self._cloud.call("sts", "get_caller_identity")
        told = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
        return CallerIdentity(
            str(answer["Account"]), str(answer["Arn"]), parsedate_to_datetime(told) if told else None
        )

    def zones(self) -> tuple[str, ...]:
        found = self._cloud.call("ec2", "describe_availability_zones")["AvailabilityZones"]
        return tuple(str(each["ZoneName"]) for each in found)

    def quotas(self) -> tuple[Quota, ...]:
        from runctl_auto.providers.aws.quotas import machine_quotas

        return tuple(machine_quotas(self._cloud))

    def machine(self, identity: str) -> Machine:
        return find_machine(self._cloud, identity)

    def machines(self, identities: Sequence[str]) -> Mapping[str, Machine]:
        return find_machines(self._cloud, identities)

    def running(self, machines: Sequence[str]) -> frozenset[str]:
        found = find_machines(self._cloud, machines)
        return frozenset(each.id for each in found.values() if not each.has_ended)

    def console(self, identity: str) -> str:
        return console_output(self._cloud, identity)

    def terminate(self, machines: Sequence[str]) -> None:
        self._cloud.call("ec2", "terminate_instances", InstanceIds=list(machines))

    def groups(self, names: Sequence[str]) -> Mapping[str, MachineGroup]:
        return find_groups(self._cloud, names)

    def launches(self, group: str) -> tuple[Launch, ...]:
        return last_launches(self._cloud, group)

    def end_group(self, group: str) -> None:
        end_group(self._cloud, group)

    def tagged_machines(self) -> Iterator[TaggedMachine]:
        return tagged_machines(self._cloud)

    def results(self, job: str, account: str) -> JobBucket:
        return JobBucket(self._cloud, self._names(account, job).bucket(), account)

    def bucket(self, name: str, owner: str | None = None) -> ObjectData:
        from runctl_auto.providers.aws.object_data.access import open_bucket

        return open_bucket(self._cloud, name, owner)

    def statuses(self, runs: Sequence[RunKey]) -> list[RunStatus | RunctlError | None]:
        places = [
            RunPlace(self.region, self._names(each.account, each.job).bucket(), each.account, each.run)
            for each in runs
        ]
        return read_statuses(places, lambda _region: self._cloud)

    def container_image(self, image: ImageReference, login: Login | None) -> ResolvedImage:
        from runctl_auto.providers.aws.container_images import resolve_image

        return resolve_image(self._cloud, image, login)

    def offers(
        self,
        spec: JobSpec,
        account: Account,
        *,
        zone: str | None = None,
        known: RegionPrices | None = None,
    ) -> Offers:
        from runctl_auto.providers.aws.offers import find_offers

        if spec.clouds != ("aws",):
            raise CredentialsError(
                f"Job '{spec.name}' may be on RunPod, and there is no API key for it.",
                where={"job": spec.name, "provider": "runpod"},
                next_step="Set RUNPOD_API_KEY to a key of your RunPod account, or use --sandbox.",
            )
        return find_offers(spec, self._cloud, account, zone=zone, known=known)

    def region_prices(self, date: str) -> RegionPrices:
        return region_prices(self._cloud, date)

    def actual_costs(self, since: date, until: date, owners: Mapping[str, str]) -> Mapping[str, float]:  # noqa: ARG002
        return actual_costs(self._cloud, since, until)

    def machine_fits(self, placement: Placement, spec: JobSpec, previous: JobSpec) -> bool:
        from runctl_auto.providers.aws.offers import machine_fits

        return machine_fits(placement, spec, previous, self._cloud)

    def machine_speed(self, instance_type: str) -> MachineSpeed:
        return machine_speed(self._cloud, instance_type)

    def zone_of_volumes(self, spec: JobSpec, account: Account, own: OwnVolumes) -> str | None:
        return zone_of_volumes(spec, self._cloud, self._names(account.id, spec.name), own)

    def data_notes(self, spec: JobSpec, placement: Placement) -> tuple[str, ...]:
        from runctl_auto.providers.aws.data_sources import look_at_data

        return look_at_data(spec, self._cloud, placement)

    def volumes(self, identities: Sequence[str]) -> Mapping[str, VolumeUse]:
        return volume_uses(self._cloud, identities)

    def volume_fillings(self, identities: Sequence[str]) -> Mapping[str, VolumeFilling]:
        return volume_fillings(self._cloud, identities)

    @property
    def storage(self) -> EbsStorage:
        from runctl_auto.providers.aws.storage import EbsStorage

        return EbsStorage(self._cloud)

    @property
    def reach(self) -> SsmReach:
        from runctl_auto.providers.aws.reach import SsmReach

        return SsmReach(self._cloud)

    @property
    def kinds(self) -> AnyKinds:
        from runctl_auto.providers.aws.records.catalogue import KINDS

        return KINDS

    def scanner(
        self, job: str, account: str, owner: str, *, backend: str, price_hour: float | None = None
    ) -> AwsScanner:
        from runctl_auto.providers.aws.records.scanner import AwsScanner

        return AwsScanner(self._cloud, job, account, owner, backend=backend, price_hour=price_hour)

    def survey_account(self, account: str, jobs: Sequence[str], price_of: PriceOf) -> Survey:
        from runctl_auto.providers.aws.records.ownership import Scope
        from runctl_auto.providers.aws.records.survey import survey_region
        from runctl_auto.providers.aws.regions import known_regions

        scope = Scope(self._names(account, ""), jobs=tuple(jobs), regions=known_regions)
        return survey_region(self._cloud, scope, price_of=price_of)

    def blockers(
        self, resource: ResourceState, state: StackState, account: str, *, refused: bool = False
    ) -> tuple[Blocker, ...]:
        from runctl_auto.providers.aws.blockers import blockers_of

        return blockers_of(self._cloud, resource, state, account, refused=refused)

    def tags_before_removal(self, resource: CloudResource, account: str) -> Mapping[str, str]:
        from runctl_auto.providers.aws.records.catalogue import KINDS

        kind = KINDS[resource.kind]
        if kind.own_tags is None or not kind.asked_before_removal:
            return {}
        return kind.own_tags(self._cloud, resource.id, account)

    def remove(self, resource: CloudResource, account: str) -> None:
        from runctl_auto.providers.aws.records.catalogue import KINDS

        KINDS[resource.kind].remove(self._cloud, resource, account)

    def _names(self, account: str, job: str) -> Names:
        return Names(account=account, region=self.region, project=PROJECT_NAME, job=job)
