"""moto serves a bucket in every region; S3 redirects requests signed for another region than the bucket's.

The answer names the bucket's region in a header, which clients use for the next attempt.
"""

import re
from typing import Any

from moto.s3.models import s3_backends
from moto.s3.responses import S3Response

from sandbox.aws.corrections.patches import Emulation, Patches

_SIGNED_FOR = re.compile(r"Credential=[^/]+/[^/]+/([^/]+)/s3/")
_BODY = (
    "<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed "
    "using the specified endpoint. Please send all future requests to this endpoint.</Message>"
    "<Bucket>{bucket}</Bucket></Error>"
)


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(respond: Any) -> Any:
        def redirected(self: Any, request: Any, full_url: str) -> Any:
            bucket = self.parse_bucket_name_from_url(request, full_url)
            region = _region_of(bucket)
            signed_for = _SIGNED_FOR.search(request.headers.get("Authorization", ""))
            if region is None or signed_for is None or signed_for[1] == region:
                return respond(self, request, full_url)
            headers = {"x-amz-bucket-region": region, "content-type": "application/xml"}
            return 301, headers, "" if request.method == "HEAD" else _BODY.format(bucket=bucket)

        return redirected

    patches.wrap(S3Response, "_bucket_response", make)
    patches.wrap(S3Response, "_key_response", make)


def _region_of(bucket: str) -> str | None:
    """The region of a bucket of any account; None when there is none."""
    for _, _, backend in list(s3_backends.iter_backends()):
        found = backend.buckets.get(bucket)
        if found is not None:
            return str(found.region_name)
    return None
