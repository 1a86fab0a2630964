"""This machine as a provider. Nothing is asked of anybody: what it tells is read from the jobs' folders."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from typing import NoReturn

from runctl_auto.agent.keys import status_key
from runctl_auto.agent.local.agent_record import HERE
from runctl_auto.agent.local.host import host_name
from runctl_auto.agent.local.job_folder import AgentProcess, JobFolder, read_json
from runctl_auto.agent.local.leftover import end_marked
from runctl_auto.errors import NotFoundError, NotSupportedError, RunctlError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.contract import (
    GONE,
    Account,
    CallerIdentity,
    Launch,
    Machine,
    MachineGroup,
    Offer,
    Offers,
    OwnVolumes,
    PriceOf,
    Quota,
    RunKey,
    TaggedMachine,
    VolumeUse,
)
from runctl_auto.providers.local.reach import LocalReach
from runctl_auto.providers.local.records import KINDS, LocalScanner, remove, survey_of
from runctl_auto.providers.local.results import FolderResults
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.providers.objects import ObjectData
from runctl_auto.providers.registries.client import registry_client
from runctl_auto.providers.registries.resolved import Login, ResolvedImage
from runctl_auto.providers.resource import Blocker, CloudResource, Survey
from runctl_auto.providers.resource_kind import AnyKinds
from runctl_auto.providers.storage import Storage
from runctl_auto.providers.volume_filling import VolumeFilling
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement
from runctl_auto.stack.prices import RegionPrices
from runctl_auto.stack.state import ResourceState, StackState

TYPE = HERE
_MOST_CONSOLE_BYTES = 64 * 1024


@dataclass(frozen=True)
class LocalProvider:
    """Implements ``providers.contract.Provider`` for the jobs below the folder ``jobs``. The machine of a job
    is its agent's process; ``end`` ends all processes of one."""

    jobs: Path
    end: Callable[[JobFolder], object] = end_marked

    @property
    def region(self) -> str:
        return HERE

    def account(self) -> Account:
        return Account(HERE, HERE)

    def caller(self) -> CallerIdentity:
        return CallerIdentity(HERE, getpass.getuser())

    def zones(self) -> tuple[str, ...]:
        return (host_name(),)

    def quotas(self) -> tuple[Quota, ...]:
        return ()

    def machine(self, identity: str) -> Machine:
        folder = self._folder_of(identity)
        process = None if folder is None else AgentProcess.of(folder)
        if folder is None or process is None:
            return Machine(identity, GONE)
        began = datetime.fromtimestamp(process.began_at, timezone.utc)
        if not folder.agent_lives():
            why, ended = "its process has ended", _last_word_of(folder)
            return Machine(identity, "terminated", host_name(), TYPE, why, began, ended)
        return Machine(identity, "running", host_name(), TYPE, None, began)

    def machines(self, identities: Sequence[str]) -> Mapping[str, Machine]:
        return {each: self.machine(each) for each in identities}

    def running(self, machines: Sequence[str]) -> frozenset[str]:
        return frozenset(each for each in machines if not self.machine(each).has_ended)

    def console(self, identity: str) -> str:
        folder = self._folder_of(identity)
        try:
            content = b"" if folder is None else folder.console.read_bytes()
        except FileNotFoundError:
            return ""
        return content[-_MOST_CONSOLE_BYTES:].decode("utf-8", "replace")

    def terminate(self, machines: Sequence[str]) -> None:
        for each in machines:
            folder = self._folder_of(each)
            if folder is not None:
                self.end(folder)

    def groups(self, names: Sequence[str]) -> Mapping[str, MachineGroup]:  # noqa: ARG002
        return {}

    def launches(self, group: str) -> Sequence[Launch]:  # noqa: ARG002
        return ()

    def end_group(self, group: str) -> None:
        """There are no groups: one that does not exist has ended."""

    def tagged_machines(self) -> Iterator[TaggedMachine]:
        for folder in self._folders():
            process = AgentProcess.of(folder)
            if process is not None and folder.agent_lives():
                began = datetime.fromtimestamp(process.began_at, timezone.utc)
                yield TaggedMachine(process.identity, began, _tags(folder))

    def results(self, job: str, account: str) -> FolderResults:  # noqa: ARG002
        return FolderResults(JobFolder(self.jobs / job).store)

    def statuses(self, runs: Sequence[RunKey]) -> list[RunStatus | RunctlError | None]:
        found: list[RunStatus | RunctlError | None] = []
        for each in runs:
            try:
                found.append(self.results(each.job, each.account).status(each.run))
            except RunctlError as error:
                found.append(error)
        return found

    def bucket(self, name: str, owner: str | None = None) -> ObjectData:  # noqa: ARG002
        _refuse("reads no bucket", "The files of a job are in its folder, which `runctl describe JOB` names.")

    def container_image(self, image: ImageReference, login: Login | None) -> ResolvedImage:
        return registry_client(os.environ).resolve(image, login)

    def offers(
        self,
        spec: JobSpec,
        account: Account,  # noqa: ARG002
        *,
        zone: str | None = None,
        known: RegionPrices | None = None,  # noqa: ARG002
    ) -> Offers:
        if zone is not None and zone != host_name():
            return Offers(())
        place = Placement(
            account=HERE,
            partition=HERE,
            region=HERE,
            zone=host_name(),
            vpc=HERE,
            subnet=HERE,
            image=spec.image,
            instance_type=TYPE,
            market="on-demand",
            price_hour=0.0,
        )
        here = Offer(
            instance_type=TYPE, zone=host_name(), market="on-demand", price_hour=0.0, places=(place,)
        )
        return Offers((here,))

    def region_prices(self, date: str) -> RegionPrices:  # noqa: ARG002
        _refuse("has no price list", "It costs nothing.")

    def actual_costs(self, since: date, until: date, owners: Mapping[str, str]) -> Mapping[str, float]:  # noqa: ARG002
        _refuse("has no bill", "It costs nothing.")

    def machine_fits(self, placement: Placement, spec: JobSpec, previous: JobSpec) -> bool:  # noqa: ARG002
        return placement.instance_type == TYPE

    def machine_speed(self, instance_type: str) -> MachineSpeed:  # noqa: ARG002
        _refuse("reads no bucket", "Data lie in the work folder.")

    def zone_of_volumes(self, spec: JobSpec, account: Account, own: OwnVolumes) -> str | None:  # noqa: ARG002
        return None

    def data_notes(self, spec: JobSpec, placement: Placement) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def volumes(self, identities: Sequence[str]) -> Mapping[str, VolumeUse]:  # noqa: ARG002
        return {}

    def volume_fillings(self, identities: Sequence[str]) -> Mapping[str, VolumeFilling]:  # noqa: ARG002
        return {}

    @property
    def storage(self) -> Storage:
        _refuse("has no volumes of its own", "Folders at the mount points stand for them.")

    @property
    def reach(self) -> LocalReach:
        return LocalReach(self._living_folder_of)

    @property
    def kinds(self) -> AnyKinds:
        return KINDS

    def scanner(
        self,
        job: str,
        account: str,  # noqa: ARG002
        owner: str,  # noqa: ARG002
        *,
        backend: str,  # noqa: ARG002
        price_hour: float | None = None,  # noqa: ARG002
    ) -> LocalScanner:
        return LocalScanner(JobFolder(self.jobs / job))

    def survey_account(self, account: str, jobs: Sequence[str], price_of: PriceOf) -> Survey:  # noqa: ARG002
        return survey_of(self._folders())

    def blockers(
        self,
        resource: ResourceState,  # noqa: ARG002
        state: StackState,  # noqa: ARG002
        account: str,  # noqa: ARG002
        *,
        refused: bool = False,  # noqa: ARG002
    ) -> tuple[Blocker, ...]:
        return ()

    def tags_before_removal(self, resource: CloudResource, account: str) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    def remove(self, resource: CloudResource, account: str) -> None:
        if account != HERE:
            raise NotFoundError(f"This machine knows no account {account}.", code="NotFound")
        remove(resource, self.jobs)

    def _folders(self) -> list[JobFolder]:
        return [JobFolder(each) for each in sorted(self.jobs.iterdir())] if self.jobs.is_dir() else []

    def _folder_of(self, identity: str) -> JobFolder | None:
        for folder in self._folders():
            process = AgentProcess.of(folder)
            if process is not None and process.identity == identity:
                return folder
        return None

    def _living_folder_of(self, identity: str) -> JobFolder | None:
        folder = self._folder_of(identity)
        return folder if folder is not None and folder.agent_lives() else None


def _last_word_of(folder: JobFolder) -> datetime | None:
    """When the job's agent last wrote a status; None if it never did."""
    record = read_json(folder.record) or {}
    try:
        written = (folder.store / status_key(str(record.get("run")))).stat().st_mtime
    except OSError:
        return None
    return datetime.fromtimestamp(written, timezone.utc)


def _tags(folder: JobFolder) -> dict[str, str]:
    record = read_json(folder.record) or {}
    return {
        "runctl:created-by": "runctl",
        "runctl:job": folder.name,
        "runctl:run": str(record.get("run", "")),
    }


def _refuse(why: str, next_step: str) -> NoReturn:
    raise NotSupportedError(f"provider: local {why}.", where={"provider": "local"}, next_step=next_step)
