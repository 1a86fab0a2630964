"""The contract that every provider implements, and the values that it returns.

``Provider`` is one region of one provider's cloud. Everything above ``providers/`` is written against it; a
new provider implements it and joins ``tests/unit/runctl/providers/test_contract.py``.

All methods that make requests block, and raise ``CloudError`` or a subclass when a request fails or is
denied. Methods that only read may be repeated. A docstring states the result for absent objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from runctl_auto.agent.contract import StopReason
from runctl_auto.agent.saving.manifest import Manifest, StoredFile
from runctl_auto.agent.status_format import StatusJson
from runctl_auto.agent.store.store import ChangeableStore
from runctl_auto.errors import RunctlError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.job_file.spec import CloudName, JobSpec
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.providers.objects import ObjectData
from runctl_auto.providers.reach import Reach
from runctl_auto.providers.registries.resolved import Login, ResolvedImage
from runctl_auto.providers.resource import NOTHING_RELATED, Blocker, CloudResource, Relations, Survey
from runctl_auto.providers.resource_kind import AnyKinds
from runctl_auto.providers.storage import Storage
from runctl_auto.providers.stored_runs import MOST_RUNS as MOST_RUNS  # noqa: PLC0414 - of the contract
from runctl_auto.providers.stored_runs import PARTS_AT_ONCE
from runctl_auto.providers.stored_runs import LogPart as LogPart  # noqa: PLC0414
from runctl_auto.providers.volume_filling import VolumeFilling
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Market, Placement
from runctl_auto.stack.prices import PriceSource, RegionPrices
from runctl_auto.stack.state import ResourceState, StackState

MARKETS: Mapping[str, tuple[Market, ...]] = {
    "spot": ("spot",),
    "on-demand": ("on-demand",),
    "auto": ("spot", "on-demand"),
}
"""The markets of a job's ``spot_policy``, the preferred one first."""

NOT_OFFERED = "not offered in this zone"
"""Why an instance type is left out in a zone that does not have it."""

_TAKEN_AWAY = ("Server.SpotInstance", "Server.InsufficientInstanceCapacity")
"""How the reasons of such ends begin."""

_ENDED_BY_SOMEBODY = "Client.UserInitiatedShutdown"
"""How the reason of an end begins that somebody asked the provider for."""

GONE = "gone"
"""The state of a machine that the provider no longer knows."""
QUEUED = "queued"
"""The state of a machine that waits for others of this machine's jobs to end; its reason says for what."""


@dataclass(frozen=True)
class Account:
    """An account and its partition."""

    id: str
    partition: str


@dataclass(frozen=True)
class CallerIdentity:
    """The identity behind the credentials. ``answered_at`` is the provider's clock, None if unknown."""

    account: str
    name: str
    answered_at: datetime | None = None


@dataclass(frozen=True)
class Quota:
    """A quota of the account in the region. ``link``: where a larger one is requested."""

    name: str
    value: float
    link: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An instance type in a zone and market.

    ``places`` are those where it can be rented, one for each subnet of the zone, the preferred first. Without
    any it is ``left_out``, which says why; ``quota`` is the one that is too small, if that is the reason.
    ``rank`` is the position of the type in the job file, 0 where runctl chooses the types. Prices are USD an
    hour, None when unknown; ``price_average`` is that of the last days. ``score``: how likely the zone has
    the spot capacity, from 1 to 10, None when unknown.
    """

    instance_type: str
    zone: str
    market: Market
    provider: CloudName = "aws"
    rank: int = 0
    cpus: int = 0
    memory_gb: float = 0.0
    gpu: str | None = None
    price_hour: float | None = None
    price_average: float | None = None
    price_source: PriceSource | None = None
    score: int | None = None
    places: tuple[Placement, ...] = ()
    left_out: str | None = None
    quota: Quota | None = None


@dataclass(frozen=True)
class Offers:
    """What a provider offers for a job, in no order of preference; ``notes`` on what cannot serve it or is
    not known. ``unusable``: the subnets that a machine could not work in, and why.
    """

    offers: tuple[Offer, ...]
    notes: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """A machine. ``state`` is EC2's name for it, to which other providers map theirs, or ``gone``; so is the
    ``reason`` of its state, which begins with EC2's code (``Server.SpotInstanceTermination: ...``).

    ``launched_at`` and ``ended_at``, when it began to shut down, are in UTC; None if the provider does not
    tell.
    """

    id: str
    state: str
    zone: str | None = None
    type: str | None = None
    reason: str | None = None
    launched_at: datetime | None = None
    ended_at: datetime | None = None

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "state": self.state,
            "zone": self.zone,
            "type": self.type,
            "reason": self.reason,
            "launched_at": _rfc3339(self.launched_at),
            "ended_at": _rfc3339(self.ended_at),
        }

    @property
    def has_ended(self) -> bool:
        """Whether it has ended for good: it does not run and cannot be started."""
        return self.state in ("terminated", GONE)

    @property
    def was_taken_away(self) -> bool:
        """Whether the provider took it back, by no fault of what ran on it."""
        return (self.reason or "").startswith(_TAKEN_AWAY)

    @property
    def was_ended_by_somebody(self) -> bool:
        """Whether a person or a program asked the provider to end it, not the machine itself."""
        return (self.reason or "").startswith(_ENDED_BY_SOMEBODY)

    @property
    def is_ending(self) -> bool:
        return self.state in ("shutting-down", "stopping", "stopped") or self.has_ended


def _rfc3339(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class MachineGroup:
    """A group in which the cloud itself replaces a lost machine. ``wanted`` is how many machines it wants;
    ``machines`` are those that it has, also those that are beginning or ending.
    """

    name: str
    wanted: int
    machines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Launch:
    """An attempt of a group to launch a machine. ``machine`` is None when it failed or is not known yet;
    ``failure`` is why it failed, in the cloud's words, and ``code`` the error code in them, None unless it
    did. ``zone`` and ``subnet`` are None where the cloud does not tell. ``id`` orders nothing.
    """

    id: str
    at: datetime
    machine: str | None = None
    failure: str | None = None
    code: str | None = None
    zone: str | None = None
    subnet: str | None = None


@dataclass(frozen=True)
class TaggedMachine:
    """A machine that carries runctl's tags. ``created_at`` is in UTC; ``group`` made it, None if none did."""

    id: str
    created_at: datetime
    tags: Mapping[str, str]
    group: str | None = None


@dataclass(frozen=True)
class VolumeUse:
    """A volume that exists and the ``machines`` that it is attached to. ``detach`` is a command line."""

    id: str
    machines: tuple[str, ...]
    detach: str


@dataclass(frozen=True)
class OwnVolumes:
    """What the job's stack already has: ids of its own volumes by their name, its machine, their zone."""

    volumes: Mapping[str, str]
    machine: str | None = None
    zone: str | None = None


@dataclass(frozen=True)
class RunKey:
    """Identifies one run of a job, and the account of the job."""

    job: str
    account: str
    run: str


class Results(Protocol):
    """The results of the runs of one job in the cloud: status, logs, artifacts, and the stop request.

    The store need not exist: it then counts as empty, unless a method states otherwise. The machine can write
    anything to it: names, sizes and contents that runctl and the agent do not write are refused or left out.
    """

    @property
    def name(self) -> str:
        """Its name at the provider."""

    def status(self, run: str) -> RunStatus | None:
        """The durable status of a run; None when there is none (yet). One that cannot be read is
        ``unreadable``.
        """

    def request_stop(self, run: str, *, reason: StopReason, grace_seconds: int, at: str) -> None:
        """Requests the agent to stop the job gracefully. Idempotent.

        Raises ``NotFoundError`` without a store.
        """

    def stop_request(self, run: str) -> str | None:
        """The reason of the request to stop the run; None when there is none, or no store."""

    def write_status(self, run: str, status: StatusJson) -> None:
        """Replaces the durable status of a run that has no machine which could write it."""

    def log_parts(
        self, run: str, *, after: str | None = None, node: int = 0, at_once: int = PARTS_AT_ONCE
    ) -> Iterator[LogPart]:
        """Parts of the log of a run's node in order, after key ``after``; each at most 2 MiB. A remote store
        reads ``at_once`` parts at a time.
        """

    def runs(self) -> tuple[str, ...]:
        """Ids (``RUN_ID``) of all runs with stored objects, ``MOST_RUNS`` at most."""

    def artifacts(self, run: str) -> Manifest | None:
        """The manifest of the run's artifacts; None when there is none (yet).

        Raises ``UnfetchedArtifactsError`` when the manifest cannot be read.
        """

    def has_unlisted_artifacts(self, run: str) -> bool:
        """Whether the run stored artifacts but not their manifest, which is written last.

        Raises ``NotFoundError`` without a store.
        """

    def fetch_artifact(self, run: str, file: StoredFile, target: Path) -> None:
        """Writes what is stored of one artifact to ``target``, no more than its list states. Raises
        ``UnfetchedArtifactsError`` when it differs.
        """

    def objects(self) -> ChangeableStore:
        """The objects of the store by key, such as those of checkpoints. Makes no request."""


class Scanner(Protocol):
    """Finds the resources of one job in one region without the job's state.

    A resource is foreign if it is marked with another backend, or has no mark and another owner's tag.
    """

    @property
    def kinds(self) -> AnyKinds:
        """The records of the provider's kinds. Makes no request."""

    def relations(self, state: StackState) -> Relations:
        """Ids in the state whose dependents must be gone after a teardown; call it before the teardown."""

    def survey(self, related: Relations = NOTHING_RELATED) -> Survey:
        """All existing resources of the job, foreign ones separate, and kinds that could not be listed.

        Lists lag by seconds. Does not raise for a kind that cannot be listed.
        """

    def find(self) -> tuple[CloudResource, ...]:
        """All existing resources of the job. Raises ``CloudError`` if a kind could not be listed."""

    def is_surely_own(self, resource: CloudResource) -> bool:
        """Whether the stack of this job created it, from its tags and its name."""

    def pending_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:
        """Of kinds that no list call returns: what pending creations of ``state`` may have created.

        Makes no request.
        """

    def unrecorded_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:
        """Of kinds that no list call returns: dependents of resources of ``state`` with a name that stacks
        give, which are not in the state. Skips resources that cannot be queried.
        """


PriceOf = Callable[[str, str], "float | None"]
"""USD an hour of a job's machine, by its type, if known."""


class Provider(Protocol):
    """One region of a provider's cloud, with the caller's credentials. Not to be shared between threads."""

    @property
    def region(self) -> str:
        """The provider's name of the region. Makes no request."""

    # The account

    def account(self) -> Account:
        """The account of the credentials. Raises ``CredentialsError`` when there are none."""

    def caller(self) -> CallerIdentity:
        """The identity behind the credentials. Raises ``CredentialsError`` when there are none."""

    def zones(self) -> tuple[str, ...]:
        """The zones of the region that the account may use."""

    def quotas(self) -> tuple[Quota, ...]:
        """The quotas of the account for machines in the region."""

    # Machines

    def machine(self, identity: str) -> Machine:
        """The current state of the machine; one request. An unknown id is a machine that is ``gone``."""

    def machines(self, identities: Sequence[str]) -> Mapping[str, Machine]:
        """The current state of each of the machines, by id; an unknown one is ``gone``. Few requests, even
        for many machines.
        """

    def running(self, machines: Sequence[str]) -> frozenset[str]:
        """Which of ``machines`` have not ended; unknown ids have. Few requests, even for many machines."""

    def console(self, identity: str) -> str:
        """The end of the machine's console output, also for some time after its end; empty when there is
        none (yet). One request.
        """

    def terminate(self, machines: Sequence[str]) -> None:
        """Terminates the machines without waiting for the end. Idempotent for known machines."""

    def groups(self, names: Sequence[str]) -> Mapping[str, MachineGroup]:
        """Those of the groups that exist, by name. Few requests, even for many groups."""

    def launches(self, group: str) -> Sequence[Launch]:
        """The last launches that the group tried, the newest first; none for an unknown group."""

    def end_group(self, group: str) -> None:
        """Makes the group want no machine, which ends the one that it has, without waiting for that.
        Idempotent; a group that does not exist has ended.
        """

    def tagged_machines(self) -> Iterator[TaggedMachine]:
        """All machines created by runctl that have not ended, of every job and owner."""

    # Results

    def results(self, job: str, account: str) -> Results:
        """The results of the runs of ``job``; every call states the ``account``. Makes no request."""

    def statuses(self, runs: Sequence[RunKey]) -> list[RunStatus | RunctlError | None]:
        """The status of each of ``runs``: None where there is none (yet), else why it is unknown.

        Makes requests in parallel. Does not raise for a single run.
        """

    def bucket(self, name: str, owner: str | None = None) -> ObjectData:
        """The objects of any bucket that the caller may use, in bulk; its region is found. ``owner``: the
        account that must own it. Makes no request.
        """

    # Placement

    def container_image(self, image: ImageReference, login: Login | None) -> ResolvedImage:
        """What the name of a container's image means now. Asks its registry; fetches nothing.

        Raises ``JobFileError`` when there is no such image, ``AccessDeniedError`` when the registry does not
        tell of it, ``UnreachableError`` and ``ThrottledError`` when it does not answer.
        """

    def offers(
        self,
        spec: JobSpec,
        account: Account,
        *,
        zone: str | None = None,
        known: RegionPrices | None = None,
    ) -> Offers:
        """All that the job may be offered, what is left out with the reason; ``zone`` restricts to one. Rents
        nothing. ``known`` are prices for when the provider's own list cannot be read.

        Whatever the caller may not ask is unknown, and a note. Raises ``JobFileError`` when image, network or
        machine type do not exist, no type meets the requirements, or the network has no way out.
        """

    def region_prices(self, date: str) -> RegionPrices:
        """All prices of the region as the provider lists them on the day ``date``. Many requests.

        Raises ``CloudError`` when the list cannot be read.
        """

    def actual_costs(self, since: date, until: date, owners: Mapping[str, str]) -> Mapping[str, float]:
        """USD that the provider has billed for each job, by its name, from the day ``since`` until before
        ``until`` in UTC, in all regions. Jobs that were not billed are absent. ``owners`` are the jobs of
        machines and volumes by their ids, for providers that bill those alone.

        Raises ``NotSupportedError`` where the provider has no such account.
        """

    def machine_fits(self, placement: Placement, spec: JobSpec, previous: JobSpec) -> bool:
        """Whether a placed machine still meets the size requirements of ``spec``, after a job file
        ``previous``.

        Makes a request only if they changed. An unknown type meets none.
        """

    def machine_speed(self, instance_type: str) -> MachineSpeed:
        """How fast a type of machine moves data; what the provider does not state is unknown. One request.

        Raises ``JobFileError`` for a type that does not exist.
        """

    def zone_of_volumes(self, spec: JobSpec, account: Account, own: OwnVolumes) -> str | None:
        """The zone to which the job's volumes tie its machine; None if they do not restrict it.

        Raises ``JobFileError`` when a volume or snapshot does not exist, is in use by another machine, when
        volumes are in different zones, or when a new volume has the name of an existing one.
        """

    def data_notes(self, spec: JobSpec, placement: Placement) -> tuple[str, ...]:
        """Notes on data sources that could not be checked with these credentials, or cost a transfer.

        Raises ``JobFileError`` for a source that does not exist, has no objects, or that a machine at
        ``placement`` cannot read.
        """

    def volumes(self, identities: Sequence[str]) -> Mapping[str, VolumeUse]:
        """The existing ones of the volumes ``identities``, by id."""

    def volume_fillings(self, identities: Sequence[str]) -> Mapping[str, VolumeFilling]:
        """How far volumes are filled from their snapshots, by id: those of ``identities`` that exist and were
        made from one.
        """

    @property
    def storage(self) -> Storage:
        """Volumes and snapshots of the region. Makes no request."""

    @property
    def reach(self) -> Reach:
        """Commands on the machines of the region, and sessions with them. Makes no request."""

    # Leftovers

    @property
    def kinds(self) -> AnyKinds:
        """The records of the kinds of resources that runctl can leave behind. Makes no request."""

    def scanner(
        self, job: str, account: str, owner: str, *, backend: str, price_hour: float | None = None
    ) -> Scanner:
        """Finds the existing resources of ``job``. ``backend`` is the address of its stack's backend. Makes
        no request.
        """

    def survey_account(self, account: str, jobs: Sequence[str], price_of: PriceOf) -> Survey:
        """All resources in the region that may be runctl's; none is classified as foreign. ``jobs`` are known
        to exist. Does not raise for a kind that cannot be listed.
        """

    def blockers(
        self, resource: ResourceState, state: StackState, account: str, *, refused: bool = False
    ) -> tuple[Blocker, ...]:
        """What prevents the deletion of ``resource``, apart from what a teardown of ``state`` deletes first.

        ``refused``: its deletion was refused, so that causes which a teardown would have removed count too.
        Empty if nothing is known. Does not raise for requests that fail.
        """

    def tags_before_removal(self, resource: CloudResource, account: str) -> Mapping[str, str]:
        """The tags as reported by the resource's own service, for kinds whose lists show none, or show them
        late; empty for other kinds, without a request.
        """

    def remove(self, resource: CloudResource, account: str) -> None:
        """Deletes the resource and blocks until that is complete. ``account`` must own it."""
