"""The configuration of a job's stack: the contract between the driver, which decides, and the program.

Every value is a JSON text in Pulumi's configuration, so that it is stored with the stack.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache, lru_cache
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS, END_SCHEDULE_SLACK_SECONDS
from runctl_auto.errors import ProgramError
from runctl_auto.job_file.resources import DEFAULT_DISK_GB
from runctl_auto.job_file.spec import CloudName, JobSpec, Notify
from runctl_auto.job_file.storage import DataSource
from runctl_auto.run.identity import RunIdentity
from runctl_auto.stack.container import ContainerChoice
from runctl_auto.stack.prices import PriceSource, Rates
from runctl_auto.stack.source import Source
from runctl_auto.stack.trail import RefusedPlace, trail_json

NAMESPACE = "runctl"
KEYS = (
    "job",
    "run",
    "placement",
    "owner",
    "protection",
    "boundary",
    "schedule",
    "rates",
    "group",
    "trail",
    "lost",
    "source",
    "fingerprint",
    "data",
    "notify",
    "trace",
    "container",
)
SECRETS_KEY = "secrets"
"""A JSON object of the secrets' values by name, encrypted; separate from the plain values."""

LATEST_END_SLACK_SECONDS = DEADLINE_SLACK_SECONDS + END_SCHEDULE_SLACK_SECONDS
"""Time between a run's limit and its group's end by the cloud, in which agent and timer can end it."""

Settled = Literal["direct", "stage", "cache", "volume", "snapshot"]
"""What ``strategy: auto`` can become."""

Market = Literal["spot", "on-demand"]


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class Placement:
    """The placement of a run and the decisions for it. Prices are USD an hour, None when unknown.

    ``region`` is that of the results, whoever the ``provider`` of the machine is.

    ``price_source`` says where ``price_hour`` is from; ``price_average`` is the average spot price of the
    seven days before; ``on_demand_hour`` what a machine costs that is on-demand among spot ones, only of jobs
    with ``on_demand_ranks``. ``disk_gb`` is the size of the machine's disk; None in stacks of earlier
    versions.
    ``root_device`` is the name of the image's root device, None when unknown.
    ``public_address``: the machine asks for a public IPv4 address, since an internet gateway is its way out.
    ``internet``: False when the subnet reaches AWS's endpoints only. ``resolvers`` are the addresses of the
    network's own DNS servers; empty with the VPC's resolver. ``cluster``: several machines are close to each
    other, in a placement group.
    """

    account: str
    partition: str
    region: str
    zone: str
    vpc: str
    subnet: str
    image: str
    instance_type: str
    market: Market
    provider: CloudName = "aws"
    price_hour: float | None = None
    price_source: PriceSource | None = None
    price_average: float | None = None
    on_demand_hour: float | None = None
    root_device: str | None = None
    max_price: float | None = None
    disk_gb: int | None = None
    public_address: bool = False
    internet: bool = True
    resolvers: tuple[str, ...] = ()
    cluster: bool = False

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON data."""
        return {**asdict(self), "resolvers": list(self.resolvers)}


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class Protection:
    """The effective protections: by volume name, and for the bucket.

    ``asked`` are the decisions of ``runctl protect|unprotect``, by key (``volume:<name>``, ``bucket``): they
    override the job file.
    """

    volumes: Mapping[str, bool] = field(default_factory=dict)
    bucket: bool = False
    asked: Mapping[str, bool] = field(default_factory=dict)

    def of_volume(self, name: str) -> bool:
        return self.volumes.get(name, False)


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class GroupChoice:
    """What was decided for the group in which the cloud itself replaces a run's machine.

    ``prices`` are USD an hour by instance type, the preferred type first, None when unknown; ``subnets`` are
    where a machine may be. ``root_device`` is the name of the image's root device. ``began_at`` is when the
    run was decided, in seconds since the epoch: its latest end counts from it.
    """

    prices: Mapping[str, float | None]
    subnets: tuple[str, ...]
    root_device: str
    began_at: int

    @property
    def instance_types(self) -> tuple[str, ...]:
        return tuple(self.prices)

    @property
    def dearest(self) -> tuple[str, float | None]:
        """The type with the highest price, in USD an hour; a type whose price is unknown comes first."""
        return max(self.prices.items(), key=lambda each: math.inf if each[1] is None else each[1])

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON data; prices as pairs, since their order counts."""
        prices = [[name, price] for name, price in self.prices.items()]
        return {**asdict(self), "prices": prices, "subnets": list(self.subnets)}


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """The whole configuration of a job's stack.

    ``end_schedule``: whether a schedule in the cloud terminates the machine. ``rates`` are the region's other
    prices when the place was chosen. ``group`` is None for a single instance. ``trail`` are the places that
    had no capacity for the run, the oldest first; ``lost`` the machines that it has lost since the last
    ``up``. ``source`` is the file of a folder that the job was applied from, None for a job by itself;
    ``fingerprint`` is of all that was applied, None in stacks of earlier versions. ``data`` are the
    strategies that were settled for data whose strategy is ``auto``, by their path. ``notify``: who is
    told of the run, as job file or settings say; None: nobody. ``trace`` is the ``traceparent`` of the
    command that decided the run, None where it was not traced. ``container`` is what the run's scripts run
    in, None for the machine itself.
    """

    job: JobSpec
    run: RunIdentity
    placement: Placement
    owner: str
    protection: Protection
    permissions_boundary: str | None = None
    end_schedule: bool = False
    rates: Rates = field(default_factory=Rates)
    trail: tuple[RefusedPlace, ...] = ()
    group: GroupChoice | None = None
    lost: tuple[str, ...] = ()
    source: Source | None = None
    fingerprint: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    notify: Notify | None = None
    trace: str | None = None
    container: ContainerChoice | None = None

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The secrets that the stack keeps: the job's, the address of its webhook, and the password of its
        registry.
        """
        webhook = self.notify.webhook if self.notify is not None else None
        auth = self.job.registry_auth
        more = (webhook, auth.password if auth is not None else None)
        return tuple(dict.fromkeys((*self.job.secrets, *(each for each in more if each))))

    @property
    def account(self) -> str:
        """The account of the job."""
        return self.placement.account

    @property
    def region(self) -> str:
        """The region of the job."""
        return self.placement.region

    @property
    def price_hour(self) -> float | None:
        """USD an hour of the machine, None when unknown."""
        return self.placement.price_hour

    @property
    def used_volumes(self) -> tuple[str, ...]:
        """Ids of the volumes that the job uses and has not made."""
        return tuple(each.id for each in self.job.volumes if each.id)

    @property
    def dearest_machine(self) -> tuple[str, float | None]:
        """Type and USD an hour of the dearest machine that the run may have; None when that is unknown."""
        if self.group is None:
            return self.placement.instance_type, self.placement.price_hour
        return self.group.dearest

    @property
    def on_demand_among_spot(self) -> int:
        """How many of the job's machines are on-demand although its place is one of spot machines."""
        return len(set(self.job.on_demand_ranks)) if self.placement.market == "spot" else 0

    @property
    def machine_hour(self) -> float | None:
        """USD an hour of a machine of the run: of a group the dearest, of several the mean; None when a price
        is unknown.
        """
        count, nodes, price = self.on_demand_among_spot, self.job.nodes, self.dearest_machine[1]
        if not count or price is None:
            return price
        other = self.placement.on_demand_hour
        return None if other is None else (other * count + price * (nodes - count)) / nodes

    @property
    def ends_at(self) -> int | None:
        """When the cloud ends the run of a group at the latest, in seconds since the epoch; None without a
        group or a ``max_duration``. Waiting for capacity counts, beyond a ``retry.duration``.
        """
        duration = self.job.max_duration
        if self.group is None or duration is None:
            return None
        waiting = (self.job.retry.duration if self.job.retry else None) or 0
        return self.group.began_at + math.ceil(duration + waiting) + LATEST_END_SLACK_SECONDS

    def strategy_of(self, source: DataSource) -> str:
        """How the data come to the job; data that nothing was settled for are staged."""
        return self.data.get(source.path, "stage") if source.strategy == "auto" else source.strategy

    @property
    def disk_gb(self) -> int:
        """The size of the machine's own disk."""
        return self.placement.disk_gb or self.job.resources.disk or DEFAULT_DISK_GB

    def to_values(self) -> dict[str, str]:
        """The values to set, by full key (``runctl:job``, ...)."""
        run = self.run
        values: dict[str, object] = {
            "job": self.job.model_dump(mode="json"),
            "run": {
                "id": run.id,
                "attempt": run.attempt,
                "lineage": run.lineage,
                "code": {"sha256": run.code_sha256},
                "agent": {"sha256": run.agent_sha256},
                "earlier": list(run.earlier),
            },
            "placement": self.placement.as_json(),
            "owner": self.owner,
            "protection": asdict(self.protection),
            "boundary": self.permissions_boundary,
            "schedule": self.end_schedule,
            "rates": asdict(self.rates),
            "group": None if self.group is None else self.group.as_json(),
            "lost": list(self.lost),
            "data": dict(self.data),
            "trail": trail_json(self.trail),
            "source": None if self.source is None else asdict(self.source),
            "fingerprint": self.fingerprint,
            "notify": None if self.notify is None else self.notify.model_dump(mode="json"),
            "trace": self.trace,
            "container": None if self.container is None else self.container.as_json(),
        }
        return {f"{NAMESPACE}:{key}": _json(value) for key, value in values.items()}

    @classmethod
    def from_values(cls, values: Mapping[str, str]) -> StackConfig:
        """The configuration from the output of ``to_values``; other keys are ignored.

        Raises ProgramError that names the missing or invalid key.
        """
        return cls(
            job=_read(values, "job"),
            run=_read(values, "run"),
            placement=_read(values, "placement"),
            owner=_read(values, "owner"),
            protection=_read(values, "protection"),
            permissions_boundary=_read(values, "boundary"),
            end_schedule=_read(values, "schedule"),
            rates=_read(values, "rates"),
            group=_read(values, "group"),
            lost=_read(values, "lost"),
            data=_read(values, "data"),
            trail=_read(values, "trail"),
            source=source_in(values),
            fingerprint=_read(values, "fingerprint"),
            notify=_read(values, "notify"),
            trace=_read(values, "trace"),
            container=_read(values, "container"),
        )


def source_in(values: Mapping[str, str]) -> Source | None:
    """The source in a stack's values; None without one. Raises ProgramError for an invalid one."""
    found: Source | None = _read(values, "source")
    return found


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _run(value: Any) -> RunIdentity:
    identity: RunIdentity = _adapter(RunIdentity).validate_python(
        {
            "id": value["id"],
            "attempt": value["attempt"],
            "lineage": value["lineage"],
            "code_sha256": value["code"]["sha256"],
            "agent_sha256": value["agent"]["sha256"],
            "earlier": value.get("earlier", ()),
        }
    )
    return identity


def _group(value: Any) -> GroupChoice | None:
    if value is None:
        return None
    found: GroupChoice = _adapter(GroupChoice).validate_python({**value, "prices": dict(value["prices"])})
    return found


def _of(kind: Any) -> Callable[[Any], Any]:
    """Validates a value; the validator is built when it is needed."""
    return lambda value: _adapter(kind).validate_python(value)


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "job": JobSpec.model_validate,
    "run": _run,
    "placement": _of(Placement),
    "owner": _of(str),
    "protection": _of(Protection),
    "boundary": _of(str | None),
    "schedule": _of(bool),
    "rates": _of(Rates),
    "group": _group,
    "lost": _of(tuple[str, ...]),
    "data": _of(dict[str, Settled]),
    "trail": _of(tuple[RefusedPlace, ...]),
    "source": _of(Source | None),
    "fingerprint": _of(str | None),
    "notify": _of(Notify | None),
    "trace": _of(str | None),
    "container": _of(ContainerChoice | None),
}
_DEFAULTS: Mapping[str, str] = {
    "boundary": "null",
    "schedule": "false",
    "rates": "{}",
    "group": "null",
    "lost": "[]",
    "data": "{}",
    "trail": "[]",
    "source": "null",
    "fingerprint": "null",
    "notify": "null",
    "trace": "null",
    "container": "null",
}
"""Of keys that stacks made by earlier versions lack."""
_OF_ONE_JOB = frozenset({"job", "run", "data"})
"""Keys whose values differ from job to job, but for empty ones."""


def _parsed(key: str, text: str) -> Any:
    return _PARSERS[key](json.loads(text))


_parsed_once = lru_cache(maxsize=1024)(_parsed)
"""Many jobs have the same values."""


def _read(values: Mapping[str, str], key: str) -> Any:
    full_key = f"{NAMESPACE}:{key}"
    text = values.get(full_key, _DEFAULTS.get(key))
    if text is None:
        raise _unreadable(f"the stack's configuration lacks {full_key}", full_key)
    try:
        return _parsed(key, text) if key in _OF_ONE_JOB and len(text) > 2 else _parsed_once(key, text)
    except KeyError as error:
        raise _unreadable(f"the stack's configuration lacks {full_key}: {error}", full_key) from error
    except (ValueError, TypeError, ValidationError) as error:
        raise _unreadable(
            f"the stack's configuration value {full_key} cannot be read: {error}", full_key
        ) from error


def _unreadable(what: str, key: str) -> ProgramError:
    return ProgramError(
        what,
        where={"configuration": key},
        next_step="Set the job up with `runctl up JOB.yaml`, or fetch the configuration of a job that runs "
        "with `pulumi config refresh -s JOB`.",
    )
