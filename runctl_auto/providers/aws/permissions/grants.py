"""The calls that runctl and its engine make, each with the resources it is for.

One grant is one statement of a policy. Names in braces stand for the partition, region and account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["plan", "apply", "sweep"]
ROLES: tuple[Role, ...] = ("plan", "apply", "sweep")
"""Who previews and looks; who makes and ends jobs; who removes what no job holds any more. Each may do
what those before it may."""

_EC2 = "arn:{partition}:ec2:{region}:{account}"
_OWN = {"StringEquals": {"aws:ResourceTag/runctl:created-by": "runctl"}}
_TAGGED = {"StringEquals": {"aws:RequestTag/runctl:created-by": "runctl"}}
_BUCKETS = ("arn:{partition}:s3:::runctl-*",)
_OBJECTS = ("arn:{partition}:s3:::runctl-*/*",)
_ROLES = ("arn:{partition}:iam::{account}:role/runctl-*",)
_PROFILES = ("arn:{partition}:iam::{account}:instance-profile/runctl-*",)
_PARAMETERS = ("arn:{partition}:ssm:{region}:{account}:parameter/runctl/*",)
_SCHEDULE_ROLES = ("arn:{partition}:iam::{account}:role/runctl-*-end-*",)
_SCHEDULES = (
    "arn:{partition}:scheduler:{region}:{account}:schedule-group/runctl-*",
    "arn:{partition}:scheduler:{region}:{account}:schedule/runctl-*/*",
)
_TAGGABLE = tuple(
    f"{_EC2}:{kind}/*"
    for kind in ("instance", "security-group", "security-group-rule", "spot-instances-request", "volume")
)
_EVERYWHERE = ("*",)

Conditions = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Grant:
    """``calls`` on ``resources`` for ``role``. ``actions`` are those of the calls unless given here.

    ``seen`` is False for what a life in the sandbox does not show: calls that only the official provider
    makes, that AWS makes by itself, or that only a mistake in a job file leads to.
    """

    sid: str
    role: Role
    calls: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = field(default_factory=dict)
    actions: tuple[str, ...] | None = None
    seen: bool = True


GRANTS: tuple[Grant, ...] = (
    Grant(
        "LookAround",
        "plan",
        (
            "sts:GetCallerIdentity",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceAttribute",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeInstances",
            "ec2:DescribeKeyPairs",
            "ec2:DescribeLaunchTemplates",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSnapshots",
            "ec2:DescribeSpotInstanceRequests",
            "ec2:DescribeSpotPriceHistory",
            "ec2:DescribeSubnets",
            "ec2:DescribeVolumes",
            "ec2:DescribeVpcs",
            "logs:DescribeLogGroups",
            "ssm:DescribeParameters",
            "tagging:GetResources",
            "s3:ListBuckets",
            "iam:GetAccountAuthorizationDetails",
            "iam:ListInstanceProfiles",
            "iam:ListRoles",
            "pricing:GetProducts",
            "scheduler:ListScheduleGroups",
            "scheduler:ListSchedules",
        ),
        _EVERYWHERE,
    ),
    Grant(
        "ReadPublicParameters",
        "plan",
        ("ssm:GetParameter",),
        ("arn:{partition}:ssm:{region}::parameter/aws/service/*",),
    ),
    Grant(
        # Asked only to name what there is when a parameter that a job names is not there.
        "NamePublicParameters",
        "plan",
        ("ssm:GetParametersByPath",),
        ("arn:{partition}:ssm:{region}::parameter/aws/service/*",),
        seen=False,
    ),
    Grant("ReadOwnParameters", "plan", ("ssm:GetParameter", "ssm:ListTagsForResource"), _PARAMETERS),
    Grant(
        "ReadOwnRoles",
        "plan",
        (
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListInstanceProfilesForRole",
            "iam:ListRolePolicies",
        ),
        _ROLES,
    ),
    Grant("ReadOwnProfiles", "plan", ("iam:GetInstanceProfile",), _PROFILES),
    Grant(
        "ReadOwnBuckets",
        "plan",
        (
            "s3:GetBucketEncryption",
            "s3:GetBucketLifecycleConfiguration",
            "s3:GetBucketOwnershipControls",
            "s3:GetBucketPolicy",
            "s3:GetBucketTagging",
            "s3:GetPublicAccessBlock",
            "s3:HeadBucket",
            "s3:ListMultipartUploads",
            "s3:ListObjectsV2",
        ),
        _BUCKETS,
    ),
    Grant(
        "ReadOwnSchedules",
        "plan",
        ("scheduler:GetSchedule", "scheduler:GetScheduleGroup", "scheduler:ListTagsForResource"),
        _SCHEDULES,
    ),
    Grant("ReadOwnObjects", "plan", ("s3:GetObject", "s3:GetObjectTagging", "s3:HeadObject"), _OBJECTS),
    Grant(
        "ReadAsTheOfficialProvider",
        "plan",
        (
            "ec2:DescribeIamInstanceProfileAssociations",
            "ec2:DescribeInstanceCreditSpecifications",
            "ec2:DescribeInstanceStatus",
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeTags",
            "ec2:DescribeVolumesModifications",
            "ec2:DescribeVpcAttribute",
        ),
        _EVERYWHERE,
        seen=False,
    ),
    Grant(
        "ReadBucketsAsTheOfficialProvider",
        "plan",
        (),
        _BUCKETS,
        actions=(
            "s3:GetAccelerateConfiguration",
            "s3:GetBucketAcl",
            "s3:GetBucketCORS",
            "s3:GetBucketLocation",
            "s3:GetBucketLogging",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetBucketRequestPayment",
            "s3:GetBucketVersioning",
            "s3:GetBucketWebsite",
            "s3:GetReplicationConfiguration",
        ),
        seen=False,
    ),
    Grant(
        "Launch",
        "apply",
        ("ec2:RunInstances",),
        (f"{_EC2}:instance/*",),
        _TAGGED,
        actions=("ec2:RunInstances",),
    ),
    Grant(
        "LaunchFromParts",
        "apply",
        ("ec2:RunInstances",),
        (
            "arn:{partition}:ec2:{region}::image/*",
            "arn:{partition}:ec2:{region}::snapshot/*",
            f"{_EC2}:network-interface/*",
            f"{_EC2}:security-group/*",
            f"{_EC2}:spot-instances-request/*",
            f"{_EC2}:subnet/*",
            f"{_EC2}:volume/*",
        ),
        actions=("ec2:RunInstances",),
    ),
    Grant(
        "MakeTagged",
        "apply",
        ("ec2:CreateVolume", "ec2:CreateSecurityGroup"),
        (f"{_EC2}:volume/*", f"{_EC2}:security-group/*"),
        _TAGGED,
        actions=("ec2:CreateVolume", "ec2:CreateSecurityGroup"),
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
            "ssm:DeleteParameter",
            "ssm:AddTagsToResource",
            "ssm:RemoveTagsFromResource",
        ),
        _PARAMETERS,
    ),
    Grant(
        "MakeInNetwork",
        "apply",
        ("ec2:CreateSecurityGroup",),
        (f"{_EC2}:vpc/*",),
        actions=("ec2:CreateSecurityGroup",),
    ),
    Grant(
        # The official provider tags a root volume after the launch, so the tag itself is the condition.
        "TagAsOwn",
        "apply",
        ("ec2:CreateTags", "ec2:RunInstances", "ec2:CreateVolume", "ec2:CreateSecurityGroup"),
        _TAGGABLE,
        _TAGGED,
        actions=("ec2:CreateTags",),
    ),
    Grant(
        "ChangeOwn",
        "apply",
        (
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:CancelSpotInstanceRequests",
            "ec2:CreateTags",
            "ec2:DeleteSecurityGroup",
            "ec2:DeleteTags",
            "ec2:DeleteVolume",
            "ec2:ModifyVolume",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:TerminateInstances",
        ),
        _TAGGABLE,
        _OWN,
    ),
    Grant("AttachToOwn", "apply", ("ec2:AttachVolume",), (f"{_EC2}:instance/*",), _OWN),
    # A job may use a volume that exists and carries no tag of runctl.
    Grant("AttachAny", "apply", ("ec2:AttachVolume",), (f"{_EC2}:volume/*",)),
    Grant(
        "MakeOwnRoles",
        "apply",
        (
            "iam:CreateRole",
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UntagRole",
        ),
        _ROLES,
    ),
    Grant(
        "MakeOwnProfiles",
        "apply",
        (
            "iam:CreateInstanceProfile",
            "iam:DeleteInstanceProfile",
            "iam:RemoveRoleFromInstanceProfile",
            "iam:AddRoleToInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:UntagInstanceProfile",
        ),
        _PROFILES,
        actions=(
            "iam:CreateInstanceProfile",
            "iam:DeleteInstanceProfile",
            "iam:RemoveRoleFromInstanceProfile",
            "iam:AddRoleToInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:UntagInstanceProfile",
        ),
    ),
    Grant(
        "HandRolesToMachines",
        "apply",
        ("ec2:RunInstances", "iam:AddRoleToInstanceProfile"),
        _ROLES,
        {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        actions=("iam:PassRole",),
    ),
    Grant(
        "MakeOwnSchedules",
        "apply",
        (
            "scheduler:CreateSchedule",
            "scheduler:CreateScheduleGroup",
            "scheduler:DeleteSchedule",
            "scheduler:DeleteScheduleGroup",
        ),
        _SCHEDULES,
        actions=(
            "scheduler:CreateSchedule",
            "scheduler:CreateScheduleGroup",
            "scheduler:DeleteSchedule",
            "scheduler:DeleteScheduleGroup",
            "scheduler:TagResource",
        ),
    ),
    Grant(
        # Another machine has another schedule: only changed tags, and another version of runctl, change one.
        "ChangeOwnSchedules",
        "apply",
        ("scheduler:TagResource", "scheduler:UntagResource", "scheduler:UpdateSchedule"),
        _SCHEDULES,
        actions=("scheduler:UntagResource", "scheduler:UpdateSchedule"),
        seen=False,
    ),
    Grant(
        "HandRolesToSchedules",
        "apply",
        ("scheduler:CreateSchedule",),
        _SCHEDULE_ROLES,
        {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        actions=("iam:PassRole",),
    ),
    Grant(
        "FirstSpotRequestOfTheAccount",
        "apply",
        (),
        ("arn:{partition}:iam::{account}:role/aws-service-role/spot.amazonaws.com/*",),
        {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}},
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
            "s3:DeletePublicAccessBlock",
            "s3:ListObjectVersions",
            "s3:PutBucketEncryption",
            "s3:PutBucketLifecycleConfiguration",
            "s3:PutBucketOwnershipControls",
            "s3:PutBucketPolicy",
            "s3:PutBucketTagging",
            "s3:PutPublicAccessBlock",
        ),
        _BUCKETS,
    ),
    Grant(
        "FillOwnBuckets",
        "apply",
        ("s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:DeleteObjects"),
        _OBJECTS,
    ),
    Grant(
        "RemoveOwnLeftovers",
        "sweep",
        ("ec2:DeleteLaunchTemplate", "ec2:DeleteNetworkInterface", "ec2:DeleteSnapshot"),
        (
            f"{_EC2}:launch-template/*",
            f"{_EC2}:network-interface/*",
            "arn:{partition}:ec2:{region}::snapshot/*",
        ),
        _OWN,
    ),
    Grant("RemoveOwnKeyPairs", "sweep", ("ec2:DeleteKeyPair",), (f"{_EC2}:key-pair/runctl-*",)),
    Grant(
        "RemoveOwnLogs",
        "sweep",
        ("logs:DeleteLogGroup",),
        ("arn:{partition}:logs:{region}:{account}:log-group:*runctl*",),
    ),
    Grant("EndOwnUploads", "sweep", ("s3:AbortMultipartUpload",), _OBJECTS),
    Grant("FreeOwnRoles", "sweep", ("iam:DetachRolePolicy",), _ROLES),
)
