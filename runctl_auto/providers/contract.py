"""What the product asks of a provider, and the values that it answers with.

``Provider`` is one region of one provider's cloud. Everything above ``providers/`` is written against it; a
new provider implements it and joins ``tests/unit/runctl/providers/test_contract.py``.

All methods block, and raise ``CloudError`` or one of its kinds when the cloud does not answer or refuses,
except those that ask nobody. Methods that only read may be repeated. A docstring says what a method answers
for something that is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from runctl_auto.agent.contract import StopReason, StoredFile
from runctl_auto.errors import RunctlError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.resource import NOTHING_RELATED, CloudResource, Relations, Survey
from runctl_auto.providers.resource_kind import AnyKinds
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Market, Placement
from runctl_auto.stack.state import StackState

MARKETS: Mapping[str, tuple[Market, ...]] = {
    "spot": ("spot",),
    "on-demand": ("on-demand",),
    "auto": ("spot", "on-demand"),
}
"""The markets of a job's ``spot_policy``, the preferred one first."""

GONE = "gone"
"""The state of a machine that the provider no longer knows."""


@dataclass(frozen=True)
class Account:
    """Whose cloud it is."""

    id: str
    partition: str


@dataclass(frozen=True)
class CallerIdentity:
    """Whose credentials they are. ``answered_at`` is the provider's clock, None if it does not tell."""

    account: str
    name: str
    answered_at: datetime | None = None


@dataclass(frozen=True)
class Quota:
    """How much of something the account may use in the region."""

    name: str
    value: float


@dataclass(frozen=True)
class Machine:
    """A machine. ``state`` is EC2's word, into which other providers translate theirs, or ``gone``."""

    id: str
    state: str
    zone: str | None = None
    type: str | None = None
    reason: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it is beyond recall: it neither runs nor will."""
        return self.state in ("terminated", GONE)

    @property
    def is_ending(self) -> bool:
        return self.state in ("shutting-down", "stopping", "stopped") or self.has_ended


@dataclass(frozen=True)
class TaggedMachine:
    """A machine that carries runctl's tags. ``created_at`` is in UTC."""

    id: str
    created_at: datetime
    tags: Mapping[str, str]


@dataclass(frozen=True)
class VolumeUse:
    """A volume that exists and the ``machines`` that it is attached to. ``detach`` is a command line."""

    id: str
    machines: tuple[str, ...]
    detach: str


@dataclass(frozen=True)
class OwnVolumes:
    """What the job's stack holds already: ids of its own volumes by their name, its machine, their zone."""

    volumes: Mapping[str, str]
    machine: str | None = None
    zone: str | None = None


@dataclass(frozen=True)
class RunKey:
    """Names one run of a job, and the account that the job lives in."""

    job: str
    account: str
    run: str


@dataclass(frozen=True)
class LogPart:
    """A part of a log; parts are never appended to and sort by key."""

    key: str
    text: str


class Results(Protocol):
    """What the runs of one job keep in the cloud: status, logs, artifacts, and the request to stop.

    It need not exist: then nothing is there, except as a method says.
    """

    @property
    def name(self) -> str:
        """Under which people find it at the provider."""

    def status(self, run: str) -> RunStatus | None:
        """The durable status of a run; None when there is none (yet)."""

    def request_stop(self, run: str, *, reason: StopReason, grace_seconds: int, at: str) -> None:
        """Tells the agent to stop the job gracefully. Idempotent.

        Raises ``NotFoundError`` without a store.
        """

    def log_parts(self, run: str, *, after: str | None = None) -> Iterator[LogPart]:
        """Parts of a run's log in order, after key ``after``."""

    def runs(self) -> tuple[str, ...]:
        """Ids of all runs that left something."""

    def artifacts(self, run: str) -> tuple[StoredFile, ...] | None:
        """What the run left, by its manifest; None when it left none (yet).

        Raises ``UnfetchedArtifactsError`` when the manifest cannot be read.
        """

    def has_unlisted_artifacts(self, run: str) -> bool:
        """Whether the run wrote artifacts and not their manifest, which comes last.

        Raises ``NotFoundError`` without a store.
        """

    def fetch_artifact(self, run: str, file: StoredFile, target: Path) -> None:
        """Writes one artifact to ``target``. Raises ``UnfetchedArtifactsError`` when it differs."""


class Scanner(Protocol):
    """Finds the resources of one job in one region without the job's state.

    A resource with the mark of another backend, or with no mark and another owner's tag, is foreign.
    """

    @property
    def kinds(self) -> AnyKinds:
        """The records of the provider's kinds. Asks nobody."""

    def relations(self, state: StackState) -> Relations:
        """Ids of the state whose dependents must be gone after a teardown; to be read before it."""

    def survey(self, related: Relations = NOTHING_RELATED) -> Survey:
        """All existing resources of the job, foreign ones apart, and the kinds that could not be listed.

        Lists lag by seconds. Does not raise for a kind that cannot be listed.
        """

    def find(self) -> tuple[CloudResource, ...]:
        """All existing resources of the job. Raises ``CloudError`` if a kind could not be listed."""

    def is_surely_own(self, resource: CloudResource) -> bool:
        """Whether the stack of this job made it, by its tags and by its name."""

    def pending_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:
        """Of kinds that no list call returns: what pending creations of ``state`` may have made.

        Asks nobody.
        """

    def unrecorded_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:
        """Of kinds that no list call returns: what hangs on resources of ``state``, has a name that stacks
        give, and is not in it. Resources that cannot be asked are left out."""


PriceOf = Callable[[str, str], "float | None"]
"""USD an hour of a machine of a job, by its type, if known."""


class Provider(Protocol):
    """One region of a provider's cloud, with the caller's credentials. Not to be shared between threads."""

    @property
    def region(self) -> str:
        """The provider's name of the region. Asks nobody."""

    # The account

    def account(self) -> Account:
        """The account that the credentials belong to. Raises ``CredentialsError`` when there are none."""

    def caller(self) -> CallerIdentity:
        """Whose credentials they are. Raises ``CredentialsError`` when there are none."""

    def zones(self) -> tuple[str, ...]:
        """The zones of the region that the account may use."""

    def quotas(self) -> tuple[Quota, ...]:
        """What limits the machines of the account in the region."""

    # Machines

    def machine(self, identity: str) -> Machine:
        """The machine as it is now; one request. An unknown id is a machine that is ``gone``."""

    def running(self, machines: Sequence[str]) -> frozenset[str]:
        """Which of ``machines`` have not ended; unknown ids have. Few requests, however many they are."""

    def terminate(self, machines: Sequence[str]) -> None:
        """Ends the machines for good; does not wait for their end. Idempotent for machines that are known."""

    def tagged_machines(self) -> Iterator[TaggedMachine]:
        """All machines that runctl made and that have not ended, of every job and owner."""

    # Results

    def results(self, job: str, account: str) -> Results:
        """Where the runs of ``job`` keep their results; every call states the ``account``. Asks nobody."""

    def statuses(self, runs: Sequence[RunKey]) -> list[RunStatus | RunctlError | None]:
        """The status of each of ``runs``: None where there is none (yet), else why it is not known.

        Several requests at a time. Does not raise for a single run.
        """

    # Placement

    def offers(self, spec: JobSpec, account: Account, *, zone: str | None = None) -> tuple[Placement, ...]:
        """All places that the job allows, the preferred first; ``zone`` restricts to one. Rents nothing.

        Raises ``NoCapacityError`` that says why each place was left out when none remains, ``JobFileError``
        when image, network or machine type do not exist.
        """

    def machine_fits(self, placement: Placement, spec: JobSpec, previous: JobSpec) -> bool:
        """Whether a placed machine still has what ``spec`` asks for by size, after a job file ``previous``.

        Asks only when that changed. An unknown type fits nothing.
        """

    def zone_of_volumes(self, spec: JobSpec, account: Account, own: OwnVolumes) -> str | None:
        """The zone that the job's volumes tie its machine to; None when they leave it free.

        Raises ``JobFileError`` when a volume or snapshot does not exist, is in use by another machine, when
        volumes lie in different zones, or when a new volume has the name of one that exists.
        """

    def data_notes(self, spec: JobSpec) -> tuple[str, ...]:
        """Notes on data sources that could not be looked at with these credentials.

        Raises ``JobFileError`` for a source that does not exist or holds nothing.
        """

    def volumes(self, identities: Sequence[str]) -> Mapping[str, VolumeUse]:
        """The volumes among ``identities`` that exist, by id."""

    # Leftovers

    @property
    def kinds(self) -> AnyKinds:
        """The records of the kinds of resources that runctl can leave behind. Asks nobody."""

    def scanner(
        self, job: str, account: str, owner: str, *, backend: str, price_hour: float | None = None
    ) -> Scanner:
        """Finds what exists of ``job``. ``backend`` is the address of its stack's backend. Asks nobody."""

    def survey_account(self, account: str, jobs: Sequence[str], price_of: PriceOf) -> Survey:
        """All resources in the region that may be runctl's; none is taken for foreign. ``jobs`` are known to
        exist. Does not raise for a kind that cannot be listed."""

    def tags_before_removal(self, resource: CloudResource, account: str) -> Mapping[str, str]:
        """The tags that the resource's own service tells, for kinds whose lists show none, or show them late;
        empty for other kinds, which are not asked."""

    def remove(self, resource: CloudResource, account: str) -> None:
        """Removes the resource and blocks until the provider has done so. ``account`` must own it."""
