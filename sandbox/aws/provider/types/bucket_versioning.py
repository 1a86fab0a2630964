"""A bucket's versioning."""

from __future__ import annotations

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.resource import Known, Properties
from sandbox.aws.provider.schema import REGION, Change, Kind, refused, replaces, table, updates
from sandbox.aws.provider.types.bucket_setting import BucketSetting


class BucketVersioning(BucketSetting):
    """`aws.s3.BucketVersioning`. Deletion suspends versioning: existing versions are kept."""

    token = "aws:s3/bucketVersioning:BucketVersioning"  # noqa: S105
    title = "S3 Bucket Versioning"
    absent = frozenset()
    getter = "get_bucket_versioning"
    inputs = table(
        {
            "bucket": replaces(required=True),
            "expectedBucketOwner": replaces(),
            "mfa": refused(Change.UPDATE),
            "region": REGION,
            "versioningConfiguration": updates(
                Kind.OBJECT,
                required=True,
                fields={
                    "mfaDelete": refused(Change.UPDATE),
                    "status": updates(required=True, allowed=("Enabled", "Suspended", "Disabled")),
                },
            ),
        }
    )

    def put(self, cloud: Cloud, bucket: str, inputs: Properties, doing: str) -> None:
        status = inputs["versioningConfiguration"]["status"]
        if status != "Disabled":
            cloud.call_s3(
                "put_bucket_versioning",
                doing,
                Bucket=bucket,
                VersioningConfiguration={"Status": status},
                ExpectedBucketOwner=inputs.get("expectedBucketOwner") or cloud.account,
            )

    def told(self, answer: Properties, known: Known) -> Properties:
        del known
        return {"versioningConfiguration": {"status": answer.get("Status", "Disabled")}}

    def remove(self, cloud: Cloud, bucket: str, state: Properties, doing: str) -> None:
        if state["versioningConfiguration"]["status"] == "Enabled":
            suspended = {"versioningConfiguration": {"status": "Suspended"}}
            self.put(cloud, bucket, suspended, doing)
