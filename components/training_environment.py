"""All cloud resources of one job: bucket, permissions, network, volumes, and a machine while its run is
active.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.data_volume import DataVolume, DataVolumeArgs
from components.end_schedule import EndSchedule, EndScheduleArgs
from components.environment import Environment, EnvironmentArgs, policy_view
from components.iam_profile import IamProfile, IamProfileArgs
from components.machine_access import AttachedVolumes
from components.machine_group import MachineGroup, MachineGroupArgs
from components.naming import (
    PLACEMENT_GROUP_LIMIT,
    POLICY_LIMIT,
    PROFILE_LIMIT,
    ROLE_LIMIT,
    TAG_LIMIT,
    TEMPLATE_LIMIT,
)
from components.network_access import NetworkAccess, NetworkAccessArgs
from components.spot_instance import Market, SpotInstance, SpotInstanceArgs
from components.tags import RUN

TYPE = "runctl:aws:TrainingEnvironment"

DEVICES = tuple(f"/dev/sd{letter}" for letter in "fghijklmnop")


@dataclass(frozen=True, kw_only=True)
class GroupRequest:
    """The group in which the cloud itself replaces the machine: with another ``name`` it is another group.

    ``instance_types`` are the types that a machine may have, the preferred first; ``subnets`` are where it
    may be. ``root_device`` is the name of the image's root device. ``ends_at`` is when the cloud ends the
    group, in seconds since the epoch; None: never.
    """

    name: str
    instance_types: Sequence[str]
    subnets: Sequence[str]
    root_device: str
    ends_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class NodeRequest:
    """One of several machines of a run."""

    user_data: str
    market: Market


@dataclass(frozen=True, kw_only=True)
class MachineRequest:
    """The machine of a run that has not ended: a single instance, or the machine of a ``group``.

    ``end_after_seconds``: when the cloud itself terminates a single instance, counted from its creation;
    None: never. ``public_address`` asks for a public IPv4 address. ``nodes`` are the machines of a run on
    several, which differ in user data and market alone; empty: it has one. ``cluster``: those are close to
    each other, in a placement group.
    """

    image: str
    instance_type: str
    market: Market
    subnet: str
    disk_gb: int
    user_data: str
    max_price: float | None = None
    end_after_seconds: int | None = None
    public_address: bool = False
    group: GroupRequest | None = None
    nodes: Sequence[NodeRequest] = ()
    cluster: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainingEnvironmentArgs(EnvironmentArgs):
    """``machine`` is None when the run has ended: everything but compute stays.

    ``identity`` are the identity tags that the provider sets, for resources of a launch other than the
    machine, which have no provider default tags. ``candidate_types`` are the instance types that the machine
    may have, for policies to evaluate before it is created. ``resolvers`` are the addresses of the network's
    own DNS servers. ``container`` is the image that the run's scripts run in, by its digest; ``repository``
    the ARN of AWS's repository that it is in.
    """

    vpc: str
    machine: MachineRequest | None
    identity: Mapping[str, str]
    candidate_types: Sequence[str] = ()
    resolvers: Sequence[str] = ()
    container: str | None = None
    repository: str | None = None


class TrainingEnvironment(Environment):
    """The environment of one job. Pass the provider of the job's region in ``opts.providers``."""

    _args: TrainingEnvironmentArgs
    instance_ids: Sequence[pulumi.Output[str]]
    """Of a run on several machines, in the order of the nodes; else empty."""

    def __init__(self, name: str, args: TrainingEnvironmentArgs, opts: pulumi.ResourceOptions | None = None):
        super().__init__(TYPE, name, args, _policy_view(args), opts)
        bucket = self._artifact_bucket()
        volumes = self._data_volumes()
        self._own_volumes = list(volumes.values())
        self.bucket = bucket.bucket
        self.volume_ids = {
            **self._existing_volumes(),
            **{volume: component.volume_id for volume, component in volumes.items()},
        }
        profile = self._iam_profile()
        network = NetworkAccess(
            f"{name}-network",
            NetworkAccessArgs(
                names=args.names,
                vpc=args.vpc,
                resolvers=args.resolvers,
                inside=args.limits.nodes > 1,
                tags=self._tags,
            ),
            self._child,
        )
        needs = [bucket, profile, *self._secrets(), *self._objects(bucket, self._run_spec())]
        self.instance_id = self._machine(profile, network, needs=needs)
        self.instance_ids = self._nodes(profile, network, needs=needs)
        self.group_name = self._group(profile, network, needs=needs)
        self.register_outputs(
            {
                "bucket": self.bucket,
                "instanceId": self.instance_id,
                "groupName": self.group_name,
                "volumes": dict(self.volume_ids),
            }
        )

    def _data_volumes(self) -> dict[str, DataVolume]:
        return {
            volume.name: DataVolume(
                f"{self._name}-{volume.name}",
                DataVolumeArgs(
                    label=self._args.names.name(f"volume-{volume.name}", limit=TAG_LIMIT),
                    zone=self._args.zone,
                    size_gb=volume.size_gb,
                    snapshot=volume.snapshot,
                    initialization_rate=volume.initialization_rate,
                    protect=volume.protect,
                    tags=self._tags,
                ),
                self._child,
            )
            for volume in self._args.volumes
            if volume.id is None and volume.size_gb is not None
        }

    def _iam_profile(self) -> IamProfile:
        args, names = self._args, self._args.names
        return IamProfile(
            f"{self._name}-iam",
            IamProfileArgs(
                role_name=names.name("machine", limit=ROLE_LIMIT),
                policy_name=names.name("machine", limit=POLICY_LIMIT),
                profile_name=names.name("machine", limit=PROFILE_LIMIT),
                access=self._access(
                    has_nodes=args.limits.nodes > 1,
                    repository=args.repository,
                    group=self._group_request.name if self._group_request else None,
                    attached=self._attached_by_machine(),
                ),
                permissions_boundary=args.permissions_boundary,
                tags=self._tags,
            ),
            self._child,
        )

    @property
    def _group_request(self) -> GroupRequest | None:
        return self._args.machine.group if self._args.machine else None

    def _attached_by_machine(self) -> AttachedVolumes | None:
        """The volumes that the machine of a group attaches to itself."""
        volumes = self._args.volumes if self._group_request else ()
        if not volumes:
            return None
        return AttachedVolumes(
            own=any(each.id is None for each in volumes),
            ids=tuple(each.id for each in volumes if each.id is not None),
        )

    def _run_spec(self) -> pulumi.Output[str]:
        spec = dict(self._args.run_spec)
        volumes = self._args.volumes
        # The machine of a group attaches its volumes itself.
        devices = [{"device": each} if self._group_request else {} for each in DEVICES]

        def filled_in(ids: Sequence[str]) -> str:
            mounted = [
                {"name": volume.name, "id": volume_id, "mount": volume.mount, **device}
                for volume, volume_id, device in zip(volumes, ids, devices, strict=False)
            ]
            return json.dumps({**spec, "volumes": mounted}, sort_keys=True, indent=2)

        return pulumi.Output.all(*(self.volume_ids[volume.name] for volume in volumes)).apply(filled_in)

    def _machine(
        self, profile: IamProfile, network: NetworkAccess, needs: Sequence[pulumi.Resource]
    ) -> pulumi.Output[str] | None:
        args, machine = self._args, self._args.machine
        if machine is None or machine.group is not None or machine.nodes:
            return None
        only = NodeRequest(user_data=machine.user_data, market=machine.market)
        spot = self._instance("machine", only, machine, profile, network, needs=needs)
        for device, volume in zip(DEVICES, args.volumes, strict=False):
            aws.ec2.VolumeAttachment(
                f"{self._name}-{volume.name}-attachment",
                device_name=device,
                instance_id=spot.instance_id,
                volume_id=self.volume_ids[volume.name],
                # Terminating the machine detaches; detaching a mounted volume hangs.
                skip_destroy=True,
                opts=self._child,
            )
        self._end_schedule("end", spot.instance_id, machine.end_after_seconds)
        return spot.instance_id

    def _nodes(
        self, profile: IamProfile, network: NetworkAccess, needs: Sequence[pulumi.Resource]
    ) -> list[pulumi.Output[str]]:
        machine = self._args.machine
        if machine is None or not machine.nodes:
            return []
        found = []
        place = self._placement_group(machine) if machine.cluster else None
        for number, node in enumerate(machine.nodes):
            spot = self._instance(
                f"node-{number}", node, machine, profile, network, needs=needs, placement_group=place
            )
            self._end_schedule(f"end-{number}", spot.instance_id, machine.end_after_seconds)
            found.append(spot.instance_id)
        return found

    def _placement_group(self, machine: MachineRequest) -> pulumi.Output[str]:
        """A group of its own for each place: the machines of one are in one zone, and best of one type."""
        args = self._args
        content = {"zone": args.zone, "type": machine.instance_type}
        physical = args.names.name("cluster", limit=PLACEMENT_GROUP_LIMIT, content=content)
        group = aws.ec2.PlacementGroup(
            f"{self._name}-cluster",
            name=physical,
            strategy="cluster",
            tags={"Name": physical, **self._tags},
            opts=self._child,
        )
        found: pulumi.Output[str] = group.name
        return found

    def _instance(
        self,
        role: str,
        node: NodeRequest,
        machine: MachineRequest,
        profile: IamProfile,
        network: NetworkAccess,
        *,
        needs: Sequence[pulumi.Resource],
        placement_group: pulumi.Input[str] | None = None,
    ) -> SpotInstance:
        args = self._args
        return SpotInstance(
            f"{self._name}-{role}",
            SpotInstanceArgs(
                label=args.names.name(role, limit=TAG_LIMIT),
                template_name=args.names.name(role, limit=TEMPLATE_LIMIT),
                image=machine.image,
                instance_type=machine.instance_type,
                market=node.market,
                max_price=machine.max_price,
                subnet=machine.subnet,
                public_address=machine.public_address,
                placement_group=placement_group,
                security_group=network.security_group_id,
                profile=profile.profile_name,
                user_data=node.user_data,
                disk_gb=machine.disk_gb,
                tags={RUN: args.run, **self._tags},
                identity=args.identity,
            ),
            self._child,
            needs=needs,
        )

    def _group(
        self, profile: IamProfile, network: NetworkAccess, needs: Sequence[pulumi.Resource]
    ) -> pulumi.Output[str] | None:
        args, machine, group = self._args, self._args.machine, self._group_request
        if machine is None or group is None:
            return None
        return MachineGroup(
            f"{self._name}-machines",
            MachineGroupArgs(
                label=args.names.name("machine", limit=TAG_LIMIT),
                group_name=group.name,
                template_name=args.names.name("group", limit=TEMPLATE_LIMIT),
                image=machine.image,
                root_device=group.root_device,
                instance_types=group.instance_types,
                market=machine.market,
                max_price=machine.max_price,
                subnets=group.subnets,
                public_address=machine.public_address,
                security_group=network.security_group_id,
                profile=profile.profile_name,
                user_data=machine.user_data,
                disk_gb=machine.disk_gb,
                ends_at=group.ends_at,
                tags={RUN: args.run, **self._tags},
                identity=args.identity,
            ),
            self._child,
            needs=[*needs, *self._own_volumes],
        ).group_name

    def _end_schedule(self, part: str, instance_id: pulumi.Output[str], after_seconds: int | None) -> None:
        if after_seconds is None:
            return
        args = self._args
        EndSchedule(
            f"{self._name}-{part}",
            EndScheduleArgs(
                names=args.names,
                part=part,
                partition=args.partition,
                instance_id=instance_id,
                after_seconds=after_seconds,
                permissions_boundary=args.permissions_boundary,
                tags=self._tags,
            ),
            self._child,
        )


def _policy_view(args: TrainingEnvironmentArgs) -> dict[str, object]:
    machine = args.machine
    return policy_view(
        args,
        instanceType=machine.instance_type if machine else None,
        instanceTypes=list(machine.group.instance_types if machine and machine.group else ())
        or list(args.candidate_types),
        recovery="cloud" if machine and machine.group else None,
        market=machine.market if machine else None,
        addressHour=args.limits.address_hour,
        diskGb=machine.disk_gb if machine else None,
        container=args.container,
    )
