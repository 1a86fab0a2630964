"""What the environments of one job have in common, whoever rents out its machine: what declares them, the
bucket, secrets and objects of the run, and what policies see of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from components.artifact_bucket import DEFAULT_RETENTION_DAYS, ArtifactBucket, ArtifactBucketArgs
from components.machine_access import MachineAccess
from components.naming import Names
from components.run_objects import PackageFile, RunObjects, TextObject
from components.secret_parameters import SecretParameters, SecretParametersArgs
from components.tags import without_protection


@dataclass(frozen=True, kw_only=True)
class VolumeRequest:
    """A new volume of ``size_gb``, created from ``snapshot`` if given, or the existing one with ``id``.

    ``protect`` is whether a new one is protected now. An existing one is attached, but not managed.
    """

    name: str
    mount: str
    size_gb: int | None = None
    snapshot: str | None = None
    initialization_rate: int | None = None
    id: str | None = None
    protect: bool = False


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Cost and limits of the run, as inputs for policies before anything is created. USD and seconds.

    ``volume_gb_month`` is the price of storage; ``address_hour`` that of a machine's public address, 0
    without one. None is unknown.
    """

    price_hour: float | None = None
    max_price: float | None = None
    budget: float | None = None
    max_duration_seconds: int | None = None
    nodes: int = 1
    volume_gb_month: float | None = None
    address_hour: float | None = 0.0


@dataclass(frozen=True, kw_only=True)
class EnvironmentArgs:
    """``run_spec`` is the agent's spec, as JSON data without its volumes, whose ids are known only to the
    component.

    ``tags`` are the job's own, beside the identity tags that the provider sets. ``secrets`` are values by the
    name of their variable; ``data`` are the sources (``s3://...``) that the machine reads. ``lineage`` is the
    run whose checkpoints this one continues; ``retention_days`` how long overwritten and deleted ones stay in
    the bucket. ``decisions`` keeps what was decided for the run, for programs without a configuration of
    their own. ``code_parts`` are the files of a large work folder, which ``code`` lists.
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
    volumes: Sequence[VolumeRequest] = ()
    secrets: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    data: Sequence[str] = ()
    protect_bucket: bool = False
    retention_days: int = DEFAULT_RETENTION_DAYS
    permissions_boundary: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    decisions: TextObject | None = None


class Environment(pulumi.ComponentResource):
    """Base of the components that hold all resources of one job."""

    bucket: pulumi.Output[str]
    volume_ids: Mapping[str, pulumi.Output[str]]
    instance_id: pulumi.Output[str] | None
    group_name: pulumi.Output[str] | None = None
    _args: EnvironmentArgs

    def __init__(
        self,
        type_token: str,
        name: str,
        args: EnvironmentArgs,
        policy_view: Mapping[str, object],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        super().__init__(type_token, name, dict(policy_view), opts)
        self._name = name
        self._args = args
        self._tags = without_protection(args.tags)
        self._child = pulumi.ResourceOptions(parent=self)

    def _artifact_bucket(self) -> ArtifactBucket:
        args = self._args
        return ArtifactBucket(
            f"{self._name}-artifacts",
            ArtifactBucketArgs(
                bucket=args.names.bucket(),
                partition=args.partition,
                retention_days=args.retention_days,
                protect=args.protect_bucket,
                tags=self._tags,
            ),
            self._child,
        )

    def _access(self, **more: Any) -> MachineAccess:
        """What the machine may do; ``more`` as ``MachineAccess``, of what differs by provider."""
        args, names = self._args, self._args.names
        return MachineAccess(
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
            **more,
        )

    def _existing_volumes(self) -> dict[str, pulumi.Output[str]]:
        volumes = self._args.volumes
        return {each.name: pulumi.Output.from_input(each.id) for each in volumes if each.id is not None}

    def _secrets(self) -> list[pulumi.Resource]:
        args = self._args
        if not args.secrets:
            return []
        parameters = SecretParametersArgs(job=args.names.job, values=args.secrets, tags=self._tags)
        return [SecretParameters(f"{self._name}-secrets", parameters, self._child)]

    def _objects(self, bucket: ArtifactBucket, run_spec: pulumi.Input[str]) -> list[pulumi.Resource]:
        args = self._args
        return RunObjects(
            run=args.run,
            code=args.code,
            agent=args.agent,
            code_parts=args.code_parts,
            spec=TextObject(key=args.spec_key, content=run_spec),
            decisions=args.decisions,
        ).declare(self._name, bucket, self)


def policy_view(args: EnvironmentArgs, **of_machine: object) -> dict[str, object]:
    """A component's own inputs: plain values for policies to evaluate. ``of_machine`` are those that differ
    by provider.
    """
    limits = args.limits
    return {
        "region": args.names.region,
        "dataSources": list(args.data),
        "run": args.run,
        "priceHour": limits.price_hour,
        "maxPrice": limits.max_price,
        "budget": limits.budget,
        "maxDurationSeconds": limits.max_duration_seconds,
        "nodes": limits.nodes,
        "volumeGbMonth": limits.volume_gb_month,
        "volumesGb": sum(volume.size_gb or 0 for volume in args.volumes),
        "volumes": [{"name": volume.name, "sizeGb": volume.size_gb} for volume in args.volumes],
        **of_machine,
    }
