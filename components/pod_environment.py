"""All cloud resources of one job on RunPod: bucket and access at AWS, network volume and pod at RunPod."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from components.artifact_bucket import DEFAULT_RETENTION_DAYS, ArtifactBucket, ArtifactBucketArgs
from components.machine_access import MachineAccess
from components.naming import ROLE_LIMIT, TAG_LIMIT, Names
from components.pod_access import PodAccess, PodAccessArgs
from components.run_objects import PackageFile, RunObjects, TextObject
from components.runpod_resources import NetworkVolume, Pod
from components.secret_parameters import SecretParameters, SecretParametersArgs
from components.tags import without_protection
from components.training_environment import Limits, VolumeRequest

TYPE = "runctl:runpod:TrainingEnvironment"


@dataclass(frozen=True, kw_only=True)
class PodRequest:
    """The pod of a run that has not ended. ``start_command`` and ``variables`` start the agent; ``variables``
    are no secrets. ``machine_type`` is a name of runctl's for GPUs or CPUs and their number; ``zone`` a data
    centre, of which the community ``cloud`` has none.
    """

    name: str
    image: str
    machine_type: str
    zone: str
    cloud: Literal["secure", "community"]
    disk_gb: int
    start_command: str
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class PodEnvironmentArgs:
    """As ``TrainingEnvironmentArgs``, which describes the fields. Without a ``pod`` the run has ended: all
    but the pod stays. ``volumes`` holds one at most, since a pod mounts one network volume.
    """

    names: Names
    partition: str
    zone: str
    run: str
    lineage: str
    run_spec: Mapping[str, object]
    spec_key: str
    code: PackageFile
    agent: PackageFile
    code_parts: Sequence[PackageFile] = ()
    pod: PodRequest | None
    volumes: Sequence[VolumeRequest] = ()
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    data: Sequence[str] = ()
    protect_bucket: bool = False
    retention_days: int = DEFAULT_RETENTION_DAYS
    permissions_boundary: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    decisions: TextObject | None = None


class PodEnvironment(pulumi.ComponentResource):
    """The environment of one job. Pass AWS's provider of the region in ``opts.providers``."""

    bucket: pulumi.Output[str]
    volume_ids: Mapping[str, pulumi.Output[str]]
    instance_id: pulumi.Output[str] | None
    group_name: pulumi.Output[str] | None = None

    def __init__(self, name: str, args: PodEnvironmentArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, _policy_view(args), opts)
        self._name, self._args = name, args
        self._tags = without_protection(args.tags)
        self._child = pulumi.ResourceOptions(parent=self)
        bucket = ArtifactBucket(
            f"{name}-artifacts",
            ArtifactBucketArgs(
                bucket=args.names.bucket(),
                partition=args.partition,
                retention_days=args.retention_days,
                protect=args.protect_bucket,
                tags=self._tags,
            ),
            self._child,
        )
        self.bucket = bucket.bucket
        self.volume_ids = self._volumes()
        access = self._access()
        needs = [bucket, *access.needs, *self._secrets(), *self._objects(bucket)]
        self.instance_id = self._pod(access, needs)
        self.register_outputs(
            {"bucket": self.bucket, "instanceId": self.instance_id, "volumes": dict(self.volume_ids)}
        )

    def _volumes(self) -> dict[str, pulumi.Output[str]]:
        found = {
            each.name: pulumi.Output.from_input(each.id) for each in self._args.volumes if each.id is not None
        }
        for each in self._args.volumes:
            if each.id is None and each.size_gb is not None:
                volume = NetworkVolume(
                    f"{self._name}-{each.name}",
                    {
                        "name": self._args.names.name(f"volume-{each.name}", limit=TAG_LIMIT),
                        "size": each.size_gb,
                        "dataCenter": self._args.zone,
                    },
                    pulumi.ResourceOptions(parent=self, protect=each.protect),
                )
                found[each.name] = volume.id
        return found

    def _access(self) -> PodAccess:
        args, names = self._args, self._args.names
        return PodAccess(
            f"{self._name}-access",
            PodAccessArgs(
                name=names.name("access", limit=ROLE_LIMIT),
                permissions_boundary=args.permissions_boundary,
                access=MachineAccess(
                    account=names.account,
                    partition=args.partition,
                    region=names.region,
                    job=names.job,
                    run=args.run,
                    lineage=args.lineage,
                    bucket=names.bucket(),
                    has_secrets=bool(args.secrets),
                    sends_notices="notify" in args.run_spec,
                    stores_spans="trace" in args.run_spec,
                    data=args.data,
                    sessions=False,
                ),
                tags=self._tags,
            ),
            self._child,
        )

    def _secrets(self) -> list[pulumi.Resource]:
        if not self._args.secrets:
            return []
        wanted = SecretParametersArgs(job=self._args.names.job, values=self._args.secrets, tags=self._tags)
        return [SecretParameters(f"{self._name}-secrets", wanted, self._child)]

    def _objects(self, bucket: ArtifactBucket) -> list[pulumi.Resource]:
        args = self._args
        return RunObjects(
            run=args.run,
            code=args.code,
            agent=args.agent,
            code_parts=args.code_parts,
            spec=TextObject(key=args.spec_key, content=self._run_spec()),
            decisions=args.decisions,
        ).declare(self._name, bucket, self)

    def _run_spec(self) -> str:
        """Without volumes: RunPod mounts the one of a pod itself, before its command starts."""
        return json.dumps({**self._args.run_spec, "volumes": []}, sort_keys=True, indent=2)

    def _pod(self, access: PodAccess, needs: Sequence[pulumi.Resource]) -> pulumi.Output[str] | None:
        pod = self._args.pod
        if pod is None:
            return None
        variables: dict[str, pulumi.Input[str]] = {
            **pod.variables,
            "RUNCTL_ACCESS_KEY_ID": access.key_id,
            "RUNCTL_SECRET_ACCESS_KEY": access.secret_reference,
        }
        mounts = [{"volumeId": self.volume_ids[each.name], "path": each.mount} for each in self._args.volumes]
        return Pod(
            f"{self._name}-machine",
            {
                "name": pod.name,
                "image": pod.image,
                "machineType": pod.machine_type,
                "cloud": pod.cloud.upper(),
                "dataCenterIds": [pod.zone] if pod.cloud == "secure" else None,
                "disk": pod.disk_gb,
                "args": pod.start_command,
                "env": variables,
                "mounts": {"network": mounts} if mounts else None,
            },
            pulumi.ResourceOptions(parent=self, depends_on=list(needs)),
        ).id


def _policy_view(args: PodEnvironmentArgs) -> dict[str, object]:
    """The component's own inputs: plain values for policies to evaluate."""
    pod, limits = args.pod, args.limits
    return {
        "region": args.names.region,
        "dataSources": list(args.data),
        "run": args.run,
        "instanceType": pod.machine_type if pod else None,
        "instanceTypes": [pod.machine_type] if pod else [],
        "recovery": None,
        "market": "on-demand" if pod else None,
        "priceHour": limits.price_hour,
        "maxPrice": limits.max_price,
        "budget": limits.budget,
        "maxDurationSeconds": limits.max_duration_seconds,
        "nodes": limits.nodes,
        "volumeGbMonth": limits.volume_gb_month,
        "addressHour": 0.0,
        "diskGb": pod.disk_gb if pod else None,
        "volumesGb": sum(each.size_gb or 0 for each in args.volumes),
        "volumes": [{"name": each.name, "sizeGb": each.size_gb} for each in args.volumes],
    }
