"""S3 buckets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Problem, Properties, ResourceType
from sandbox.aws.provider.schema import REGION, TAGS, Change, Field, Kind, refused, replaces, table, updates
from sandbox.aws.provider.types.bucket_emptying import empty_bucket

_FIRST_REGION = "us-east-1"
_REFILLED = frozenset({"BucketNotEmpty"})
_SETTLE_SECONDS = 120.0
GONE = frozenset({"NoSuchBucket", "404", "NotFound"})


def _own_resource(name: str) -> Field:
    return refused(Change.UPDATE, f"use aws.s3.{name}")


class Bucket(ResourceType):
    """`aws.s3.Bucket`. Settings with resource types of their own are rejected here."""

    token = "aws:s3/bucket:Bucket"  # noqa: S105
    title = "S3 Bucket"
    physical_name = PhysicalName("bucket", prefix="bucketPrefix", longest=63, lower=True)
    inputs = table(
        {
            "accelerationStatus": refused(Change.UPDATE),
            "acl": refused(Change.UPDATE, "use aws.s3.BucketOwnershipControls and aws.s3.BucketPolicy"),
            "bucket": replaces(computed=True),
            "bucketNamespace": refused(Change.REPLACE),
            "bucketPrefix": replaces(computed=True, told=False),
            "corsRules": refused(Change.UPDATE),
            "forceDestroy": updates(Kind.BOOLEAN, default=False, told=False),
            "grants": refused(Change.UPDATE, "use aws.s3.BucketPolicy"),
            "lifecycleRules": _own_resource("BucketLifecycleConfiguration"),
            "logging": refused(Change.UPDATE),
            "objectLockConfiguration": refused(Change.UPDATE),
            "objectLockEnabled": refused(Change.REPLACE),
            "policy": _own_resource("BucketPolicy"),
            "region": REGION,
            "replicationConfiguration": refused(Change.UPDATE),
            "requestPayer": refused(Change.UPDATE),
            "serverSideEncryptionConfiguration": _own_resource("BucketServerSideEncryptionConfiguration"),
            "tags": TAGS,
            "tagsAll": TAGS,
            "versioning": _own_resource("BucketVersioning"),
            "website": refused(Change.UPDATE),
        }
    )
    outputs = ("arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId")

    def check(self, inputs: Properties) -> Iterator[Problem]:
        name = inputs.get("bucket")
        if isinstance(name, str) and not _is_bucket_name(name):
            yield Problem(
                "bucket",
                f"{name!r} is no bucket name: 3 to 63 lower-case letters, digits, dots and hyphens, "
                "a letter or digit first and last",
            )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        name = inputs["bucket"]
        doing = f"creating {self.title} ({name})"
        location = None
        if cloud.region == _FIRST_REGION:
            # In this region S3 reports success for a bucket that the account already owns.
            if _exists(cloud, name):
                raise CloudError(doing, "BucketAlreadyExists", "BucketAlreadyExists")
        else:
            location = {"LocationConstraint": cloud.region}
        cloud.call_s3("create_bucket", doing, Bucket=name, CreateBucketConfiguration=location)
        return str(name)

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        cloud.wait_until(
            lambda: _exists(cloud, identifier),
            doing=f"waiting for {self.title} ({identifier}) create",
            standard=_SETTLE_SECONDS,
        )
        if inputs.get("tagsAll"):
            _put_tags(cloud, identifier, inputs["tagsAll"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        if not _exists(cloud, identifier):
            return None
        tags = tagging.told(_tags(cloud, identifier), cloud.configuration.default_tags, known)
        suffix = "amazonaws.com.cn" if cloud.partition == "aws-cn" else "amazonaws.com"
        return {
            "arn": f"arn:{cloud.partition}:s3:::{identifier}",
            "bucket": identifier,
            "bucketDomainName": f"{identifier}.s3.{suffix}",
            "bucketPrefix": known.carried("bucketPrefix", ""),
            "bucketRegion": cloud.region,
            "bucketRegionalDomainName": f"{identifier}.s3.{cloud.region}.{suffix}",
            "forceDestroy": known.carried("forceDestroy", False),
            "hostedZoneId": _HOSTED_ZONES.get(cloud.region, ""),
            "region": cloud.region,
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del state
        if changed & {"tags", "tagsAll"}:
            _put_tags(cloud, identifier, inputs.get("tagsAll") or {})

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        doing = f"deleting {self.title} ({identifier})"
        empties = bool(state.get("forceDestroy"))

        def delete() -> None:
            if empties:
                empty_bucket(cloud, identifier)
            cloud.call_s3("delete_bucket", doing, Bucket=identifier)

        try:
            # Objects may be written while the bucket is being emptied.
            cloud.retry_while(_REFILLED if empties else frozenset(), delete, standard=_SETTLE_SECONDS)
        except CloudError as error:
            if error.code not in GONE:
                raise
        cloud.wait_until(
            lambda: not _exists(cloud, identifier),
            doing=f"waiting for {self.title} ({identifier}) delete",
            standard=_SETTLE_SECONDS,
        )


def _is_bucket_name(name: str) -> bool:
    characters = name.replace("-", "").replace(".", "")
    plain = characters.isascii() and characters.isalnum() and characters == characters.lower()
    return plain and 3 <= len(name) <= 63 and name[0].isalnum() and name[-1].isalnum() and ".." not in name


def _exists(cloud: Cloud, name: str) -> bool:
    try:
        cloud.call_s3("head_bucket", f"reading S3 Bucket ({name})", Bucket=name)
    except CloudError as error:
        if error.code in GONE:
            return False
        raise
    return True


def _tags(cloud: Cloud, name: str) -> dict[str, str]:
    try:
        answer = cloud.call_s3("get_bucket_tagging", f"listing tags for S3 Bucket ({name})", Bucket=name)
    except CloudError as error:
        if error.code == "NoSuchTagSet":
            return {}
        raise
    return tagging.from_list(answer["TagSet"])


def _put_tags(cloud: Cloud, name: str, tags: dict[str, Any]) -> None:
    doing = f"setting S3 Bucket ({name}) tags"
    if tags:
        cloud.call_s3("put_bucket_tagging", doing, Bucket=name, Tagging={"TagSet": tagging.to_list(tags)})
    else:
        cloud.call_s3("delete_bucket_tagging", doing, Bucket=name)


_HOSTED_ZONES = {
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "eu-west-2": "Z3GKZC51ZF0DB4",
    "eu-north-1": "Z3BAZG2TWCNX0D",
}
