"""moto's new buckets have no settings; S3's are encrypted, private and own their objects.

By default S3 also blocks uploads encrypted with customer-provided keys (SSE-C), and returns this setting with
the encryption; moto does not.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.s3.models import PublicAccessBlock, S3Backend
from moto.s3.responses import S3Response

from sandbox.aws.corrections.patches import Emulation, Patches

_BLOCKED = "BlockedEncryptionTypes"


def _encrypted_by_s3() -> dict[str, Any]:
    return {
        "Rule": {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": "false",
            _BLOCKED: {"EncryptionType": "SSE-C"},
        }
    }


def _blocked(encryption: dict[str, Any]) -> list[str]:
    kinds = (encryption["Rule"].get(_BLOCKED) or {}).get("EncryptionType") or []
    return [kinds] if isinstance(kinds, str) else list(kinds)


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

    def make_put(put: Any) -> Any:
        def put_encryption(self: Any, bucket_name: str, encryption: dict[str, Any]) -> None:
            before = self.get_bucket(bucket_name).encryption or _encrypted_by_s3()
            kept = {_BLOCKED: {"EncryptionType": _blocked(before)}}
            put(self, bucket_name, {**encryption, "Rule": {**kept, **encryption["Rule"]}})

        return put_encryption

    def get_bucket_encryption(self: Any) -> Any:
        self.data["Action"] = "GetBucketEncryption"
        encryption = self.backend.get_bucket_encryption(self.bucket_name)
        rule = {
            "ApplyServerSideEncryptionByDefault": encryption["Rule"]["ApplyServerSideEncryptionByDefault"],
            "BucketKeyEnabled": encryption["Rule"].get("BucketKeyEnabled") == "true",
            _BLOCKED: {"EncryptionType": _blocked(encryption)},
        }
        return self.serialized(ActionResult({"ServerSideEncryptionConfiguration": {"Rules": [rule]}}))

    patches.wrap(S3Backend, "create_bucket", make)
    patches.wrap(S3Backend, "put_bucket_encryption", make_put)
    patches.replace(S3Response, "get_bucket_encryption", get_bucket_encryption)
    patches.replace(S3Backend, "delete_bucket_encryption", delete_bucket_encryption)
