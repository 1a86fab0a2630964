"""The policy of a bucket."""

from __future__ import annotations

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.resource import Known, Properties
from sandbox.aws.provider.schema import REGION, Kind, replaces, table, updates
from sandbox.aws.provider.types.bucket_setting import BucketSetting


class BucketPolicy(BucketSetting):
    """`aws.s3.BucketPolicy`."""

    token = "aws:s3/bucketPolicy:BucketPolicy"  # noqa: S105
    title = "S3 Bucket Policy"
    absent = frozenset({"NoSuchBucketPolicy"})
    getter = "get_bucket_policy"
    inputs = table(
        {
            "bucket": replaces(required=True),
            "policy": updates(Kind.POLICY, required=True),
            "region": REGION,
        }
    )

    def put(self, cloud: Cloud, bucket: str, inputs: Properties, doing: str) -> None:
        cloud.call_s3("put_bucket_policy", doing, Bucket=bucket, Policy=inputs["policy"])

    def told(self, answer: Properties, known: Known) -> Properties:
        del known
        return {"policy": answer["Policy"]}

    def remove(self, cloud: Cloud, bucket: str, state: Properties, doing: str) -> None:
        del state
        cloud.call_s3("delete_bucket_policy", doing, Bucket=bucket)
