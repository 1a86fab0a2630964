"""AWS and RunPod as one provider: a call goes to whom its job, machine, volume or place belongs.

A job of RunPod has resources on both sides; whatever looks for what a job left looks on both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from runctl_auto.errors import CloudError, JobFileError
from runctl_auto.job_file.one_provider import cloud_of_zone, seen_by
from runctl_auto.job_file.spec import CloudName, JobSpec
from runctl_auto.providers.contract import (
    Account,
    Launch,
    Machine,
    MachineGroup,
    Offers,
    OwnVolumes,
    Quota,
    TaggedMachine,
    VolumeUse,
)
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.providers.reach import Reach
from runctl_auto.providers.runpod.machine_types import count_of
from runctl_auto.providers.runpod.provider import RunpodProvider
from runctl_auto.providers.storage import Storage
from runctl_auto.providers.volume_filling import VolumeFilling
from runctl_auto.stack.config import Placement
from runctl_auto.stack.place_text import TITLES
from runctl_auto.stack.prices import RegionPrices

_MACHINES_OF_AWS, _VOLUMES_OF_AWS = "i-", "vol-"


class Clouds(RunpodProvider):
    """What is not about a pod is answered by ``aws``."""

    def zones(self) -> tuple[str, ...]:
        return self._aws.zones()

    def quotas(self) -> tuple[Quota, ...]:
        return self._aws.quotas()

    def machine(self, identity: str) -> Machine:
        if identity.startswith(_MACHINES_OF_AWS):
            return self._aws.machine(identity)
        return super().machine(identity)

    def machines(self, identities: Sequence[str]) -> Mapping[str, Machine]:
        there = [each for each in identities if each.startswith(_MACHINES_OF_AWS)]
        here = [each for each in identities if each not in there]
        found = dict(self._aws.machines(there)) if there else {}
        return {**found, **super().machines(here)}

    def running(self, machines: Sequence[str]) -> frozenset[str]:
        return frozenset(each.id for each in self.machines(machines).values() if not each.has_ended)

    def console(self, identity: str) -> str:
        if identity.startswith(_MACHINES_OF_AWS):
            return self._aws.console(identity)
        return super().console(identity)

    def terminate(self, machines: Sequence[str]) -> None:
        there = [each for each in machines if each.startswith(_MACHINES_OF_AWS)]
        if there:
            self._aws.terminate(there)
        super().terminate([each for each in machines if each not in there])

    def groups(self, names: Sequence[str]) -> Mapping[str, MachineGroup]:
        return self._aws.groups(names)

    def launches(self, group: str) -> tuple[Launch, ...]:
        return tuple(self._aws.launches(group))

    def end_group(self, group: str) -> None:
        self._aws.end_group(group)

    def tagged_machines(self) -> Iterator[TaggedMachine]:
        yield from self._aws.tagged_machines()
        yield from super().tagged_machines()

    def offers(
        self,
        spec: JobSpec,
        account: Account,
        *,
        zone: str | None = None,
        known: RegionPrices | None = None,
    ) -> Offers:
        asked = [each for each in spec.clouds if zone is None or cloud_of_zone(zone) == each]
        if len(asked) == 1:
            return self._offers_of(asked[0], spec, account, zone, known)
        found: list[Offers] = []
        refused: list[tuple[CloudName, CloudError | JobFileError]] = []
        for each in asked:
            try:
                found.append(self._offers_of(each, spec, account, zone, known))
            except (CloudError, JobFileError) as error:
                refused.append((each, error))
        if refused and not found:
            raise refused[0][1]
        return Offers(
            tuple(offer for each in found for offer in each.offers),
            (
                *(f"nothing of {TITLES[whose]}: {error.what}" for whose, error in refused),
                *(note for each in found for note in each.notes),
            ),
            tuple(subnet for each in found for subnet in each.unusable),
        )

    def _offers_of(
        self,
        whose: CloudName,
        spec: JobSpec,
        account: Account,
        zone: str | None,
        known: RegionPrices | None,
    ) -> Offers:
        seen = seen_by(spec, whose)
        if whose == "runpod":
            return super().offers(seen, account, zone=zone, known=known)
        return self._aws.offers(seen, account, zone=zone, known=known)

    def region_prices(self, date: str) -> RegionPrices:
        return self._aws.region_prices(date)

    def actual_costs(self, since: date, until: date, owners: Mapping[str, str]) -> Mapping[str, float]:
        """The bills of both."""
        there = self._aws.actual_costs(since, until, owners)
        here = super().actual_costs(since, until, owners)
        return {job: there.get(job, 0.0) + here.get(job, 0.0) for job in {**there, **here}}

    def machine_fits(self, placement: Placement, spec: JobSpec, previous: JobSpec) -> bool:
        if placement.provider == "runpod":
            return super().machine_fits(placement, spec, previous)
        return self._aws.machine_fits(placement, spec, previous)

    def machine_speed(self, instance_type: str) -> MachineSpeed:
        if count_of(instance_type) is not None:
            return super().machine_speed(instance_type)
        return self._aws.machine_speed(instance_type)

    def zone_of_volumes(self, spec: JobSpec, account: Account, own: OwnVolumes) -> str | None:
        """The zone of the volumes that the job has, or uses by their ids; a job of several providers without
        any may go to each of them."""
        tied = spec.clouds if own.zone is None else (cloud_of_zone(own.zone),)
        for each in tied:
            seen = seen_by(spec, each)
            by_aws = each == "aws" or any(_is_of_aws(volume.id) for volume in spec.volumes)
            asked = self._aws.zone_of_volumes if by_aws else super().zone_of_volumes
            zone = asked(seen, account, own)
            if zone is not None:
                return zone
        return None

    def data_notes(self, spec: JobSpec, placement: Placement) -> tuple[str, ...]:
        if placement.provider == "runpod":
            return super().data_notes(spec, placement)
        return self._aws.data_notes(spec, placement)

    def volumes(self, identities: Sequence[str]) -> Mapping[str, VolumeUse]:
        there = [each for each in identities if each.startswith(_VOLUMES_OF_AWS)]
        found = dict(self._aws.volumes(there)) if there else {}
        return {**found, **super().volumes([each for each in identities if each not in there])}

    def volume_fillings(self, identities: Sequence[str]) -> Mapping[str, VolumeFilling]:
        return self._aws.volume_fillings(identities)

    @property
    def storage(self) -> Storage:
        return self._aws.storage

    @property
    def reach(self) -> Reach:
        return self._aws.reach


def _is_of_aws(volume: str | None) -> bool:
    return volume is not None and volume.startswith(_VOLUMES_OF_AWS)
