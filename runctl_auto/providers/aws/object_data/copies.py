"""Objects that S3 makes of other objects, whole or in parts, without sending them to this machine."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote
from xml.etree import ElementTree

from runctl_auto.errors import CloudError, ObjectChangedError
from runctl_auto.providers.aws.object_data.answers import date_ns, told_sum, xml_of
from runctl_auto.providers.aws.object_data.connection import Answer
from runctl_auto.providers.aws.object_data.requests import Query, Requests
from runctl_auto.providers.objects import Algorithm, CopySource, ObjectFacts, UploadedPart

COMPLETING_SECONDS = 900.0
"""How long a store may make a large object of its parts, or of another object. S3 sends blanks meanwhile,
others nothing."""
CHANGED = ("PreconditionFailed", "412")
"""Codes of an answer about an object that has another ETag than asked for."""


class Copies:
    """Copies into the bucket of ``requests``. Blocks; raises ``CloudError`` and its subclasses."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def whole(self, key: str, source: CopySource, algorithm: Algorithm) -> ObjectFacts:
        headers = {"x-amz-checksum-algorithm": algorithm.upper(), **_copied_from(source)}
        answer, document = self._copied(key, source, headers, ())
        return ObjectFacts(
            size=0,
            etag=document.findtext("ETag") or "",
            modified_ns=date_ns(answer),
            whole_sum=told_sum(document),
        )

    def part(
        self, key: str, upload: str, number: int, source: CopySource, *, first: int, size: int
    ) -> UploadedPart:
        last = first + size - 1
        headers = {"x-amz-copy-source-range": f"bytes={first}-{last}", **_copied_from(source)}
        query = (("partNumber", str(number)), ("uploadId", upload))
        _, document = self._copied(key, source, headers, query)
        return UploadedPart(
            number=number,
            size=size,
            etag=document.findtext("ETag") or "",
            crc64=document.findtext("ChecksumCRC64NVME"),
        )

    def _copied(
        self, key: str, source: CopySource, headers: Mapping[str, str], query: Query
    ) -> tuple[Answer, ElementTree.Element]:
        try:
            answer = self._requests.send("PUT", key, query=query, headers=headers, silence=COMPLETING_SECONDS)
        except CloudError as error:
            if error.code in CHANGED:
                raise changed(source.bucket, source.key) from error
            raise
        document = xml_of(answer.body)
        if document.tag == "Error":
            # S3 sends 200 before it knows whether the object can be copied.
            raise CloudError(
                f"s3://{source.bucket}/{source.key} could not be copied: {document.findtext('Message')}",
                code=document.findtext("Code"),
                next_step="Repeat the command; it copies only what is missing.",
            )
        return answer, document


def changed(bucket: str, key: str) -> ObjectChangedError:
    return ObjectChangedError(
        f"s3://{bucket}/{key} changed while it was read.",
        where={"bucket": bucket, "key": key},
        next_step="Repeat the command: it takes the new object, whole.",
    )


def _copied_from(source: CopySource) -> dict[str, str]:
    return {
        "x-amz-copy-source": quote(f"{source.bucket}/{source.key}", safe="/-_.~"),
        "x-amz-copy-source-if-match": source.etag,
    }
