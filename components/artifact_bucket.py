"""The bucket of a job: code, logs, checkpoints, artifacts, and earlier versions of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.protection import Protected

TYPE = "runctl:aws:ArtifactBucket"

DEFAULT_RETENTION_DAYS = 3
_OTHER_RETENTION_DAYS = 1


@dataclass(frozen=True, kw_only=True)
class ArtifactBucketArgs:
    """``bucket`` is the physical name. A protected bucket is never emptied by a destroy.

    ``retention_days``: how long overwritten and deleted checkpoints are kept as earlier versions.
    """

    bucket: str
    partition: str
    retention_days: int = DEFAULT_RETENTION_DAYS
    protect: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


def bucket_arn(partition: str, bucket: str) -> str:
    return f"arn:{partition}:s3:::{bucket}"


def tls_only_policy(partition: str, bucket: str) -> dict[str, object]:
    """The bucket policy: denies requests without TLS."""
    arn = bucket_arn(partition, bucket)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


class ArtifactBucket(pulumi.ComponentResource):
    """A private, encrypted bucket that accepts requests over TLS only and keeps earlier versions for a time.

    Its settings are created one after the other: S3 returns 409 (OperationAborted) for a change of a bucket
    while another one is in progress.

    ``force_destroy`` follows the protection, so that the state has its value before any destroy.
    """

    bucket: pulumi.Output[str]

    def __init__(self, name: str, args: ArtifactBucketArgs, opts: pulumi.ResourceOptions | None = None):
        protected = Protected(protect=args.protect)
        own = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=args.protect))
        super().__init__(TYPE, name, {"bucket": args.bucket, "protect": args.protect}, own)
        child = pulumi.ResourceOptions(parent=self)

        def after(setting: pulumi.Resource) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(parent=self, depends_on=[setting])

        bucket = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=args.bucket,
            force_destroy=not args.protect,
            tags=protected.tags(args.tags),
            opts=child,
        )
        public_access = aws.s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=after(public_access),
        )
        ownership = aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=after(versioning),
        )
        policy = aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=json.dumps(tls_only_policy(args.partition, args.bucket), sort_keys=True),
            opts=after(ownership),
        )
        encryption = aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="AES256"
                        )
                    ),
                    # The default for new buckets: if unset, some provider versions report a difference.
                    blocked_encryption_types=["SSE-C"],
                    bucket_key_enabled=False,
                )
            ],
            opts=after(policy),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="abort-unfinished-uploads",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=1
                        )
                    ),
                ),
                _forgetting("earlier-checkpoints", "checkpoints/", args.retention_days),
                # A version for each heartbeat of each run.
                _forgetting("earlier-statuses", "runs/", _OTHER_RETENTION_DAYS),
            ],
            opts=after(encryption),
        )
        self.bucket = bucket.bucket
        self.register_outputs({"bucket": self.bucket})


def _forgetting(identity: str, prefix: str, days: int) -> aws.s3.BucketLifecycleConfigurationRuleArgs:
    """Removes versions ``days`` after they were overwritten or deleted, and then the markers of deletions."""
    return aws.s3.BucketLifecycleConfigurationRuleArgs(
        id=identity,
        status="Enabled",
        filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=prefix),
        noncurrent_version_expiration=(
            aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(noncurrent_days=days)
        ),
        expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
    )
