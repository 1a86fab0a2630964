# No `from __future__ import annotations`: the SDK reads the schema from annotations that are types.
"""The inputs of ``TrainingJob``: the fields of a job file, in the form that Pulumi's schema knows.

Each is written as in a job file; what a job file takes as a number or a text is a text here. The strings
below the fields become the documentation in other languages.
"""

from typing import TypedDict

import pulumi
from typing_extensions import NotRequired


class Network(TypedDict):
    """The network placement of the machine."""

    vpc: NotRequired[str]
    """'default' or a VPC's id."""
    subnet: NotRequired[str]
    """'auto' or a subnet's id."""
    placement: NotRequired[str]
    """cluster or none: whether several machines are close to each other."""


class Resources(TypedDict):
    """The machine: its instance types by name, or its requirements."""

    instance_types: NotRequired[list[str]]
    """Instance types to choose from, the preferred first."""
    gpu: NotRequired[str]
    """GPUs of the machine, such as A10G:1."""
    cpu: NotRequired[str]
    """A number or range of CPUs, such as 4..8."""
    memory: NotRequired[str]
    """A size or range of sizes, such as 16GB.. ."""
    disk: NotRequired[str]
    """Size of the machine's own disk, such as 50GB."""


class Retry(TypedDict):
    """When an incomplete run is retried, and for how long."""

    on_events: NotRequired[list[str]]
    """A list of no-capacity, interruption, error."""
    duration: NotRequired[str]
    """For how long, such as 24h."""
    max_attempts: NotRequired[int]
    """How often setup and run are tried in all, with error in onEvents."""


class Elastic(TypedDict):
    """How few of several machines go on without one that is lost, and when."""

    min: int
    """At least so many go on without the others."""
    wait: NotRequired[str]
    """How long a lost machine is waited for, such as 10m."""


class Volume(TypedDict):
    """A disk that outlives the machine: a new one (size), or an existing one (id)."""

    name: str
    """Name of the volume."""
    mount: str
    """Where the machine mounts it, such as /data."""
    size: NotRequired[str]
    """Size of a new volume, such as 100GB."""
    id: NotRequired[str]
    """A volume that exists, used and never deleted."""
    snapshot: NotRequired[str]
    """Snapshot that a new volume begins with."""
    initialization_rate: NotRequired[int]
    """MiB a second at which a new volume is filled from its snapshot; billed by the snapshot's size."""
    protect: NotRequired[bool]
    """Keep it when the job goes."""


class DataSource(TypedDict):
    """Data of the job in a bucket, and how they come to it; read-only for the job."""

    source: str
    """Where the data is: s3://BUCKET/PREFIX."""
    path: str
    """Where the job finds it: a path inside the work folder."""
    strategy: NotRequired[str]
    """How the data come to the job: stage, direct, cache, volume, snapshot or auto."""
    volume: NotRequired[str]
    """The volume that keeps them; unnecessary when the job has one volume."""
    epochs: NotRequired[int]
    """How often a run reads them all; auto decides by it."""
    runs: NotRequired[int]
    """How many runs are expected to read them; auto decides by it."""


class Checkpoints(TypedDict):
    """What is saved while the job runs, so that another machine can continue it."""

    path: NotRequired[str]
    """Folder that is saved, a path inside the work folder."""
    every: NotRequired[str]
    """How often it is saved, such as 60s."""
    keep: NotRequired[int]
    """How many are kept."""
    retention: NotRequired[str]
    """How long overwritten and deleted ones can be recovered, such as 3d."""


class Artifacts(TypedDict):
    """The results of the job."""

    paths: NotRequired[list[str]]
    """Files and folders inside the work folder that are stored."""
    keep: NotRequired[bool]
    """Keep the bucket when the job goes."""


class RegistryAuth(TypedDict):
    """Login to the registry of a container's image."""

    username: str
    """User of the registry."""
    password: str
    """Secret with the password, by its name: in secretValues, or in the engine's environment."""


class Notify(TypedDict):
    """Who is told of the job: a webhook, a command on the machine, or both."""

    webhook: NotRequired[str]
    """Secret with the webhook's address, by its name: in secretValues, or in the engine's environment."""
    format: NotRequired[str]
    """Shape of what is posted: auto, slack or json."""
    command: NotRequired[str]
    """Shell command on the machine, with the notice as JSON on its input."""
    on: NotRequired[list[str]]
    """What is told."""


class TrainingJobArgs(TypedDict):
    """Either jobFile, or the fields of a job file."""

    job_file: NotRequired[str]
    """Path of a job file, relative to the program's folder. No field of a job file may be given with it."""
    rerun: NotRequired[str]
    """Any text: another one than before makes a new attempt of the job."""
    secret_values: NotRequired[pulumi.Input[dict[str, pulumi.Input[str]]]]
    """Values of the job's secrets by name. Those that are absent come from the engine's environment."""

    name: NotRequired[str]
    """Name of the job; by default the name of the resource."""
    region: NotRequired[str]
    """Region of the cloud, such as us-east-1."""
    image: NotRequired[str]
    """System image of the machine (auto, an AMI's id or ssm:/NAME/OF/PARAMETER), or the container that the
    job runs in (docker:REPOSITORY:TAG)."""
    registry_auth: NotRequired[RegistryAuth]
    """Login to the registry of the container's image."""
    network: NotRequired[Network]
    """Network of the machine."""
    workdir: NotRequired[str]
    """Folder that travels to the machine, relative to the program's folder."""
    setup: NotRequired[str]
    """Shell command that prepares the machine."""
    run: NotRequired[str]
    """Shell command that trains."""
    background: NotRequired[str]
    """What becomes of processes that still run when run returns: fail, wait or stop."""
    shell: NotRequired[str]
    """What runs setup and run: a program that takes -c, with its options."""
    env: NotRequired[dict[str, str]]
    """Environment variables of setup and run."""
    secrets: NotRequired[list[str]]
    """Environment variables whose values are secret."""
    resources: NotRequired[Resources]
    """What the machine must have."""
    zones: NotRequired[list[str]]
    """Zones to choose from; none means all."""
    spot_policy: NotRequired[str]
    """spot, on-demand or auto (spot, then on-demand)."""
    max_price: NotRequired[float]
    """Highest price of the machine in USD an hour."""
    budget: NotRequired[float]
    """What the job may cost in all, in USD."""
    max_duration: NotRequired[str]
    """When the job is stopped at the latest, such as 12h."""
    idle_duration: NotRequired[str]
    """How long the machine may be idle, such as 30m."""
    retry: NotRequired[Retry]
    """What is tried again."""
    recovery: NotRequired[str]
    """Who makes the next machine when one is lost: cloud (AWS itself), runctl or none."""
    nodes: NotRequired[int]
    """How many machines."""
    on_demand_ranks: NotRequired[list[int]]
    """Of several machines those that are on-demand whatever spot_policy says."""
    elastic: NotRequired[Elastic]
    """Whether several machines go on without one that is lost."""
    volumes: NotRequired[list[Volume]]
    """Disks that outlive the machine."""
    data: NotRequired[list[DataSource]]
    """Data to bring to the machine."""
    checkpoints: NotRequired[Checkpoints]
    """What is saved while the job runs."""
    artifacts: NotRequired[Artifacts]
    """The results of the job."""
    notify: NotRequired[Notify]
    """Who is told of the job."""
    tags: NotRequired[dict[str, str]]
    """Tags of everything that is made."""


OWN_INPUTS = ("job_file", "rerun", "secret_values")
"""Inputs that are no field of a job file."""
