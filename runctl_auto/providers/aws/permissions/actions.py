"""Which IAM actions a call of AWS's API needs. Most have the name of the call; the exceptions are listed
here.

Source: AWS's service authorization reference, tables "actions" of each service.
"""

from __future__ import annotations

from collections.abc import Mapping

_SERVICE_PREFIXES: Mapping[str, str] = {
    "s3control": "s3",
    "service-quotas": "servicequotas",
    "tagging": "tag",
}

_ACTIONS: Mapping[str, tuple[str, ...]] = {
    # A group launches with the permissions of who made or changed it: AWS checks them in the call.
    "autoscaling:CreateAutoScalingGroup": (
        "autoscaling:CreateAutoScalingGroup",
        "autoscaling:CreateOrUpdateTags",
        "ec2:CreateTags",
        "ec2:RunInstances",
        "iam:PassRole",
    ),
    "autoscaling:UpdateAutoScalingGroup": (
        "autoscaling:UpdateAutoScalingGroup",
        "ec2:CreateTags",
        "ec2:RunInstances",
        "iam:PassRole",
    ),
    # The launch passes the job's role to the machine, as does a changed instance profile.
    "ec2:AssociateIamInstanceProfile": ("ec2:AssociateIamInstanceProfile", "iam:PassRole"),
    "ec2:ReplaceIamInstanceProfileAssociation": ("ec2:ReplaceIamInstanceProfileAssociation", "iam:PassRole"),
    "ec2:RunInstances": ("ec2:RunInstances", "ec2:CreateTags", "iam:PassRole"),
    "ec2:CopySnapshot": ("ec2:CopySnapshot", "ec2:CreateTags"),
    "ec2:CreateSnapshot": ("ec2:CreateSnapshot", "ec2:CreateTags"),
    "ec2:CreateVolume": ("ec2:CreateVolume", "ec2:CreateTags"),
    "ec2:CreateLaunchTemplate": ("ec2:CreateLaunchTemplate", "ec2:CreateTags"),
    "ec2:CreatePlacementGroup": ("ec2:CreatePlacementGroup", "ec2:CreateTags"),
    "ec2:CreateSecurityGroup": ("ec2:CreateSecurityGroup", "ec2:CreateTags"),
    "iam:CreateRole": ("iam:CreateRole", "iam:TagRole"),
    "iam:CreateUser": ("iam:CreateUser", "iam:TagUser"),
    "iam:CreateInstanceProfile": ("iam:CreateInstanceProfile", "iam:TagInstanceProfile"),
    # The instance profile passes the role to EC2.
    "iam:AddRoleToInstanceProfile": ("iam:AddRoleToInstanceProfile", "iam:PassRole"),
    "s3:CompleteMultipartUpload": ("s3:PutObject",),
    "s3:CreateMultipartUpload": ("s3:PutObject",),
    "s3:DeleteBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:DeleteBucketLifecycle": ("s3:PutLifecycleConfiguration",),
    "s3:DeleteBucketOwnershipControls": ("s3:PutBucketOwnershipControls",),
    "s3:DeleteBucketTagging": ("s3:PutBucketTagging",),
    "s3:DeleteObject": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:DeletePublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "s3:GetBucketAccelerateConfiguration": ("s3:GetAccelerateConfiguration",),
    "s3:GetBucketCors": ("s3:GetBucketCORS",),
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "s3:GetBucketReplication": ("s3:GetReplicationConfiguration",),
    "s3:GetObjectLockConfiguration": ("s3:GetBucketObjectLockConfiguration",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListBuckets": ("s3:ListAllMyBuckets",),
    "s3:ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:PutBucketLifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
    "s3:PutObject": ("s3:PutObject", "s3:PutObjectTagging"),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "s3:UploadPart": ("s3:PutObject",),
    "scheduler:CreateScheduleGroup": ("scheduler:CreateScheduleGroup", "scheduler:TagResource"),
    # The schedule passes the role to the scheduler.
    "scheduler:CreateSchedule": ("scheduler:CreateSchedule", "iam:PassRole"),
    "scheduler:UpdateSchedule": ("scheduler:UpdateSchedule", "iam:PassRole"),
    "ssm:PutParameter": ("ssm:PutParameter", "ssm:AddTagsToResource"),
    # Everyone may call GetCallerIdentity.
    "sts:GetCallerIdentity": (),
}


def actions_of(call: str) -> tuple[str, ...]:
    """The IAM actions behind ``call`` (``service:Operation``, the service as in a signature)."""
    if call in _ACTIONS:
        return _ACTIONS[call]
    service, _, operation = call.partition(":")
    return (f"{_SERVICE_PREFIXES.get(service, service)}:{operation}",)
