"""The calls that runctl and its engine make, each with the resources it needs.

One grant is one statement of a policy. Names in braces stand for the partition, region and account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from runctl_auto.providers.aws.reach import DOCUMENTS
from runctl_auto.providers.aws.records.buckets import BUCKET, BUCKET_ARNS, OBJECT_ARNS, UPLOAD
from runctl_auto.providers.aws.records.catalogue import RECORDS
from runctl_auto.providers.aws.records.ec2 import ARN as EC2_ARN
from runctl_auto.providers.aws.records.instances import INSTANCE, SPOT_REQUEST
from runctl_auto.providers.aws.records.kind import EVERYWHERE, AwsKind
from runctl_auto.providers.aws.records.launch import KEY_PAIR, LAUNCH_TEMPLATE, PLACEMENT_GROUP
from runctl_auto.providers.aws.records.log_groups import LOG_GROUP
from runctl_auto.providers.aws.records.networks import INTERFACE, SECURITY_GROUP
from runctl_auto.providers.aws.records.parameters import PARAMETER
from runctl_auto.providers.aws.records.roles import PROFILE, ROLE
from runctl_auto.providers.aws.records.scaling_groups import SCALING_GROUP
from runctl_auto.providers.aws.records.schedules import SCHEDULE, SCHEDULE_GROUP
from runctl_auto.providers.aws.records.search import TAG_LIST
from runctl_auto.providers.aws.records.volumes import SNAPSHOT, VOLUME

Role = Literal["plan", "apply", "sweep", "reach", "runpod"]
ROLES: tuple[Role, ...] = ("plan", "apply", "sweep")
"""Roles: those who preview and inspect; who create and end jobs; who delete resources without a job. Each
role includes the permissions of the ones before it.
"""
REACH: Role = "reach"
"""Those who run commands on machines and open sessions with them: what that needs beside another role."""

RUNPOD: Role = "runpod"
"""Those who have jobs on RunPod: what their access to the bucket needs beside another role."""
SEPARATE = (REACH, RUNPOD)
"""Roles that stand by themselves."""

_USERS = ("arn:{partition}:iam::{account}:user/runctl-*",)
_OWN = {"StringEquals": {"aws:ResourceTag/runctl:created-by": "runctl"}}
_TAGGED = {"StringEquals": {"aws:RequestTag/runctl:created-by": "runctl"}}
_SCHEDULE_ROLES = ("arn:{partition}:iam::{account}:role/runctl-*-end-*",)
_SCHEDULES = (*SCHEDULE_GROUP.arns, *SCHEDULE.arns)
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

Conditions = Mapping[str, Mapping[str, str | tuple[str, ...]]]


@dataclass(frozen=True)
class Grant:
    """``calls`` on ``resources`` for ``role``. ``actions`` are those of the calls unless given here.

    ``seen`` is False for calls that neither a run in the sandbox nor the official provider makes: those that
    AWS makes by itself, or those caused only by a mistake in a job file.
    """

    sid: str
    role: Role
    calls: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = field(default_factory=dict)
    actions: tuple[str, ...] | None = None
    seen: bool = True


def _search(arns: tuple[str, ...], *kinds: AwsKind) -> tuple[str, ...]:
    """The calls by which ``kinds`` are searched for, and that IAM checks on ``arns``."""
    calls = (call for kind in kinds for call in (*kind.lists, *kind.reads))
    return tuple(dict.fromkeys(call.permission for call in calls if call.arns == arns))


def _remove(*kinds: AwsKind) -> tuple[str, ...]:
    """The calls that remove ``kinds``."""
    return tuple(dict.fromkeys(call.permission for kind in kinds for call in kind.removal.calls))


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
    *_remove(SCALING_GROUP),
)

_SWEPT = (INTERFACE,)
"""Tagged kinds that stacks do not create: only a sweep removes them."""

_SNAPSHOTS = ("ec2:CreateSnapshot", "ec2:CopySnapshot")
_CREATIONS = (
    "ec2:CreateVolume",
    "ec2:CreateSecurityGroup",
    "ec2:CreateLaunchTemplate",
    "ec2:CreatePlacementGroup",
    *_SNAPSHOTS,
)

GRANTS: tuple[Grant, ...] = (
    Grant(
        "LookAround",
        "plan",
        (
            "sts:GetCallerIdentity",
            "autoscaling:DescribeScalingActivities",
            "autoscaling:DescribeScheduledActions",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceAttribute",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSpotPriceHistory",
            "ec2:DescribeSubnets",
            "ec2:DescribeVolumesModifications",
            "ec2:DescribeVpcs",
            TAG_LIST.permission,
            "pricing:GetProducts",
            "servicequotas:GetServiceQuota",
            *_search(EVERYWHERE, *RECORDS),
        ),
        EVERYWHERE,
    ),
    Grant(
        "SeeSessions",
        "plan",
        ("ssm:DescribeInstanceInformation", "ssm:DescribeSessions"),
        EVERYWHERE,
        seen=False,
    ),
    Grant(
        # `exec`, `ps`, `shell` and `forward`: on machines of runctl's, by these documents.
        "ReachOwnMachines",
        "reach",
        ("ssm:SendCommand", "ssm:StartSession"),
        INSTANCE.arns,
        {"StringEquals": {"ssm:resourceTag/runctl:created-by": "runctl"}},
        seen=False,
    ),
    Grant(
        "ReachByDocuments",
        "reach",
        ("ssm:SendCommand", "ssm:StartSession"),
        tuple(f"arn:{{partition}}:ssm:{{region}}::document/{name}" for name in DOCUMENTS),
        seen=False,
    ),
    Grant("FollowCommands", "reach", ("ssm:GetCommandInvocation",), EVERYWHERE, seen=False),
    Grant(
        "EndSessions",
        "reach",
        ("ssm:ResumeSession", "ssm:TerminateSession"),
        ("arn:{partition}:ssm:{region}:{account}:session/*",),
        seen=False,
    ),
    Grant(
        # Called only for a subnet without a default route, and for jobs with three instance types or more.
        "LookIfNeeded",
        "plan",
        ("ec2:DescribeVpcEndpoints", "ec2:GetSpotPlacementScores"),
        EVERYWHERE,
        seen=False,
    ),
    Grant(
        "ReadPublicParameters",
        "plan",
        ("ssm:GetParameter",),
        ("arn:{partition}:ssm:{region}::parameter/aws/service/*",),
    ),
    Grant(
        # Called only to list the existing parameters when the one that a job names is missing.
        "NamePublicParameters",
        "plan",
        ("ssm:GetParametersByPath",),
        ("arn:{partition}:ssm:{region}::parameter/aws/service/*",),
        seen=False,
    ),
    Grant(
        "ReadOwnParameters", "plan", ("ssm:GetParameter", *_search(PARAMETER.arns, PARAMETER)), PARAMETER.arns
    ),
    Grant(
        "ReadOwnRoles",
        "plan",
        (
            "iam:GetRolePolicy",
            "iam:ListInstanceProfilesForRole",
            *_search(ROLE.arns, ROLE),
        ),
        ROLE.arns,
    ),
    Grant("ReadOwnProfiles", "plan", _search(PROFILE.arns, PROFILE), PROFILE.arns),
    Grant(
        "ReadOwnBuckets",
        "plan",
        (
            "s3:GetBucketEncryption",
            "s3:GetBucketLifecycleConfiguration",
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPolicy",
            "s3:GetBucketVersioning",
            "s3:GetPublicAccessBlock",
            "s3:HeadBucket",
            "s3:ListObjectVersions",
            "s3:ListObjectsV2",
            *_search(BUCKET_ARNS, BUCKET, UPLOAD),
        ),
        BUCKET_ARNS,
    ),
    # Called only when the deletion of a bucket was refused.
    Grant("ExplainRefusals", "plan", ("s3:GetObjectLockConfiguration",), BUCKET_ARNS, seen=False),
    Grant(
        "ReadOwnSchedules",
        "plan",
        (
            "scheduler:GetSchedule",
            "scheduler:GetScheduleGroup",
            *_search(SCHEDULE_GROUP.arns, SCHEDULE_GROUP),
        ),
        _SCHEDULES,
    ),
    Grant("ReadOwnObjects", "plan", ("s3:GetObject", "s3:GetObjectTagging", "s3:HeadObject"), OBJECT_ARNS),
    # Called only when two machines of a run ended without a report.
    Grant("ReadOwnConsoles", "plan", ("ec2:GetConsoleOutput",), INSTANCE.arns, _OWN, seen=False),
    # Called by `data status` alone.
    Grant("ReadVolumeStatuses", "plan", ("ec2:DescribeVolumeStatus",), EVERYWHERE, seen=False),
    Grant(
        "ReadAsTheOfficialProvider",
        "plan",
        (
            "ec2:DescribeIamInstanceProfileAssociations",
            "ec2:DescribeInstanceCreditSpecifications",
            "ec2:DescribeTags",
        ),
        EVERYWHERE,
    ),
    Grant(
        "ReadBucketsAsTheOfficialProvider",
        "plan",
        (
            "s3:GetBucketAccelerateConfiguration",
            "s3:GetBucketAcl",
            "s3:GetBucketCors",
            "s3:GetBucketLogging",
            "s3:GetBucketReplication",
            "s3:GetBucketRequestPayment",
            "s3:GetBucketWebsite",
            "s3:GetObjectLockConfiguration",
            "s3control:ListTagsForResource",
        ),
        BUCKET_ARNS,
    ),
    Grant(
        "Launch",
        "apply",
        _LAUNCHES,
        (f"{EC2_ARN}:instance/*",),
        _TAGGED,
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
        _TAGGED,
        actions=_CREATIONS,
    ),
    # On the volume; the snapshot itself is among what is made with tags.
    Grant("SnapshotOwn", "apply", _SNAPSHOTS[:1], _TAGGABLE, _OWN, actions=_SNAPSHOTS[:1]),
    Grant(
        # The source may be in any region.
        "CopyOwn",
        "apply",
        ("ec2:CopySnapshot",),
        ("arn:{partition}:ec2:*::snapshot/*",),
        _OWN,
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
            *_remove(PARAMETER),
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
        _TAGGED,
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
            *_remove(INSTANCE, SPOT_REQUEST, SECURITY_GROUP, PLACEMENT_GROUP),
            *_remove(VOLUME, SNAPSHOT, LAUNCH_TEMPLATE),
            # The official provider, when a machine or its group differs from what the program declares.
            "ec2:DisassociateIamInstanceProfile",
            "ec2:ModifyInstanceAttribute",
            "ec2:ModifyInstanceMetadataOptions",
            "ec2:ModifyNetworkInterfaceAttribute",
            "ec2:RevokeSecurityGroupIngress",
        ),
        _TAGGABLE,
        _OWN,
    ),
    # Called only by `volume detach`.
    Grant("DetachOwn", "apply", ("ec2:DetachVolume",), _TAGGABLE, _OWN, seen=False),
    # By name: tags are no condition of their creation.
    Grant("MakeOwnGroups", "apply", _GROUP_CHANGES, SCALING_GROUP.arns, actions=_GROUP_CHANGES),
    Grant("ChangeOwnProfiles", "apply", _PROFILE_CHANGES, INSTANCE.arns, _OWN, actions=_PROFILE_CHANGES),
    Grant("AttachToOwn", "apply", ("ec2:AttachVolume",), (f"{EC2_ARN}:instance/*",), _OWN),
    # A job may use an existing volume without runctl's tags.
    Grant("AttachAny", "apply", ("ec2:AttachVolume",), (f"{EC2_ARN}:volume/*",)),
    Grant(
        "MakeOwnRoles",
        "apply",
        (
            "iam:CreateRole",
            *_remove(ROLE),
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
            *_remove(PROFILE),
            "iam:AddRoleToInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:UntagInstanceProfile",
        ),
        PROFILE.arns,
        actions=(
            "iam:CreateInstanceProfile",
            *_remove(PROFILE),
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
            *_remove(SCHEDULE, SCHEDULE_GROUP),
            "scheduler:TagResource",
            "scheduler:UntagResource",
            "scheduler:UpdateSchedule",
        ),
        _SCHEDULES,
        actions=(
            "scheduler:CreateSchedule",
            "scheduler:CreateScheduleGroup",
            *_remove(SCHEDULE, SCHEDULE_GROUP),
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
            *_remove(UPLOAD),
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
    Grant(
        "RemoveOwnLeftovers",
        "sweep",
        _remove(*_SWEPT),
        tuple(arn for kind in _SWEPT for arn in kind.arns),
        _OWN,
    ),
    Grant("RemoveOwnKeyPairs", "sweep", _remove(KEY_PAIR), KEY_PAIR.arns),
    Grant("RemoveOwnLogs", "sweep", _remove(LOG_GROUP), LOG_GROUP.arns),
    Grant("FindUsersOfPods", RUNPOD, ("iam:ListUsers",), EVERYWHERE, seen=False),
    Grant(
        "ManageUsersOfPods",
        RUNPOD,
        (
            "iam:CreateAccessKey",
            "iam:CreateUser",
            "iam:DeleteAccessKey",
            "iam:DeleteUser",
            "iam:DeleteUserPolicy",
            "iam:DetachUserPolicy",
            "iam:GetUser",
            "iam:GetUserPolicy",
            "iam:ListAccessKeys",
            "iam:ListAttachedUserPolicies",
            "iam:ListGroupsForUser",
            "iam:ListUserPolicies",
            "iam:ListUserTags",
            "iam:PutUserPolicy",
            "iam:TagUser",
            "iam:UntagUser",
            "iam:UpdateAccessKey",
        ),
        _USERS,
        seen=False,
    ),
)
