"""moto's new buckets are bare; S3's are encrypted, private and own their objects."""

from typing import Any

from moto.s3.models import PublicAccessBlock, S3Backend

from sandbox.aws.corrections.patches import Emulation, Patches


def _encrypted_by_s3() -> dict[str, Any]:
    return {
        "Rule": {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": "false",
        }
    }


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(create_bucket: Any) -> Any:
        def create(self: Any, *args: Any, **kwargs: Any) -> Any:
            bucket = create_bucket(self, *args, **kwargs)
            bucket.encryption = _encrypted_by_s3()
            bucket.public_access_block = PublicAccessBlock("true", "true", "true", "true")
            bucket.ownership_rule = "BucketOwnerEnforced"
            return bucket

        return create

    def delete_bucket_encryption(self: Any, bucket_name: str) -> None:
        self.get_bucket(bucket_name).encryption = _encrypted_by_s3()

    patches.wrap(S3Backend, "create_bucket", make)
    patches.replace(S3Backend, "delete_bucket_encryption", delete_bucket_encryption)
