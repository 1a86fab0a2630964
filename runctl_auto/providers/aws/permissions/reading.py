"""What those call who preview and inspect: the role ``plan``."""

from __future__ import annotations

from runctl_auto.providers.aws.permissions.grant import OWN, Grant, search
from runctl_auto.providers.aws.records.buckets import BUCKET, BUCKET_ARNS, OBJECT_ARNS, UPLOAD
from runctl_auto.providers.aws.records.catalogue import RECORDS
from runctl_auto.providers.aws.records.instances import INSTANCE
from runctl_auto.providers.aws.records.kind import EVERYWHERE
from runctl_auto.providers.aws.records.parameters import PARAMETER
from runctl_auto.providers.aws.records.roles import PROFILE, ROLE
from runctl_auto.providers.aws.records.schedules import SCHEDULE, SCHEDULE_GROUP
from runctl_auto.providers.aws.records.search import TAG_LIST

SCHEDULES = (*SCHEDULE_GROUP.arns, *SCHEDULE.arns)

READING: tuple[Grant, ...] = (
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
            *search(EVERYWHERE, *RECORDS),
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
        "ReadOwnParameters", "plan", ("ssm:GetParameter", *search(PARAMETER.arns, PARAMETER)), PARAMETER.arns
    ),
    Grant(
        "ReadOwnRoles",
        "plan",
        (
            "iam:GetRolePolicy",
            "iam:ListInstanceProfilesForRole",
            *search(ROLE.arns, ROLE),
        ),
        ROLE.arns,
    ),
    Grant("ReadOwnProfiles", "plan", search(PROFILE.arns, PROFILE), PROFILE.arns),
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
            *search(BUCKET_ARNS, BUCKET, UPLOAD),
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
            *search(SCHEDULE_GROUP.arns, SCHEDULE_GROUP),
        ),
        SCHEDULES,
    ),
    Grant("ReadOwnObjects", "plan", ("s3:GetObject", "s3:GetObjectTagging", "s3:HeadObject"), OBJECT_ARNS),
    # Called only when two machines of a run ended without a report.
    Grant("ReadOwnConsoles", "plan", ("ec2:GetConsoleOutput",), INSTANCE.arns, OWN, seen=False),
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
)
