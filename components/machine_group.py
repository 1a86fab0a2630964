"""A group of at most one machine: the cloud itself replaces the machine when it is lost, until the run has
ended.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pulumi
import pulumi_aws as aws

from components.spot_instance import Market

TYPE = "runctl:aws:MachineGroup"
END_ACTION = "end"
"""The name of the scheduled action that ends the group."""

_METADATA_KEY = re.compile(r"[A-Za-z0-9+\-=.,_:@]{1,128}")
"""Tags with other keys cannot be told by the metadata service: the launch would fail."""
UNCHANGED = -1
"""As a size in a scheduled action: it stays."""


@dataclass(frozen=True, kw_only=True)
class MachineGroupArgs:
    """``group_name`` identifies the run and the machine: with another name the group is replaced.

    ``instance_types`` are the types that a machine may have, the preferred first, ``subnets`` those in which
    it may be launched. ``root_device`` is the name of the image's root device. ``max_price`` is USD an hour,
    for spot; None means up to the on-demand price. ``ends_at`` (seconds since the epoch) is when the cloud
    itself sets the group to 0; None: never. ``identity`` are the job's identity tags: neither a group nor
    what it launches has the provider's default tags.
    """

    label: str
    group_name: str
    template_name: str
    image: str
    root_device: str
    instance_types: Sequence[str]
    market: Market
    subnets: Sequence[str]
    security_group: pulumi.Input[str]
    profile: pulumi.Input[str]
    user_data: str
    disk_gb: int
    max_price: float | None = None
    public_address: bool = False
    ends_at: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)


class MachineGroup(pulumi.ComponentResource):
    """A launch template and an Auto Scaling group of one.

    The number of machines that the group wants belongs to the run: the program declares 1, the machine sets
    it to 0 when the run has ended, and so does the scheduled action at the latest end. Updates of the stack
    therefore ignore it.
    """

    template: aws.ec2.LaunchTemplate
    group: aws.autoscaling.Group
    group_name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: MachineGroupArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        needs: Sequence[pulumi.Resource] = (),
    ):
        """``needs`` must exist before a machine boots."""
        shown = {"market": args.market, "instanceTypes": list(args.instance_types), "endsAt": args.ends_at}
        super().__init__(TYPE, name, shown, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.template = _launch_template(f"{name}-template", args, child)
        self.group = _group(f"{name}-group", args, self.template, parent=self, needs=needs)
        if args.ends_at is not None:
            aws.autoscaling.Schedule(
                f"{name}-end",
                scheduled_action_name=END_ACTION,
                autoscaling_group_name=self.group.name,
                start_time=start_time(args.ends_at),
                min_size=0,
                max_size=UNCHANGED,
                desired_capacity=0,
                opts=child,
            )
        self.group_name = self.group.name
        self.register_outputs({"groupName": self.group_name})


def start_time(moment: int) -> str:
    """The time of a scheduled action, in UTC and whole seconds."""
    return datetime.fromtimestamp(moment, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _launch_template(
    name: str, args: MachineGroupArgs, options: pulumi.ResourceOptions
) -> aws.ec2.LaunchTemplate:
    """All of a machine but its type, subnet and market, which the group chooses. Another version replaces no
    machine: a change that must do so changes the group's name.
    """
    launched = {"Name": args.label, **args.identity, **args.tags}
    # Whoever makes the group must be allowed to launch what the template describes, by its tags.
    requests = ["spot-instances-request"] if args.market == "spot" else []
    return aws.ec2.LaunchTemplate(
        name,
        name=args.template_name,
        update_default_version=True,
        image_id=args.image,
        instance_type=args.instance_types[0],
        instance_initiated_shutdown_behavior="terminate",
        user_data=base64.b64encode(args.user_data.encode()).decode("ascii"),
        iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(name=args.profile),
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=2,
            # A machine learns from a tag that the one before it could not be started.
            instance_metadata_tags="enabled" if all(map(_METADATA_KEY.fullmatch, launched)) else None,
        ),
        block_device_mappings=[
            aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                device_name=args.root_device,
                ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                    volume_size=args.disk_gb,
                    volume_type="gp3",
                    encrypted="true",
                    delete_on_termination="true",
                ),
            )
        ],
        network_interfaces=[
            aws.ec2.LaunchTemplateNetworkInterfaceArgs(
                device_index=0,
                associate_public_ip_address="true" if args.public_address else None,
                delete_on_termination="true",
                security_groups=[args.security_group],
            )
        ],
        tag_specifications=[
            aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=each, tags=launched)
            for each in ("instance", "volume", "network-interface", *requests)
        ],
        opts=options,
    )


def _group(
    name: str,
    args: MachineGroupArgs,
    template: aws.ec2.LaunchTemplate,
    *,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> aws.autoscaling.Group:
    tags = {"Name": args.label, **args.identity, **args.tags}
    return aws.autoscaling.Group(
        name,
        name=args.group_name,
        min_size=0,
        max_size=1,
        desired_capacity=1,
        vpc_zone_identifiers=list(args.subnets),
        mixed_instances_policy=_mixed_instances_policy(args, template),
        health_check_type="EC2",
        # Both would end a machine that trains for a better balance or a safer place.
        suspended_processes=["AZRebalance"],
        capacity_rebalance=False,
        # Whoever follows the run reads the launches; an apply does not wait for capacity.
        wait_for_capacity_timeout="0",
        tags=[
            aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
            for key, value in sorted(tags.items())
        ],
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=list(needs),
            delete_before_replace=True,
            ignore_changes=["desiredCapacity"],
        ),
    )


def _mixed_instances_policy(
    args: MachineGroupArgs, template: aws.ec2.LaunchTemplate
) -> aws.autoscaling.GroupMixedInstancesPolicyArgs:
    price = None if args.max_price is None or args.market == "on-demand" else f"{args.max_price:.6f}"
    return aws.autoscaling.GroupMixedInstancesPolicyArgs(
        instances_distribution=aws.autoscaling.GroupMixedInstancesPolicyInstancesDistributionArgs(
            on_demand_base_capacity=0,
            on_demand_percentage_above_base_capacity=0 if args.market == "spot" else 100,
            on_demand_allocation_strategy="prioritized",
            spot_allocation_strategy="price-capacity-optimized",
            spot_max_price=price,
        ),
        launch_template=aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateArgs(
            launch_template_specification=(
                aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs(
                    launch_template_id=template.id,
                    version=template.latest_version.apply(lambda number: str(int(number))),
                )
            ),
            overrides=[
                aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideArgs(instance_type=each)
                for each in args.instance_types
            ],
        ),
    )
