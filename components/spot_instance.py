"""The machine that trains: spot or on-demand, terminated when it shuts down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.tags import BACKEND

TYPE = "runctl:aws:SpotInstance"

Market = Literal["spot", "on-demand"]


@dataclass(frozen=True, kw_only=True)
class SpotInstanceArgs:
    """``image``, ``instance_type`` and ``subnet`` were decided for the run. ``max_price`` is USD an hour, for
    spot; None means up to the on-demand price. ``identity`` are the job's identity tags, for resources
    without the provider's default tags. ``template_name`` is the physical name of the launch template.
    ``public_address`` asks for a public IPv4 address; without it the subnet's own setting holds.
    ``placement_group`` is the name of the group in which it is close to others.
    """

    label: str
    template_name: str
    image: str
    instance_type: str
    market: Market
    subnet: str
    security_group: pulumi.Input[str]
    profile: pulumi.Input[str]
    user_data: str
    disk_gb: int
    max_price: float | None = None
    public_address: bool = False
    placement_group: pulumi.Input[str] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)


class SpotInstance(pulumi.ComponentResource):
    """One machine. Changes that require a stop replace it, the old one terminating before the new one is
    created: a one-time spot instance cannot be stopped, and a volume is attached to one machine at a time.
    """

    template: aws.ec2.LaunchTemplate
    instance: aws.ec2.Instance
    instance_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: SpotInstanceArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        needs: Sequence[pulumi.Resource] = (),
    ):
        """``needs`` must exist before the machine boots."""
        super().__init__(TYPE, name, {"market": args.market, "instanceType": args.instance_type}, opts)
        self.template = _launch_template(f"{name}-template", args, pulumi.ResourceOptions(parent=self))
        self.instance = aws.ec2.Instance(
            f"{name}-instance",
            ami=args.image,
            instance_type=args.instance_type,
            subnet_id=args.subnet,
            associate_public_ip_address=True if args.public_address else None,
            placement_group=args.placement_group,
            vpc_security_group_ids=[args.security_group],
            iam_instance_profile=args.profile,
            user_data=args.user_data,
            user_data_replace_on_change=True,
            launch_template=aws.ec2.InstanceLaunchTemplateArgs(
                id=self.template.id,
                version=self.template.latest_version.apply(lambda number: str(int(number))),
            ),
            instance_market_options=_market_options(args),
            metadata_options=aws.ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=2
            ),
            root_block_device=aws.ec2.InstanceRootBlockDeviceArgs(
                volume_size=args.disk_gb,
                volume_type="gp3",
                encrypted=True,
                delete_on_termination=True,
                tags={"Name": args.label, **args.identity, **args.tags},
            ),
            tags={"Name": args.label, **args.tags},
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(needs),
                delete_before_replace=True,
                replace_on_changes=["instanceType"],
            ),
        )
        self.instance_id = self.instance.id
        self.register_outputs({"instanceId": self.instance_id})


def _launch_template(
    name: str, args: SpotInstanceArgs, options: pulumi.ResourceOptions
) -> aws.ec2.LaunchTemplate:
    """The settings that the instance itself does not state.

    The shutdown behavior: if set on the instance, the AWS provider would set it again by
    ModifyInstanceAttribute after the launch. Tags of resources that the launch creates besides the instance.
    Another version of the template replaces the instance, so the template contains nothing that may change
    during a run. It has no tags of the job either: if they change, a preview treats the version as unknown
    and the instance as replaced.
    """
    tags = {key: value for key, value in args.identity.items() if key != BACKEND}
    tagged = ["volume", "network-interface", *(["spot-instances-request"] if args.market == "spot" else [])]
    return aws.ec2.LaunchTemplate(
        name,
        name=args.template_name,
        instance_initiated_shutdown_behavior="terminate",
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=2
        ),
        tag_specifications=[
            aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=each, tags=tags) for each in tagged
        ],
        opts=options,
    )


def _market_options(args: SpotInstanceArgs) -> aws.ec2.InstanceInstanceMarketOptionsArgs | None:
    if args.market == "on-demand":
        return None
    return aws.ec2.InstanceInstanceMarketOptionsArgs(
        market_type="spot",
        spot_options=aws.ec2.InstanceInstanceMarketOptionsSpotOptionsArgs(
            spot_instance_type="one-time",
            instance_interruption_behavior="terminate",
            max_price=None if args.max_price is None else f"{args.max_price:.6f}",
        ),
    )
