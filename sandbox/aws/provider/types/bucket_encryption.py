"""A bucket's default encryption."""

from __future__ import annotations

from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.resource import Known, Properties
from sandbox.aws.provider.schema import REGION, Kind, replaces, table, updates
from sandbox.aws.provider.types.bucket_setting import BucketSetting

_BY_DEFAULT = {
    "kmsMasterKeyId": updates(),
    "sseAlgorithm": updates(required=True, allowed=("AES256", "aws:kms", "aws:kms:dsse")),
}
_RULE = {
    "applyServerSideEncryptionByDefault": updates(Kind.OBJECT, fields=_BY_DEFAULT),
    "blockedEncryptionTypes": updates(Kind.LIST, computed=True),
    "bucketKeyEnabled": updates(Kind.BOOLEAN),
}


class BucketServerSideEncryptionConfiguration(BucketSetting):
    """`aws.s3.BucketServerSideEncryptionConfiguration`."""

    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"  # noqa: S105
    title = "S3 Bucket Server-side Encryption Configuration"
    absent = frozenset({"ServerSideEncryptionConfigurationNotFoundError"})
    getter = "get_bucket_encryption"
    inputs = table(
        {
            "bucket": replaces(required=True),
            "expectedBucketOwner": replaces(),
            "region": REGION,
            "rules": updates(Kind.OBJECT_SET, required=True, fields=_RULE),
        }
    )

    def put(self, cloud: Cloud, bucket: str, inputs: Properties, doing: str) -> None:
        cloud.call_s3(
            "put_bucket_encryption",
            doing,
            Bucket=bucket,
            ServerSideEncryptionConfiguration={"Rules": [_to_service(rule) for rule in inputs["rules"]]},
            ExpectedBucketOwner=inputs.get("expectedBucketOwner") or cloud.account,
        )

    def told(self, answer: Properties, known: Known) -> Properties:
        del known
        rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
        return {"rules": [_from_service(rule) for rule in rules]}

    def remove(self, cloud: Cloud, bucket: str, state: Properties, doing: str) -> None:
        del state
        cloud.call_s3("delete_bucket_encryption", doing, Bucket=bucket)


def _to_service(rule: dict[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = {"BucketKeyEnabled": bool(rule.get("bucketKeyEnabled"))}
    if rule.get("blockedEncryptionTypes"):
        sent["BlockedEncryptionTypes"] = {"EncryptionType": rule["blockedEncryptionTypes"]}
    default = rule.get("applyServerSideEncryptionByDefault")
    if default:
        sent["ApplyServerSideEncryptionByDefault"] = {"SSEAlgorithm": default["sseAlgorithm"]}
        if default.get("kmsMasterKeyId"):
            sent["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = default["kmsMasterKeyId"]
    return sent


def _from_service(rule: dict[str, Any]) -> dict[str, Any]:
    default = rule.get("ApplyServerSideEncryptionByDefault")
    told: dict[str, Any] = {"bucketKeyEnabled": rule.get("BucketKeyEnabled", False)}
    blocked = (rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType")
    if blocked:
        told["blockedEncryptionTypes"] = blocked
    if default:
        told["applyServerSideEncryptionByDefault"] = {"sseAlgorithm": default["SSEAlgorithm"]}
        if default.get("KMSMasterKeyID"):
            told["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] = default["KMSMasterKeyID"]
    return told
