"""What the agent runs: the run's spec.json, validated completely before use."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, cast

from runctl_auto.agent.contract import (
    BACKGROUNDS,
    DEFAULT_SHELL,
    MOST_NODES,
    MOST_SPEC_BYTES,
    SCHEMA,
    SHELLS,
    Background,
)
from runctl_auto.agent.errors import IntegrityError, SpecError
from runctl_auto.agent.notices.notice_contract import EVENTS, FORMATS
from runctl_auto.agent.spec_format import (
    DATA_STRATEGIES,
    ON_A_VOLUME,
    ContainerJson,
    DataJson,
    DataStrategy,
    ElasticJson,
    NotifyJson,
    SpecJson,
    VolumeJson,
)
from runctl_auto.agent.tracing.spans import SpanContext, parse_traceparent
from runctl_auto.agent.untrusted import read_object


@dataclass(frozen=True)
class VolumeSpec:
    """A volume and where it is mounted. With a `device` the machine attaches it itself, under that name."""

    name: str
    id: str
    mount: str
    device: str | None = None


@dataclass(frozen=True)
class DataSpec:
    """The objects below a prefix of a bucket, or one object, and their target folder in the work folder.

    ``volume`` is the name of the volume that keeps them, for the strategies ``ON_A_VOLUME``.
    """

    bucket: str
    prefix: str
    path: str
    strategy: str = DataStrategy.STAGE
    volume: str | None = None

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True)
class SecretSpec:
    """A variable of the job and the parameter that holds its value."""

    name: str
    parameter: str


@dataclass(frozen=True)
class CheckpointSpec:
    """Where checkpoints are in the work folder, how often they are saved, how many are kept."""

    path: str
    every_seconds: float
    keep: int


@dataclass(frozen=True)
class NotifySpec:
    """Who is told of the run: `webhook` is the parameter that holds an address."""

    webhook: str | None = None
    format: str = "auto"
    command: str | None = None
    on: tuple[str, ...] = EVENTS


@dataclass(frozen=True)
class RegistryLogin:
    """A login with ``username`` and ``password``; without them, the machine's role in ``region``."""

    registry: str
    username: str | None = None
    password: SecretSpec | None = None
    region: str | None = None


@dataclass(frozen=True)
class ContainerSpec:
    """The image of the job's container, by its digest; how it is fetched when that needs a ``login``."""

    image: str
    login: RegistryLogin | None = None


@dataclass(frozen=True)
class ElasticSpec:
    """At least `min` of several nodes go on without others that have been away for so long."""

    min: int
    wait_seconds: float


@dataclass(frozen=True)
class RunSpec:
    """One run of a job; `node` is the one on which it is read, of `nodes`."""

    job: str
    run: str
    attempt: int
    lineage: str
    node: int
    nodes: int
    setup: str | None
    command: str
    env: Mapping[str, str]
    code_key: str
    code_sha256: str
    volumes: tuple[VolumeSpec, ...]
    checkpoints: CheckpointSpec
    artifacts: tuple[str, ...]
    max_duration_seconds: float | None
    idle_duration_seconds: float | None = None
    budget: float | None = None
    price_hour: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    secrets: tuple[SecretSpec, ...] = ()
    data: tuple[DataSpec, ...] = ()
    background: str = Background.FAIL
    shell: tuple[str, ...] = tuple(DEFAULT_SHELL.split())
    max_attempts: int = 1
    notify: NotifySpec | None = None
    trace: SpanContext | None = None
    container: ContainerSpec | None = None
    elastic: ElasticSpec | None = None

    @property
    def setup_shell(self) -> tuple[str, ...]:
        """The shell for setup: `shell`, or the default one when `shell` names a program such as python."""
        is_shell = PurePosixPath(self.shell[0]).name in SHELLS
        return self.shell if is_shell else tuple(DEFAULT_SHELL.split())

    def price_of(self, kind: str | None, market: str | None) -> float | None:
        """USD an hour of a machine of this type and market; None if unknown."""
        return self.prices.get(f"{kind} {market}") if self.prices else self.price_hour

    @property
    def budget_seconds(self) -> float | None:
        """How long the budget pays for all machines of this price; None when either is unknown."""
        if self.budget is None or not self.price_hour:
            return None
        return self.budget / (self.price_hour * self.nodes) * 3600


CHANGEABLE = frozenset(
    {"background", "checkpoints", "artifacts", "elastic", "limits", "notify", "retry", "trace", "volumes"}
)
"""Fields that may change while the machine goes on; of the volumes, names and mount points may not."""


def spec_digest(spec: Mapping[str, Any]) -> str:
    """The sha256 of what a machine is started for: everything but the ``CHANGEABLE`` fields.

    Raises KeyError or TypeError when ``spec`` is no spec.
    """
    fixed = {key: value for key, value in spec.items() if key not in CHANGEABLE}
    fixed["mounts"] = [[each["name"], each["mount"]] for each in spec["volumes"]]
    text = json.dumps(fixed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def verified_spec(text: bytes, sha256: str) -> RunSpec:
    """As ``parse_spec``; raises IntegrityError for a spec whose ``spec_digest`` is not ``sha256``."""
    spec = parse_spec(text)
    found = spec_digest(read_object(text, MOST_SPEC_BYTES).members)
    if found != sha256:
        raise IntegrityError(f"spec.json has the digest {found}, this machine was started for {sha256}")
    return spec


def parse_spec(text: bytes) -> RunSpec:
    """Raises SpecError naming the missing or invalid field."""
    try:
        data = cast("SpecJson", read_object(text, MOST_SPEC_BYTES).members)
        if data["schema"] != SCHEMA:
            raise SpecError(f"spec.json has schema {data['schema']!r}; this agent understands {SCHEMA}")
        return _spec(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SpecError(f"spec.json is missing something or has a wrong value: {error!r}") from error


def _spec(data: SpecJson) -> RunSpec:
    if not 1 <= int(data["nodes"]) <= MOST_NODES:
        raise SpecError(f"a run has 1 to {MOST_NODES} nodes, not {data['nodes']}")
    checkpoints = data["checkpoints"]
    limits = data["limits"]
    return RunSpec(
        job=str(data["job"]),
        run=str(data["run"]),
        attempt=int(data["attempt"]),
        lineage=str(data["lineage"]),
        node=int(data["node"]),
        nodes=int(data["nodes"]),
        setup=data["setup"] or None,
        command=str(data["command"]),
        env={str(name): str(value) for name, value in data["env"].items()},
        code_key=str(data["code"]["key"]),
        code_sha256=str(data["code"]["sha256"]),
        volumes=tuple(_volume(volume) for volume in data["volumes"]),
        checkpoints=CheckpointSpec(
            path=inside(str(checkpoints["path"])),
            every_seconds=_positive(checkpoints["every_seconds"]),
            keep=int(_positive(checkpoints["keep"])),
        ),
        artifacts=tuple(inside(str(path)) for path in data["artifacts"]["paths"]),
        max_duration_seconds=_limit(limits.get("max_duration_seconds")),
        idle_duration_seconds=_limit(limits.get("idle_duration_seconds")),
        budget=_limit(limits.get("budget")),
        price_hour=_limit(limits.get("price_hour")),
        prices={str(kind): _positive(price) for kind, price in (limits.get("prices") or {}).items()},
        secrets=tuple(
            SecretSpec(str(each["name"]), str(each["parameter"])) for each in data.get("secrets") or ()
        ),
        data=tuple(_data(each, data["volumes"]) for each in data.get("data") or ()),
        background=_background(data.get("background") or Background.FAIL),
        shell=_shell(data.get("shell") or DEFAULT_SHELL),
        max_attempts=int(_positive((data.get("retry") or {}).get("max_attempts", 1))),
        notify=_notify(data["notify"]) if data.get("notify") else None,
        trace=parse_traceparent(data["trace"].get("parent")) if data.get("trace") else None,
        container=_container(data["container"]) if data.get("container") else None,
        elastic=_elastic(data["elastic"], int(data["nodes"])) if data.get("elastic") else None,
    )


def _container(data: ContainerJson) -> ContainerSpec:
    image = str(data["image"])
    if not image or image.startswith("-"):
        raise ValueError(f"{image!r} is not an image")
    login = data.get("login")
    if not login:
        return ContainerSpec(image)
    registry = str(login["registry"])
    if login.get("password") is None:
        return ContainerSpec(image, RegistryLogin(registry, region=str(login["region"])))
    password = SecretSpec(str(login["name"]), str(login["password"]))
    return ContainerSpec(image, RegistryLogin(registry, str(login["username"]), password))


def _elastic(data: ElasticJson, nodes: int) -> ElasticSpec:
    least = int(_positive(data["min"]))
    if least >= nodes:
        raise ValueError(f"elastic.min is {least}, and the run has {nodes} nodes")
    return ElasticSpec(least, _positive(data["wait_seconds"]))


def _notify(data: NotifyJson) -> NotifySpec:
    shape = data.get("format") or "auto"
    if shape not in FORMATS:
        raise ValueError(f"the format of notify is {shape!r}, not one of {', '.join(FORMATS)}")
    webhook, command = data.get("webhook"), data.get("command")
    return NotifySpec(
        webhook=None if webhook is None else str(webhook),
        format=shape,
        command=None if command is None else str(command),
        on=tuple(str(each) for each in data.get("on") or EVENTS),
    )


def _background(text: str) -> str:
    if text not in BACKGROUNDS:
        raise ValueError(f"background is {text!r}, not one of {', '.join(sorted(BACKGROUNDS))}")
    return text


def _shell(text: str) -> tuple[str, ...]:
    words = shlex.split(text)
    if not words:
        raise ValueError("shell names no program")
    return tuple(words)


def _data(data: DataJson, volumes: Sequence[VolumeJson]) -> DataSpec:
    strategy = str(data.get("strategy") or DataStrategy.STAGE)
    if strategy not in DATA_STRATEGIES:
        raise ValueError(f"the strategy of data is {strategy!r}, which this agent does not know")
    volume = data.get("volume") or None
    if strategy in ON_A_VOLUME and volume not in {each["name"] for each in volumes}:
        raise ValueError(f"data are kept on volume {volume!r}, which the run does not have")
    return DataSpec(
        bucket=str(data["bucket"]),
        prefix=str(data["prefix"]).strip("/"),
        path=inside(str(data["path"])),
        strategy=strategy,
        volume=volume,
    )


def _volume(data: VolumeJson) -> VolumeSpec:
    mount = str(data["mount"])
    if not mount.startswith("/") or ".." in PurePosixPath(mount).parts or mount.strip("/") == "":
        raise ValueError(f"the mount point of a volume is an absolute path below /, not {mount!r}")
    return VolumeSpec(
        name=str(data["name"]), id=str(data["id"]), mount=mount, device=data.get("device") or None
    )


def inside(path: str) -> str:
    """`path`, if relative and inside its folder; else raises ValueError."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise ValueError(f"{path!r} is not a path inside the work folder")
    return str(pure)


def _limit(found: float | None) -> float | None:
    return None if found is None else _positive(found)


def _positive(value: Any) -> float:
    number = float(value)
    if not number > 0:
        raise ValueError(f"{value!r} is not above 0")
    return number
