"""What S3's answers say: facts and checksums of objects, documents, times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import unquote
from xml.etree import ElementTree

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.object_data.connection import Answer
from runctl_auto.providers.objects import Algorithm, ObjectFacts, WholeSum

META = "x-amz-meta-"
"""How the header fields of an object's metadata begin."""
_DESCRIBING = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
)
_ALGORITHMS: tuple[Algorithm, ...] = ("crc64nvme", "crc32", "crc32c", "sha256", "sha1")


def facts_of(answer: Answer, *, size: int | None = None) -> ObjectFacts:
    """What an answer's header fields say about its object; ``size`` where they do not say that."""
    headers = answer.headers
    total = headers.get("content-range", "").rpartition("/")[2]
    if size is None:
        size = int(total) if total.isdigit() else int(headers.get("content-length", answer.count))
    metadata = {name[len(META) :]: unquote(value) for name, value in headers.items() if name.startswith(META)}
    return ObjectFacts(
        size=size,
        etag=headers.get("etag", ""),
        modified_ns=date_ns(answer),
        whole_sum=whole_sum(headers),
        metadata=metadata,
        described={name: headers[name] for name in _DESCRIBING if name in headers},
    )


def whole_sum(headers: Mapping[str, str]) -> WholeSum | None:
    """The checksum over all bytes of an object from the header fields of an answer; None when there is none.

    One of type COMPOSITE, or with the number of parts behind it (``…-29``), is over the checksums of the
    parts. The answer to a range has the checksum of the whole object too, which then is not that of its body.
    """
    if headers.get("x-amz-checksum-type", "FULL_OBJECT").upper() != "FULL_OBJECT":
        return None
    for algorithm in _ALGORITHMS:
        value = headers.get(f"x-amz-checksum-{algorithm}")
        if value and "-" not in value:
            return WholeSum(algorithm=algorithm, value=value)
    return None


def told_sum(document: ElementTree.Element) -> WholeSum | None:
    """The checksum of a whole object that a document states; of a part, that of the part."""
    if (document.findtext("ChecksumType") or "FULL_OBJECT") != "FULL_OBJECT":
        return None
    for algorithm in _ALGORITHMS:
        value = document.findtext(f"Checksum{algorithm.upper()}")
        if value and "-" not in value:
            return WholeSum(algorithm=algorithm, value=value)
    return None


def xml_of(body: bytes) -> ElementTree.Element:
    """The document without its name space. Raises ``CloudError`` for what is none."""
    text = re.sub(rb'\sxmlns="[^"]*"', b"", body, count=1).strip()
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - the answer of the service that was asked
    except ElementTree.ParseError as error:
        raise CloudError("S3 answered with something that is no XML.", code="MalformedAnswer") from error


def iso_ns(text: str) -> int:
    """A time as lists state it; 0 for what is none."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return 0
    return nanoseconds(moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc))


def date_ns(answer: Answer) -> int:
    """When the object was written, or the answer given."""
    told = answer.headers.get("last-modified") or answer.headers.get("date")
    return _told_ns(told) if told else 0


@lru_cache(maxsize=64)
def _told_ns(told: str) -> int:
    """Many objects were written within one second."""
    return nanoseconds(parsedate_to_datetime(told))


def nanoseconds(moment: datetime) -> int:
    """Since the epoch, to the millisecond."""
    return round(moment.timestamp() * 1000) * 1_000_000
