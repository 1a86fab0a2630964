"""The Pulumi program of a stack: creates the components of a job, volume or snapshot from its configuration.

Runs inside Pulumi's language host, started by ``runctl`` and by plain ``pulumi`` alike, and therefore decides
nothing by itself: decisions are in the configuration, and whether the run has ended is read from its durable
status.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pulumi
import pulumi_aws as aws

from components.data_volume import DataVolume, DataVolumeArgs
from components.environment import EnvironmentArgs, Limits, VolumeRequest
from components.naming import TAG_LIMIT, Names
from components.pod_environment import PodEnvironment, PodEnvironmentArgs, PodRequest
from components.retention import RetentionRefusedError, refuse_retention
from components.run_objects import PackageFile, TextObject
from components.tags import RUN, identity_tags
from components.training_environment import (
    GroupRequest,
    MachineRequest,
    NodeRequest,
    TrainingEnvironment,
    TrainingEnvironmentArgs,
)
from components.volume_snapshot import SnapshotCopySource, VolumeSnapshot, VolumeSnapshotArgs
from runctl_auto.agent.job.job_environment import volume_variable
from runctl_auto.agent.keys import spec_key
from runctl_auto.agent.machine.pod_identity import TAGS
from runctl_auto.agent.machine.pod_identity import TYPE as MACHINE_TYPE
from runctl_auto.agent.packages import PackageKind, package_key
from runctl_auto.agent.spec import spec_digest
from runctl_auto.agent.start.boot_format import UserDataJson
from runctl_auto.agent.start.pod_start import start_command, start_variables
from runctl_auto.agent.start.user_data import render_user_data
from runctl_auto.backend.mark import backend_mark
from runctl_auto.backend.state_bucket import sources_of_state
from runctl_auto.errors import ProgramError, RunctlError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.job_file.spec import CloudName
from runctl_auto.packaging.package import code_parts
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.clients import client_maker
from runctl_auto.providers.aws.packages import require_package
from runctl_auto.providers.aws.run_status import read_run_status
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.boot_config import (
    boot_config,
    end_after_seconds,
    group_name,
    market_of,
    user_data_config,
)
from runctl_auto.stack.cloud_run_spec import run_spec
from runctl_auto.stack.config import KEYS, NAMESPACE, SECRETS_KEY, GroupChoice, StackConfig
from runctl_auto.stack.kinds import STORAGE_KINDS, kind_of, titled
from runctl_auto.stack.pod_prices import POD_DISK_GB_MONTH
from runctl_auto.stack.state import ENVIRONMENTS
from runctl_auto.stack.storage_config import SnapshotConfig, StorageConfig, VolumeConfig, storage_config

_MAX_RETRIES = 3


def run() -> None:
    """Declares the requested stack. Called only by ``stacks/__main__.py``.

    Expected errors are shown as a sentence with the next step, not as a traceback.
    """
    project, stack = pulumi.get_project(), pulumi.get_stack()
    backend = pulumi.Config(NAMESPACE).get("backend")
    try:
        if kind_of(stack) != "job":
            declare_storage(read_storage_config(), project=project, backend=backend)
            return
        config = read_stack_config()
        secrets = read_secrets(config)
        declare(config, project=project, stack=stack, secrets=secrets, backend=backend)
    except RunctlError as error:
        said = [str(error), *(f"{key}: {value}" for key, value in error.where.items()), error.next_step]
        raise pulumi.RunError("\n".join(line for line in said if line)) from error
    except RetentionRefusedError as error:
        raise pulumi.RunError(str(error)) from error


def read_stack_config() -> StackConfig:
    """The configuration of the current stack. Raises ProgramError that names what is missing."""
    values = pulumi.Config(NAMESPACE)
    given = {f"{NAMESPACE}:{key}": value for key in KEYS if (value := values.get(key)) is not None}
    return StackConfig.from_values(given)


def read_storage_config() -> StorageConfig:
    """The configuration of the current stack, of a volume or snapshot. Raises ProgramError without one."""
    values = pulumi.Config(NAMESPACE)
    given = {
        f"{NAMESPACE}:{kind}": value for kind in STORAGE_KINDS if (value := values.get(kind)) is not None
    }
    config = storage_config(given)
    stack = pulumi.get_stack()
    if config is None or config.stack != stack:
        raise ProgramError(
            f"The stack's configuration is not that of {titled(stack)}.",
            where={"stack": stack},
            next_step=f"Fetch it with `pulumi config refresh -s {stack}`.",
        )
    return config


def read_secrets(config: StackConfig) -> dict[str, pulumi.Output[str]]:
    """The values of the job's secrets by name, from the stack's encrypted configuration.

    Raises ProgramError when the configuration has none.
    """
    names = config.secret_names
    if not names:
        return {}
    text = pulumi.Config(NAMESPACE).get_secret(SECRETS_KEY)
    if text is None:
        raise _no_secrets(names)
    return {name: text.apply(lambda held, name=name: _secret_of(held, name)) for name in names}  # type: ignore[misc]


def _secret_of(text: str, name: str) -> str:
    held = json.loads(text)
    if name not in held:
        raise _no_secrets((name,))
    return str(held[name])


def _no_secrets(names: Sequence[str]) -> ProgramError:
    return ProgramError(
        f"The stack's configuration holds no value for the job's secrets {', '.join(names)}.",
        where={"configuration": f"{NAMESPACE}:{SECRETS_KEY}"},
        next_step="Set the variables and run `runctl up JOB.yaml`, or fetch the configuration of a job that "
        "runs with `pulumi config refresh -s JOB`.",
    )


def declare(
    config: StackConfig,
    *,
    project: str,
    stack: str,
    secrets: Mapping[str, pulumi.Input[str]] = MappingProxyType({}),
    backend: str | None = None,
    cloud: Cloud | None = None,
    packages: Path | None = None,
) -> None:
    """Declares all resources of the job and exports the stack's outputs.

    Reads the run's status from the bucket (one blocking request) and, when a package is missing locally,
    downloads it from there. ``backend`` is the address of the stack's backend, if known. ``cloud`` and
    ``packages`` are for tests.
    """
    refuse_retention()
    _refuse_state_as_data(config, backend)
    cloud = cloud or Cloud(client_maker(), config.placement.region)
    declared = DeclaredRun(
        config, project=project, stack=stack, mark=None if backend is None else backend_mark(backend)
    )
    environment = declared.environment(
        cloud,
        declared.status(cloud),
        packages=packages or packages_folder(),
        secrets=secrets,
        opts=pulumi.ResourceOptions(providers=[declared.provider("aws")]),
    )
    for name, value in outputs(config, environment).items():
        pulumi.export(name, value)


@dataclass(frozen=True)
class DeclaredRun:
    """A job's run, as a program declares it in ``stack`` of ``project``. ``mark`` is that of the stack's
    backend (``backend.mark``), None if unknown.
    """

    config: StackConfig
    project: str
    stack: str
    mark: str | None = None

    @property
    def names(self) -> Names:
        """The physical names of the job's resources."""
        placement, job = self.config.placement, self.config.job
        return Names(account=placement.account, region=placement.region, project=self.project, job=job.name)

    def status(self, cloud: Cloud) -> RunStatus | None:
        """The durable status of the run; None when there is none (yet). One blocking request."""
        owner, run = self.config.placement.account, self.config.run.id
        return read_run_status(cloud, bucket=self.names.bucket(), owner=owner, run=run)

    def provider(self, name: str, opts: pulumi.ResourceOptions | None = None) -> aws.Provider:
        """The provider resource of the job's region, which tags whatever it creates."""
        place = self.config.placement
        return _provider(name, region=place.region, account=place.account, tags=self.identity, opts=opts)

    def environment(
        self,
        cloud: Cloud,
        status: RunStatus | None,
        *,
        packages: Path,
        secrets: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions,
        decisions: TextObject | None = None,
    ) -> TrainingEnvironment | PodEnvironment:
        """Declares all resources of the job, without compute when ``status`` says that the run has ended.

        Downloads packages that are missing in the folder ``packages``. The job's bucket keeps
        ``decisions``.
        """
        config, names = self.config, self.names
        placement, job, run = config.placement, config.job, config.run
        ended = (status is not None and status.ended) or _is_past(config.ends_at)

        def package(kind: PackageKind, sha256: str) -> PackageFile:
            path = require_package(
                packages, kind, sha256, cloud=cloud, bucket=names.bucket(), owner=placement.account
            )
            return PackageFile(key=package_key(kind, sha256), path=path)

        code = package("code", run.code_sha256)
        common = EnvironmentArgs(
            names=names,
            partition=placement.partition,
            zone=placement.zone,
            run=run.id,
            lineage=run.lineage,
            run_spec=run_spec(config),
            spec_key=spec_key(run.id),
            code=code,
            code_parts=[package("part", each["sha256"]) for each in code_parts(code.path)],
            agent=package("agent", run.agent_sha256),
            volumes=_volumes(config),
            secrets=secrets,
            data=[each.source for each in job.data],
            protect_bucket=config.protection.bucket,
            retention_days=job.checkpoints.retention_days,
            permissions_boundary=config.permissions_boundary,
            tags=job.tags,
            limits=_limits_of(config),
            decisions=decisions,
        )
        if len(job.clouds) > 1:
            opts = pulumi.ResourceOptions.merge(opts, _same_as_elsewhere(placement.provider))
        if placement.provider == "runpod":
            pod = None if ended else _pod(config, names, {**self.identity, RUN: run.id})
            return PodEnvironment(job.name, PodEnvironmentArgs(**vars(common), pod=pod), opts)
        return TrainingEnvironment(
            job.name,
            TrainingEnvironmentArgs(
                **vars(common),
                vpc=placement.vpc,
                machine=None if ended else _machine(config, names),
                identity=self.identity,
                candidate_types=job.resources.instance_types,
                resolvers=placement.resolvers,
                container=None if config.container is None else config.container.reference,
                repository=_repository(config),
            ),
            opts,
        )

    @property
    def identity(self) -> dict[str, str]:
        """The tags that identify the job's resources."""
        return identity_tags(
            project=self.project,
            job=self.config.job.name,
            stack=self.stack,
            owner=self.config.owner,
            backend=self.mark,
        )


def _same_as_elsewhere(provider: CloudName) -> pulumi.ResourceOptions:
    """What makes the job's environment with ``provider`` the same for the engine as the one with another, so
    that a job which moves keeps its bucket, with all that is in it."""
    others = (token for token, whose in ENVIRONMENTS.items() if whose != provider)
    return pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=each) for each in others])


def declare_storage(config: StorageConfig, *, project: str, backend: str | None = None) -> None:
    """Declares a volume or snapshot and exports its id. Makes no request. ``backend`` is as in
    ``declare``.
    """
    refuse_retention()
    names = Names(account=config.account, region=config.region, project=project, job=config.stack)
    identity = identity_tags(
        project=project,
        job=config.stack,
        stack=config.stack,
        owner=config.owner,
        backend=None if backend is None else backend_mark(backend),
    )
    opts = pulumi.ResourceOptions(
        providers=[_provider("aws", region=config.region, account=config.account, tags=identity)]
    )
    label = names.name("disk" if isinstance(config, VolumeConfig) else "copy", limit=TAG_LIMIT)
    if isinstance(config, VolumeConfig):
        volume = DataVolume(
            config.name,
            DataVolumeArgs(
                label=label,
                zone=config.zone,
                size_gb=config.size_gb,
                snapshot=config.snapshot,
                initialization_rate=config.initialization_rate,
                iops=config.iops,
                throughput=config.throughput,
                protect=config.protect,
                tags=config.tags,
            ),
            opts,
        )
        pulumi.export("id", volume.volume_id)
        pulumi.export("zone", config.zone)
    else:
        snapshot = VolumeSnapshot(
            config.name,
            VolumeSnapshotArgs(label=label, source=_source(config), protect=config.protect, tags=config.tags),
            opts,
        )
        pulumi.export("id", snapshot.snapshot_id)
    pulumi.export("region", config.region)


def _source(config: SnapshotConfig) -> str | SnapshotCopySource:
    if config.source is not None and config.source_region is not None:
        return SnapshotCopySource(snapshot=config.source, region=config.source_region)
    if config.volume is not None:
        return config.volume
    raise ProgramError(
        f"The configuration of {titled(config.stack)} names neither a volume nor a snapshot.",
        where={"stack": config.stack},
    )


def _refuse_state_as_data(config: StackConfig, backend: str | None) -> None:
    for index, source in sources_of_state((each.source for each in config.job.data), backend):
        raise ProgramError(
            f"The data source {source} is in the bucket with the state of all stacks, which no job may read.",
            where={"job": config.job.name, "field": f"data[{index}].source"},
            next_step="Keep data and state in different buckets.",
        )


def _is_past(moment: int | None) -> bool:
    """Whether the cloud has ended the run's group: a new one would begin past its end."""
    return moment is not None and time.time() >= moment


def packages_folder() -> Path:
    """The packages folder: in ``.runctl`` of the project to which Pulumi's workspace folder belongs."""
    workspace = Path(pulumi.get_root_directory() or Path.cwd())
    private = workspace.parent if workspace.parent.name == ".runctl" else workspace / ".runctl"
    return private / "packages"


def _repository(config: StackConfig) -> str | None:
    """The ARN of the repository of AWS's registry that the machine's role reads from; None without one."""
    container = config.container
    if container is None or config.job.registry_auth is not None:
        return None
    found = ImageReference.parse(container.image).of_aws
    if found is None:
        return None
    partition = config.placement.partition
    return f"arn:{partition}:ecr:{found.region}:{found.account}:repository/{found.name}"


def _machine(config: StackConfig, names: Names) -> MachineRequest:
    placement = config.placement
    return MachineRequest(
        image=placement.image,
        instance_type=placement.instance_type,
        market=placement.market,
        max_price=placement.max_price,
        subnet=placement.subnet,
        disk_gb=config.disk_gb,
        user_data=render_user_data(user_data_config(config, names)),
        end_after_seconds=end_after_seconds(config),
        public_address=placement.public_address,
        group=None if config.group is None else _group(config, config.group, names),
        nodes=_nodes(config, names) if config.job.nodes > 1 else (),
        cluster=placement.cluster,
    )


def _limits_of(config: StackConfig) -> Limits:
    """What policies evaluate before anything is made."""
    job, rates, provider = config.job, config.rates, config.placement.provider
    return Limits(
        price_hour=config.machine_hour,
        max_price=job.max_price,
        budget=job.budget,
        max_duration_seconds=job.max_duration,
        nodes=job.nodes,
        volume_gb_month=POD_DISK_GB_MONTH if provider == "runpod" else rates.volume_gb_month,
        address_hour=rates.public_ipv4_hour if config.placement.public_address else 0.0,
    )


def _pod(config: StackConfig, names: Names, tags: Mapping[str, str]) -> PodRequest:
    placement = config.placement
    # RunPod mounts volumes itself: the agent's spec has none.
    boot: UserDataJson = {
        **boot_config(config, names.bucket()),
        "spec_sha256": spec_digest({**run_spec(config), "volumes": []}),
    }
    content = {
        "boot": boot,
        "image": placement.image,
        "type": placement.instance_type,
        "zone": placement.zone,
        "cloud": config.job.runpod.cloud,
    }
    return PodRequest(
        name=names.name("machine", limit=TAG_LIMIT, content=content),
        image=placement.image,
        machine_type=placement.instance_type,
        zone=placement.zone,
        cloud=config.job.runpod.cloud,
        disk_gb=config.disk_gb,
        start_command=start_command(),
        variables={
            **start_variables(boot),
            MACHINE_TYPE: placement.instance_type,
            **{volume_variable(each.name): each.mount for each in config.job.volumes},
            TAGS: json.dumps(dict(tags), sort_keys=True),
        },
    )


def _nodes(config: StackConfig, names: Names) -> list[NodeRequest]:
    return [
        NodeRequest(
            user_data=render_user_data(user_data_config(config, names, node)), market=market_of(config, node)
        )
        for node in range(config.job.nodes)
    ]


def _group(config: StackConfig, group: GroupChoice, names: Names) -> GroupRequest:
    return GroupRequest(
        name=group_name(config, names),
        instance_types=group.instance_types,
        subnets=group.subnets,
        root_device=group.root_device,
        ends_at=config.ends_at,
    )


def _volumes(config: StackConfig) -> list[VolumeRequest]:
    return [
        VolumeRequest(
            name=volume.name,
            size_gb=volume.size,
            snapshot=volume.snapshot,
            initialization_rate=volume.initialization_rate,
            id=volume.id,
            mount=volume.mount,
            protect=config.protection.of_volume(volume.name),
        )
        for volume in config.job.volumes
    ]


def _provider(
    name: str,
    *,
    region: str,
    account: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions | None = None,
) -> aws.Provider:
    return aws.Provider(
        name,
        region=region,
        allowed_account_ids=[account],
        default_tags=aws.ProviderDefaultTagsArgs(tags=dict(tags)),
        # With its own default the provider retries missing capacity for most of an hour.
        max_retries=_MAX_RETRIES,
        opts=opts,
    )


def outputs(
    config: StackConfig, environment: TrainingEnvironment | PodEnvironment
) -> dict[str, pulumi.Input[Any]]:
    """The outputs of a job's stack."""
    placement = config.placement
    several = environment.instance_ids if isinstance(environment, TrainingEnvironment) else ()
    compute: dict[str, Any] = {
        "instanceId": environment.instance_id,
        "instanceIds": list(several) or None,
        "groupName": environment.group_name,
    }
    return {
        "bucket": environment.bucket,
        **{name: value for name, value in compute.items() if value is not None},
        "runId": config.run.id,
        "region": placement.region,
        "zone": placement.zone,
        "instanceType": placement.instance_type,
        "market": placement.market,
        "volumes": dict(environment.volume_ids),
    }
