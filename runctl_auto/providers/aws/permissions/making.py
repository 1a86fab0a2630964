"""What those call who create and end jobs: the role ``apply``."""

from __future__ import annotations

from runctl_auto.providers.aws.permissions.grant import OWN, TAGGED, Grant, remove
from runctl_auto.providers.aws.permissions.reading import SCHEDULES
from runctl_auto.providers.aws.records.buckets import BUCKET_ARNS, OBJECT_ARNS, UPLOAD
from runctl_auto.providers.aws.records.ec2 import ARN as EC2_ARN
from runctl_auto.providers.aws.records.instances import INSTANCE, SPOT_REQUEST
from runctl_auto.providers.aws.records.launch import LAUNCH_TEMPLATE, PLACEMENT_GROUP
from runctl_auto.providers.aws.records.networks import INTERFACE, SECURITY_GROUP
from runctl_auto.providers.aws.records.parameters import PARAMETER
from runctl_auto.providers.aws.records.roles import PROFILE, ROLE
from runctl_auto.providers.aws.records.scaling_groups import SCALING_GROUP
from runctl_auto.providers.aws.records.schedules import SCHEDULE, SCHEDULE_GROUP
from runctl_auto.providers.aws.records.volumes import SNAPSHOT, VOLUME

_SCHEDULE_ROLES = ("arn:{partition}:iam::{account}:role/runctl-*-end-*",)
_TAGGABLE = (
    *INSTANCE.arns,
    *INTERFACE.arns,
    *LAUNCH_TEMPLATE.arns,
    *PLACEMENT_GROUP.arns,
    *SECURITY_GROUP.arns,
    f"{EC2_ARN}:security-group-rule/*",
    *SPOT_REQUEST.arns,
    *VOLUME.arns,
    *SNAPSHOT.arns,
)

_BY_AWS = ("autoscaling.amazonaws.com", "spot.amazonaws.com")
"""Services that make a role of their own in an account."""

_PROFILE_CHANGES = ("ec2:AssociateIamInstanceProfile", "ec2:ReplaceIamInstanceProfileAssociation")
"""Calls that give a machine another instance profile, and thereby pass the role."""

_LAUNCHES = (
    "ec2:RunInstances",
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:UpdateAutoScalingGroup",
)
"""Calls that launch machines, or let a group launch them with the caller's permissions."""

_GROUP_CHANGES = (
    "autoscaling:CreateAutoScalingGroup",
    "autoscaling:CreateOrUpdateTags",
    "autoscaling:DeleteScheduledAction",
    "autoscaling:DeleteTags",
    "autoscaling:PutScheduledUpdateGroupAction",
    "autoscaling:ResumeProcesses",
    "autoscaling:SetDesiredCapacity",
    "autoscaling:SetInstanceProtection",
    "autoscaling:SuspendProcesses",
    "autoscaling:UpdateAutoScalingGroup",
    *remove(SCALING_GROUP),
)

_SNAPSHOTS = ("ec2:CreateSnapshot", "ec2:CopySnapshot")
_CREATIONS = (
    "ec2:CreateVolume",
    "ec2:CreateSecurityGroup",
    "ec2:CreateLaunchTemplate",
    "ec2:CreatePlacementGroup",
    *_SNAPSHOTS,
)

MAKING: tuple[Grant, ...] = (
    Grant(
        "Launch",
        "apply",
        _LAUNCHES,
        (f"{EC2_ARN}:instance/*",),
        TAGGED,
        actions=("ec2:RunInstances",),
    ),
    Grant(
        "LaunchFromParts",
        "apply",
        _LAUNCHES,
        (
            "arn:{partition}:ec2:{region}::image/*",
            "arn:{partition}:ec2:{region}::snapshot/*",
            f"{EC2_ARN}:network-interface/*",
            *LAUNCH_TEMPLATE.arns,
            *PLACEMENT_GROUP.arns,
            f"{EC2_ARN}:security-group/*",
            f"{EC2_ARN}:spot-instances-request/*",
            f"{EC2_ARN}:subnet/*",
            f"{EC2_ARN}:volume/*",
        ),
        actions=("ec2:RunInstances",),
    ),
    Grant(
        "MakeTagged",
        "apply",
        _CREATIONS,
        (
            f"{EC2_ARN}:volume/*",
            f"{EC2_ARN}:security-group/*",
            *LAUNCH_TEMPLATE.arns,
            *PLACEMENT_GROUP.arns,
            *SNAPSHOT.arns,
        ),
        TAGGED,
        actions=_CREATIONS,
    ),
    # On the volume; the snapshot itself is among what is made with tags.
    Grant("SnapshotOwn", "apply", _SNAPSHOTS[:1], _TAGGABLE, OWN, actions=_SNAPSHOTS[:1]),
    Grant(
        # The source may be in any region.
        "CopyOwn",
        "apply",
        ("ec2:CopySnapshot",),
        ("arn:{partition}:ec2:*::snapshot/*",),
        OWN,
        actions=("ec2:CopySnapshot",),
    ),
    Grant(
        "MakeFromSnapshot",
        "apply",
        ("ec2:CreateVolume",),
        ("arn:{partition}:ec2:{region}::snapshot/*",),
        actions=("ec2:CreateVolume",),
    ),
    Grant(
        "KeepSecrets",
        "apply",
        (
            "ssm:PutParameter",
            *remove(PARAMETER),
            "ssm:AddTagsToResource",
            "ssm:RemoveTagsFromResource",
        ),
        PARAMETER.arns,
    ),
    Grant(
        "MakeInNetwork",
        "apply",
        ("ec2:CreateSecurityGroup",),
        (f"{EC2_ARN}:vpc/*",),
        actions=("ec2:CreateSecurityGroup",),
    ),
    Grant(
        # The official provider tags a root volume after the launch, so the tag itself is the condition.
        "TagAsOwn",
        "apply",
        (
            "ec2:CreateTags",
            *_LAUNCHES,
            *_CREATIONS,
        ),
        _TAGGABLE,
        TAGGED,
        actions=("ec2:CreateTags",),
    ),
    Grant(
        "ChangeOwn",
        "apply",
        (
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",  # of several machines, from each other
            "ec2:CreateLaunchTemplateVersion",
            "ec2:CreateTags",
            "ec2:DeleteTags",
            "ec2:ModifyLaunchTemplate",
            "ec2:ModifyVolume",
            "ec2:RevokeSecurityGroupEgress",
            *remove(INSTANCE, SPOT_REQUEST, SECURITY_GROUP, PLACEMENT_GROUP),
            *remove(VOLUME, SNAPSHOT, LAUNCH_TEMPLATE),
            # The official provider, when a machine or its group differs from what the program declares.
            "ec2:DisassociateIamInstanceProfile",
            "ec2:ModifyInstanceAttribute",
            "ec2:ModifyInstanceMetadataOptions",
            "ec2:ModifyNetworkInterfaceAttribute",
            "ec2:RevokeSecurityGroupIngress",
        ),
        _TAGGABLE,
        OWN,
    ),
    # Called only by `volume detach`.
    Grant("DetachOwn", "apply", ("ec2:DetachVolume",), _TAGGABLE, OWN, seen=False),
    # By name: tags are no condition of their creation.
    Grant("MakeOwnGroups", "apply", _GROUP_CHANGES, SCALING_GROUP.arns, actions=_GROUP_CHANGES),
    Grant("ChangeOwnProfiles", "apply", _PROFILE_CHANGES, INSTANCE.arns, OWN, actions=_PROFILE_CHANGES),
    Grant("AttachToOwn", "apply", ("ec2:AttachVolume",), (f"{EC2_ARN}:instance/*",), OWN),
    # A job may use an existing volume without runctl's tags.
    Grant("AttachAny", "apply", ("ec2:AttachVolume",), (f"{EC2_ARN}:volume/*",)),
    Grant(
        "MakeOwnRoles",
        "apply",
        (
            "iam:CreateRole",
            *remove(ROLE),
            "iam:DeleteRolePermissionsBoundary",
            "iam:PutRolePermissionsBoundary",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRoleDescription",
        ),
        ROLE.arns,
    ),
    Grant(
        "MakeOwnProfiles",
        "apply",
        (
            "iam:CreateInstanceProfile",
            *remove(PROFILE),
            "iam:AddRoleToInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:UntagInstanceProfile",
        ),
        PROFILE.arns,
        actions=(
            "iam:CreateInstanceProfile",
            *remove(PROFILE),
            "iam:AddRoleToInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:UntagInstanceProfile",
        ),
    ),
    Grant(
        "HandRolesToMachines",
        "apply",
        (*_LAUNCHES, "iam:AddRoleToInstanceProfile", *_PROFILE_CHANGES),
        ROLE.arns,
        {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        actions=("iam:PassRole",),
    ),
    Grant(
        "MakeOwnSchedules",
        "apply",
        (
            "scheduler:CreateSchedule",
            "scheduler:CreateScheduleGroup",
            *remove(SCHEDULE, SCHEDULE_GROUP),
            "scheduler:TagResource",
            "scheduler:UntagResource",
            "scheduler:UpdateSchedule",
        ),
        SCHEDULES,
        actions=(
            "scheduler:CreateSchedule",
            "scheduler:CreateScheduleGroup",
            *remove(SCHEDULE, SCHEDULE_GROUP),
            "scheduler:TagResource",
            "scheduler:UntagResource",
            "scheduler:UpdateSchedule",
        ),
    ),
    Grant(
        "HandRolesToSchedules",
        "apply",
        ("scheduler:CreateSchedule", "scheduler:UpdateSchedule"),
        _SCHEDULE_ROLES,
        {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        actions=("iam:PassRole",),
    ),
    Grant(
        "FirstOfTheAccount",  # its first spot request, its first group
        "apply",
        (),
        tuple(f"arn:{{partition}}:iam::{{account}}:role/aws-service-role/{each}/*" for each in _BY_AWS),
        {"StringEquals": {"iam:AWSServiceName": _BY_AWS}},
        actions=("iam:CreateServiceLinkedRole",),
        seen=False,
    ),
    Grant(
        "MakeOwnBuckets",
        "apply",
        (
            "s3:CreateBucket",
            "s3:DeleteBucket",
            "s3:DeleteBucketEncryption",
            "s3:DeleteBucketLifecycle",
            "s3:DeleteBucketOwnershipControls",
            "s3:DeleteBucketPolicy",
            "s3:DeleteBucketTagging",
            "s3:DeletePublicAccessBlock",
            "s3:PutBucketEncryption",
            "s3:PutBucketLifecycleConfiguration",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPolicy",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutPublicAccessBlock",
            "s3control:TagResource",
            "s3control:UntagResource",
        ),
        BUCKET_ARNS,
    ),
    Grant(
        "FillOwnBuckets",
        "apply",
        (
            *remove(UPLOAD),
            "s3:CompleteMultipartUpload",
            "s3:CreateMultipartUpload",
            "s3:DeleteObject",
            "s3:DeleteObjects",
            "s3:DeleteObjectTagging",
            "s3:PutObject",
            "s3:PutObjectTagging",
            "s3:UploadPart",
        ),
        OBJECT_ARNS,
    ),
)
