"""The shape of ``spec.json``, which tells the agent what to run."""

from __future__ import annotations

from typing import Final, TypedDict

from runctl_auto.agent.packages import PackageJson


class _EveryVolumeJson(TypedDict):
    name: str
    id: str
    mount: str


class VolumeJson(_EveryVolumeJson, total=False):
    """A volume of a run. ``mount`` is an absolute path.

    ``device`` is the name under which the machine attaches the volume to itself; absent when the stack
    attaches it.
    """

    device: str


class CheckpointsJson(TypedDict):
    """Where checkpoints are in the work folder, how often they are saved, how many are kept."""

    path: str
    every_seconds: float
    keep: int


class ArtifactsJson(TypedDict):
    """Paths in the work folder."""

    paths: list[str]


class _EveryLimitJson(TypedDict):
    """Limits of a run. None: no limit, or unknown. Amounts are USD."""

    max_duration_seconds: float | None
    idle_duration_seconds: float | None
    budget: float | None
    price_hour: float | None


class RetryJson(TypedDict):
    """How often setup and the command are tried in all, on all machines of the run."""

    max_attempts: int


class LimitsJson(_EveryLimitJson, total=False):
    """The limits, and what machines cost where those of a run differ."""

    prices: dict[str, float]
    """USD an hour by ``<type> <market>``; ``price_hour`` is then the highest, None when one is unknown."""


class SecretJson(TypedDict):
    """An environment variable of the job and the parameter that holds its value."""

    name: str
    parameter: str


class DataStrategy:
    """How data come to the job."""

    STAGE: Final = "stage"
    """Files in the work folder, copied before the job begins."""
    DIRECT: Final = "direct"
    """The job reads the objects itself."""
    CACHE: Final = "cache"
    """The job reads the objects itself and keeps them in a folder of the machine."""
    VOLUME: Final = "volume"
    """Files on a volume, copied once; a link in the work folder leads there."""
    SNAPSHOT: Final = "snapshot"
    """As ``volume``; the volume was made from a snapshot that holds the files."""


DATA_STRATEGIES = frozenset(
    {DataStrategy.STAGE, DataStrategy.DIRECT, DataStrategy.CACHE, DataStrategy.VOLUME, DataStrategy.SNAPSHOT}
)
ON_A_VOLUME = frozenset({DataStrategy.VOLUME, DataStrategy.SNAPSHOT})


class _EveryDataJson(TypedDict):
    """The objects below a prefix of a bucket, and the path in the work folder where the job finds them."""

    bucket: str
    prefix: str
    path: str


class DataJson(_EveryDataJson, total=False):
    """Data of a job. Without ``strategy`` they are staged; ``volume`` names the one that keeps them."""

    strategy: str
    volume: str


class NotifyJson(TypedDict, total=False):
    """Who is told of the run. ``webhook`` is the parameter that holds an address, ``format`` one of auto,
    slack and json; ``command`` is run on the machine; ``on`` are the events.
    """

    webhook: str
    format: str
    command: str
    on: list[str]


class TraceJson(TypedDict):
    """Where a traced run belongs. ``parent`` is the ``traceparent`` of the command that decided it."""

    parent: str


class RegistryLoginJson(TypedDict, total=False):
    """How a machine logs in to a registry: with ``username`` and the parameter that holds the ``password``,
    whose variable is ``name``; or, with a ``region`` alone, to one of AWS there by its own role.
    """

    registry: str
    username: str
    name: str
    password: str
    region: str


class ContainerJson(TypedDict, total=False):
    """The container that the job runs in. ``image`` names it by its digest, or by the id that it has on this
    machine.
    """

    image: str
    login: RegistryLoginJson


class _EveryRunJson(TypedDict):
    schema: int
    job: str
    run: str
    attempt: int
    lineage: str
    node: int
    nodes: int
    setup: str | None
    command: str
    background: str
    shell: str
    env: dict[str, str]
    code: PackageJson
    checkpoints: CheckpointsJson
    artifacts: ArtifactsJson
    limits: LimitsJson
    retry: RetryJson
    secrets: list[SecretJson]
    data: list[DataJson]


class ElasticJson(TypedDict):
    """How many of several nodes go on, and after how many seconds, without others that are lost."""

    min: int
    wait_seconds: float


class PartOfRunJson(TypedDict, total=False):
    """What ``spec.json`` holds where people are told of the run, where it is traced, where it runs in a
    container, and where several nodes may be fewer.
    """

    container: ContainerJson
    notify: NotifyJson
    trace: TraceJson
    elastic: ElasticJson


class RunJson(_EveryRunJson, PartOfRunJson):
    """``spec.json`` without the volumes, whose ids are known once they are created."""


class SpecJson(RunJson):
    """``spec.json``: what the agent runs."""

    volumes: list[VolumeJson]
