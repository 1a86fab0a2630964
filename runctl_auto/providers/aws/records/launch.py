"""Launch templates, placement groups and key pairs."""

from __future__ import annotations

from runctl_auto.providers.aws.records import ec2, names
from runctl_auto.providers.aws.records.kind import AwsKind, ListCall, Look, free, one_call

LAUNCH_TEMPLATE = AwsKind(
    name=names.LAUNCH_TEMPLATE,
    types=("aws:ec2/launchTemplate:LaunchTemplate",),
    lists=(
        ListCall(
            "ec2",
            "describe_launch_templates",
            items="LaunchTemplates",
            id_key="LaunchTemplateId",
            name_key="LaunchTemplateName",
            created_key="CreateTime",
        ),
    ),
    name_filter="launch-template-name",
    removed_after=(names.SCALING_GROUP,),
    made_by_stacks=True,
    looks=(Look(ec2.find_own),),
    removal=ec2.delete("delete_launch_template", "LaunchTemplateId"),
    commands=ec2.command("delete-launch-template --launch-template-id"),
    arns=(f"{ec2.ARN}:launch-template/*",),
    cost=free,
)

PLACEMENT_GROUP = AwsKind(
    name=names.PLACEMENT_GROUP,
    types=("aws:ec2/placementGroup:PlacementGroup",),
    id_in_state_is_name=True,
    lists=(
        ListCall(
            "ec2",
            "describe_placement_groups",
            items="PlacementGroups",
            id_key="GroupId",
            name_key="GroupName",
            page_key=None,  # this call has no pages
        ),
    ),
    name_filter="group-name",
    # One that still has machines cannot be deleted.
    removed_after=(names.INSTANCE,),
    made_by_stacks=True,
    has_creation_time=False,
    looks=(Look(ec2.find_own),),
    digest_in_name="content",
    removal=one_call("ec2", "delete_placement_group", lambda each: {"GroupName": each.name}),
    commands=("ec2 --region {region} delete-placement-group --group-name {name}",),
    arns=(f"{ec2.ARN}:placement-group/*",),
    cost=free,
)

KEY_PAIR = AwsKind(
    name=names.KEY_PAIR,
    types=("aws:ec2/keyPair:KeyPair",),
    id_in_state_is_name=True,
    lists=(
        ListCall(
            "ec2",
            "describe_key_pairs",
            items="KeyPairs",
            id_key="KeyPairId",
            name_key="KeyName",
            created_key="CreateTime",
            page_key=None,  # this call has no pages
        ),
    ),
    name_filter="key-name",
    looks=(Look(ec2.find_own),),
    removal=one_call("ec2", "delete_key_pair", lambda each: {"KeyName": each.name}),
    commands=("ec2 --region {region} delete-key-pair --key-name {name}",),
    arns=(f"{ec2.ARN}:key-pair/runctl-*",),
    cost=free,
)
