"""The block of public access to a bucket."""

from __future__ import annotations

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.resource import Known, Properties
from sandbox.aws.provider.schema import REGION, Kind, replaces, table, updates
from sandbox.aws.provider.types.bucket_setting import BucketSetting

_SWITCHES = {
    "blockPublicAcls": "BlockPublicAcls",
    "blockPublicPolicy": "BlockPublicPolicy",
    "ignorePublicAcls": "IgnorePublicAcls",
    "restrictPublicBuckets": "RestrictPublicBuckets",
}


class BucketPublicAccessBlock(BucketSetting):
    """`aws.s3.BucketPublicAccessBlock`."""

    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"  # noqa: S105
    title = "S3 Bucket Public Access Block"
    absent = frozenset({"NoSuchPublicAccessBlockConfiguration"})
    getter = "get_public_access_block"
    inputs = table(
        {
            "bucket": replaces(required=True),
            **{name: updates(Kind.BOOLEAN, default=False) for name in _SWITCHES},
            "region": REGION,
            "skipDestroy": updates(Kind.BOOLEAN, told=False),
        }
    )

    def put(self, cloud: Cloud, bucket: str, inputs: Properties, doing: str) -> None:
        switches = {key: inputs.get(name, False) for name, key in _SWITCHES.items()}
        cloud.call_s3(
            "put_public_access_block", doing, Bucket=bucket, PublicAccessBlockConfiguration=switches
        )

    def told(self, answer: Properties, known: Known) -> Properties:
        switches = answer["PublicAccessBlockConfiguration"]
        return {
            **{name: switches.get(key, False) for name, key in _SWITCHES.items()},
            "skipDestroy": known.carried("skipDestroy"),
        }

    def remove(self, cloud: Cloud, bucket: str, state: Properties, doing: str) -> None:
        del state
        cloud.call_s3("delete_public_access_block", doing, Bucket=bucket)
