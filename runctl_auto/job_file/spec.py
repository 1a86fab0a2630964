"""The validated content of a job file: the schema of the job file and nothing else.

Of each field, ``title`` states its purpose and ``description`` the allowed values; error messages, the JSON
schema and the reference all use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from runctl_auto.agent.contract import DEFAULT_SHELL, MOST_NODES
from runctl_auto.agent.notices.notice_contract import EVENTS, NoticeEvent, NoticeFormat
from runctl_auto.job_file.field_types import (
    Count,
    EnvironmentValue,
    Image,
    JobName,
    Limit,
    Region,
    Seconds,
    Shell,
    SubnetId,
    TagKey,
    TagValue,
    Text,
    Usd,
    VariableName,
    VpcId,
    Zone,
)
from runctl_auto.job_file.image_reference import DOCKER, ImageReference
from runctl_auto.job_file.part import Part
from runctl_auto.job_file.quantities import DURATION_FORM, PRICE_FORM
from runctl_auto.job_file.resources import Resources
from runctl_auto.job_file.storage import Artifacts, Checkpoints, DataSource, Volume

CloudName = Literal["aws", "runpod"]
"""The providers whose machines have a stack."""
RunpodCloud = Literal["secure", "community"]
MAX_VOLUMES = 11
MAX_TAGS = 30
LIMIT_FORM = f"{DURATION_FORM}; off for no limit"


Recovery = Literal["cloud", "runctl", "none"]
NO_REGION = "local"
"""The region of a job on this machine whose file names none."""


class Network(Part):
    """The network placement of the machine."""

    vpc: VpcId = Field(
        default="default", title="Network of the machine", description="'default' or a VPC's id (vpc-...)"
    )
    subnet: SubnetId = Field(
        default="auto", title="Subnet of the machine", description="'auto' or a subnet's id (subnet-...)"
    )
    placement: Literal["cluster", "none"] | None = Field(
        default=None,
        title="Whether several machines are close to each other, in a placement group",
        description="cluster or none; by default cluster for types with an Elastic Fabric Adapter",
    )


class Retry(Part):
    """When an incomplete run is retried, and for how long."""

    on_events: tuple[Literal["no-capacity", "interruption", "error"], ...] = Field(
        default=("no-capacity", "interruption"),
        title="What is tried again",
        description="a list of no-capacity, interruption, error",
    )
    duration: Seconds | None = Field(default=None, title="For how long", description=DURATION_FORM)
    max_attempts: Count = Field(
        default=3,
        title="How often setup and run are tried in all, with error in on_events",
        description="a whole number from 1 to 1000",
    )


class Elastic(Part):
    """How few of several machines go on without one that is lost, and when."""

    min: Count = Field(
        title="At least so many machines go on without the others",
        description="a whole number from 1 to nodes - 1; machine 0 is always one of them",
        examples=[2],
    )
    wait: Seconds = Field(
        default=600,
        title="How long a lost machine is waited for",
        description=DURATION_FORM,
    )


class RegistryAuth(Part):
    """The login to the registry of the job's container, for an image that it does not tell to everybody."""

    username: Text = Field(
        title="User of the registry",
        description="a text",
        examples=["$oauthtoken"],
    )
    password: VariableName = Field(
        title="Variable of the caller's environment with the password or token, a secret",
        description="REGISTRY_ and the registry's name: REGISTRY_GHCR_IO, of Docker Hub REGISTRY_DOCKER_IO",
        examples=["REGISTRY_GHCR_IO"],
    )


class Notify(Part):
    """Who is told of the job: a webhook, a command on the machine, or both."""

    webhook: VariableName | None = Field(
        default=None,
        title="Variable of the caller's environment with the webhook's address, a secret",
        description="the name of an environment variable",
        examples=["SLACK_WEBHOOK"],
    )
    format: NoticeFormat = Field(
        default="auto",
        title="Shape of what is posted; auto: Slack's for its own hosts, else plain JSON",
        description="auto, slack or json",
    )
    command: Text | None = Field(
        default=None,
        title="What is run on the machine, with the notice as JSON on its input",
        description="a shell command",
        examples=["./tell.sh"],
    )
    on: tuple[NoticeEvent, ...] = Field(
        default=EVENTS,
        min_length=1,
        title="What is told",
        description="a list of " + ", ".join(EVENTS),
    )

    @model_validator(mode="after")
    def _tells_somebody(self) -> Notify:
        if self.webhook is None and self.command is None:
            raise ValueError("names neither a webhook nor a command")
        return self


class Runpod(BaseModel):
    """What counts at RunPod alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cloud: RunpodCloud = Field(
        default="secure",
        title="Whose hardware: RunPod's own data centres, or hosts of others",
        description="secure or community",
    )


class JobSpec(BaseModel):
    """A whole job file, validated. Sizes are in GB, times in seconds, money in USD."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="runctl job")

    name: JobName = Field(
        title="Name of the job and of its stack",
        description="2 to 40 lower-case letters, digits and single hyphens, a letter first",
        examples=["digits"],
    )
    provider: Literal["aws", "local", "runpod"] = Field(
        default="aws", title="Who rents out the machine", description="aws, local or runpod"
    )
    providers: Annotated[tuple[CloudName, ...], Field(max_length=2)] = Field(
        default=(),
        title="Instead of provider: all who may rent out the machine, the preferred first",
        description="a list of aws and runpod",
        examples=[["aws", "runpod"]],
    )
    provider_order: Literal["listed", "price"] = Field(
        default="listed",
        title="Which of several providers is asked first: in the order of the list, or the cheapest offer",
        description="listed or price",
    )
    region: Region = Field(
        title="Region of the cloud; a job with provider: local needs none",
        description="a region such as us-east-1",
        examples=["us-east-1"],
    )
    image: Image = Field(
        default="auto",
        title="System image of the machine, or the container that the job runs in",
        description="auto, an AMI's id (ami-...), ssm:/NAME/OF/PARAMETER or docker:REPOSITORY:TAG",
        examples=["docker:pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime"],
    )
    registry_auth: RegistryAuth | None = Field(
        default=None,
        title="Login to the registry of the container's image",
        description="a mapping of username and password",
        examples=[{"username": "me", "password": "REGISTRY_GHCR_IO"}],
    )
    network: Network = Field(
        default=Network(), title="Network of the machine", description="a mapping of vpc and subnet"
    )
    workdir: Text = Field(
        default=".",
        title="Folder that travels to the machine",
        description="a folder in the project, relative to the job file",
    )
    setup: Text | None = Field(
        default=None,
        title="What prepares the machine",
        description="a shell command",
        examples=["pip install -r requirements.txt"],
    )
    run: Text = Field(
        title="What trains", description="a shell command", examples=["python train.py --epochs 5"]
    )
    background: Literal["fail", "wait", "stop"] = Field(
        default="fail",
        title="What becomes of processes that still run when run returns",
        description="fail, wait or stop",
    )
    shell: Shell = Field(
        default=DEFAULT_SHELL,
        title="What runs setup and run",
        description="a program that takes -c, with its options",
        examples=["bash -euo pipefail", "sh", "python"],
    )
    env: dict[VariableName, EnvironmentValue] = Field(
        default_factory=dict,
        title="Environment variables of setup and run",
        description="a mapping of names to texts, numbers and truth values, taken as they stand in the file",
        examples=[{"SEED": 1, "LR": "3e-4"}],
    )
    secrets: tuple[VariableName, ...] = Field(
        default=(),
        title="Environment variables whose values are secret and come from the caller's environment",
        description="a list of names of environment variables",
        examples=[["HF_TOKEN"]],
    )
    resources: Resources = Field(
        default=Resources(),
        title="What the machine must have",
        description="a mapping of instance_types, gpu, cpu, memory, disk",
    )
    zones: tuple[Zone, ...] = Field(
        default=(),
        title="Zones to choose from, on RunPod data centres such as EU-RO-1; none means all",
        description="a list of zones of the region, such as us-east-1a",
    )
    spot_policy: Literal["spot", "on-demand", "auto"] = Field(
        default="auto",
        title="Spot, on-demand, or spot first",
        description="spot, on-demand or auto",
    )
    max_price: Usd | None = Field(
        default=None, title="Highest price of the machine", description=f"{PRICE_FORM} an hour"
    )
    budget: Usd | None = Field(default=None, title="What the job may cost in all", description=PRICE_FORM)
    max_duration: Limit = Field(
        default=None, title="When the job is stopped at the latest", description=LIMIT_FORM
    )
    idle_duration: Limit = Field(
        default=None, title="How long the machine may be idle", description=LIMIT_FORM
    )
    retry: Retry | None = Field(
        default=None,
        title="What is tried again",
        description="a mapping of on_events, duration and max_attempts",
    )
    recovery: Recovery | None = Field(
        default=None,
        title="Who makes the next machine when one is lost",
        description="cloud, runctl or none",
    )
    nodes: Annotated[Count, Field(le=MOST_NODES)] = Field(
        default=1,
        title="How many machines",
        description=f"a whole number from 1 to {MOST_NODES}",
    )
    on_demand_ranks: Annotated[
        tuple[Annotated[StrictInt, Field(ge=0, lt=MOST_NODES)], ...], Field(max_length=MOST_NODES)
    ] = Field(
        default=(),
        title="Of several machines those that are on-demand whatever spot_policy says",
        description=f"a list of numbers from 0 to nodes - 1, at most {MOST_NODES - 1}",
        examples=[[0]],
    )
    elastic: Elastic | None = Field(
        default=None,
        title="Whether several machines go on without one that is lost",
        description="a mapping of min and wait",
        examples=[{"min": 2}],
    )
    volumes: Annotated[tuple[Volume, ...], Field(max_length=MAX_VOLUMES)] = Field(
        default=(),
        title="Disks that outlive the machine",
        description=f"a list of at most {MAX_VOLUMES} volumes, each a mapping with name, size and mount",
        examples=[[{"name": "data", "size": "100GB", "mount": "/data"}]],
    )
    data: tuple[DataSource, ...] = Field(
        default=(),
        title="Data to bring to the machine",
        description="a list of mappings of source, path and strategy",
        examples=[[{"source": "s3://bucket/prefix", "path": "data/"}]],
    )
    checkpoints: Checkpoints = Field(
        default=Checkpoints(),
        title="What is saved while the job runs",
        description="a mapping of path, every, keep and retention",
    )
    artifacts: Artifacts = Field(
        default=Artifacts(), title="What is brought home", description="a mapping of paths and keep"
    )
    notify: Notify | None = Field(
        default=None,
        title="Who is told of its end, failure, interruption, budget and silence",
        description="a mapping of webhook, format, command and on",
        examples=[{"webhook": "SLACK_WEBHOOK"}],
    )
    runpod: Runpod = Field(
        default=Runpod(), title="What counts at RunPod alone", description="a mapping of cloud"
    )
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=MAX_TAGS)] = Field(
        default_factory=dict,
        title="Tags of everything that is made",
        description=f"a mapping of at most {MAX_TAGS} keys to texts",
        examples=[{"team": "nlp"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _no_region_on_this_machine(cls, value: Any) -> Any:
        needs_none = isinstance(value, Mapping) and value.get("provider") == "local"
        return {"region": NO_REGION, **value} if needs_none else value

    @model_validator(mode="before")
    @classmethod
    def _first_provider(cls, value: Any) -> Any:
        """The first of several providers stands where one alone is asked for."""
        several = value.get("providers") if isinstance(value, Mapping) else None
        if not isinstance(several, list | tuple) or not several or "provider" in value:
            return value
        return {**value, "provider": several[0]} if several[0] in get_args(CloudName) else value

    @model_validator(mode="after")
    def _providers_once(self) -> JobSpec:
        if len(set(self.providers)) != len(self.providers):
            raise ValueError("names a provider twice in providers")
        return self

    @model_validator(mode="after")
    def _a_registry_to_log_in_to(self) -> JobSpec:
        if self.registry_auth is not None and not self.image.startswith(DOCKER):
            raise ValueError("has registry_auth, and its image is no container (docker:REPOSITORY:TAG)")
        if self.registry_auth is not None:
            image, name = ImageReference.parse(self.image), self.registry_auth.password
            if name != image.password_variable:
                raise ValueError(
                    f"names {name} for the password of {image.registry}; only the value of "
                    f"{image.password_variable} is sent there"
                )
        return self

    @property
    def max_attempts(self) -> int:
        """How often setup and run are tried in all; 1 when a failure ends the run."""
        return self.retry.max_attempts if self.retry is not None and "error" in self.retry.on_events else 1

    @property
    def clouds(self) -> tuple[CloudName, ...]:
        """The providers that may rent out the machine, the preferred first; none for a local job."""
        if self.providers:
            return self.providers
        return () if self.provider == "local" else (self.provider,)

    @property
    def recovers_by(self) -> Recovery:
        """Who makes the next machine: as the file says; by default the cloud itself, where a machine may be
        interrupted and the file asks for another one then; of several machines runctl.
        """
        if self.recovery is not None:
            return self.recovery
        if "runpod" in self.clouds or self.nodes > 1:
            return "runctl"
        wants_another = self.retry is not None and "interruption" in self.retry.on_events
        return "cloud" if wants_another and self.spot_policy != "on-demand" else "runctl"

    def volume_of(self, source: DataSource) -> Volume | None:
        """The volume that ``source`` names, else the only one of the job; None if it has none or several."""
        if source.volume is None:
            return self.volumes[0] if len(self.volumes) == 1 else None
        return next((each for each in self.volumes if each.name == source.volume), None)
