"""Ownership controls of a bucket's objects."""

from __future__ import annotations

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.resource import Known, Properties
from sandbox.aws.provider.schema import REGION, Kind, replaces, table, updates
from sandbox.aws.provider.types.bucket_setting import BucketSetting

_OWNERSHIPS = ("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced")


class BucketOwnershipControls(BucketSetting):
    """`aws.s3.BucketOwnershipControls`."""

    token = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"  # noqa: S105
    title = "S3 Bucket Ownership Controls"
    absent = frozenset({"OwnershipControlsNotFoundError"})
    getter = "get_bucket_ownership_controls"
    inputs = table(
        {
            "bucket": replaces(required=True),
            "region": REGION,
            "rule": updates(
                Kind.OBJECT,
                required=True,
                fields={"objectOwnership": updates(required=True, allowed=_OWNERSHIPS)},
            ),
        }
    )

    def put(self, cloud: Cloud, bucket: str, inputs: Properties, doing: str) -> None:
        rules = [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]
        cloud.call_s3(
            "put_bucket_ownership_controls", doing, Bucket=bucket, OwnershipControls={"Rules": rules}
        )

    def told(self, answer: Properties, known: Known) -> Properties:
        del known
        return {"rule": {"objectOwnership": answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"]}}

    def remove(self, cloud: Cloud, bucket: str, state: Properties, doing: str) -> None:
        del state
        cloud.call_s3("delete_bucket_ownership_controls", doing, Bucket=bucket)
