"""moto ignores a call's expected bucket owner; S3 denies the call when another account owns the bucket."""

from typing import Any

from moto.s3.exceptions import BucketAccessDeniedError
from moto.s3.models import s3_backends
from moto.s3.responses import S3Response

from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(respond: Any) -> Any:
        def checked(self: Any, request: Any, full_url: str) -> Any:
            _check(self, request, full_url)
            return respond(self, request, full_url)

        return checked

    patches.wrap(S3Response, "_bucket_response", make)
    patches.wrap(S3Response, "_key_response", make)


def _check(response: Any, request: Any, full_url: str) -> None:
    expected = request.headers.get("x-amz-expected-bucket-owner")
    name = response.parse_bucket_name_from_url(request, full_url)
    _, owner = s3_backends.bucket_accounts.get(name, ("", expected))
    if expected and owner != expected:
        raise BucketAccessDeniedError(bucket=name)
