"""The objects of a bucket in bulk: lists, whole reads and writes, ranges, and uploads in parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.providers.aws.object_data.answers import (
    META,
    date_ns,
    facts_of,
    iso_ns,
    nanoseconds,
    xml_of,
)
from runctl_auto.providers.aws.object_data.connection import Answer, Flow, Into
from runctl_auto.providers.aws.object_data.copies import CHANGED, COMPLETING_SECONDS, Copies, changed
from runctl_auto.providers.aws.object_data.crowd import Asked
from runctl_auto.providers.aws.object_data.requests import Query, Requests
from runctl_auto.providers.objects import (
    Algorithm,
    Body,
    CopySource,
    ListedObject,
    ObjectFacts,
    SmallRead,
    SmallWrite,
    Take,
    UnfinishedUpload,
    UploadedPart,
    WholeSum,
)

_DELETED_AT_ONCE = 1000
_REFUSAL = 4096
"""Bytes that S3 says a refusal in."""


class _Bytes:
    """A body that is in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def pieces(self) -> tuple[bytes]:
        return (self._content,)


class BucketData:
    """Implements ``providers.objects.ObjectData`` for S3.

    ``crc64`` computes the CRC64NVME of small bodies in base64: S3 wants a checksum on deletions of many
    objects.
    """

    def __init__(self, requests: Requests, crc64: Callable[[bytes], str]) -> None:
        self._requests = requests
        self._copies = Copies(requests)
        self._crc64 = crc64

    @property
    def address(self) -> str:
        return f"s3://{self._requests.bucket.name}"

    @property
    def place(self) -> str:
        endpoint = self._requests.bucket.endpoint
        return f"{self.address} at {endpoint}" if endpoint else self.address

    @property
    def clock_offset_ns(self) -> int:
        told, at = self._requests.last_date
        return nanoseconds(parsedate_to_datetime(told)) - round(at * 10**9) if told else 0

    @property
    def sent_bytes(self) -> int:
        return self._requests.sent_bytes

    def listed(self, prefix: str) -> Iterator[ListedObject]:
        for page, decode in self._pages((("list-type", "2"), ("prefix", prefix)), _next_list):
            for item in page.findall("Contents"):
                yield ListedObject(
                    key=decode(item.findtext("Key") or ""),
                    size=int(item.findtext("Size") or 0),
                    etag=item.findtext("ETag") or "",
                    modified_ns=iso_ns(item.findtext("LastModified") or ""),
                )

    def facts(self, key: str) -> ObjectFacts | None:
        try:
            answer = self._requests.send("HEAD", key, headers={"x-amz-checksum-mode": "ENABLED"})
        except NotFoundError:
            return None
        return facts_of(answer)

    def read(
        self, key: str, into: memoryview, *, first: int = 0, etag: str | None = None, whole: bool = False
    ) -> tuple[int, ObjectFacts]:
        part = None if whole else (first, len(into))
        return self._get(key, into, part, etag)

    def stream(self, key: str, take: Take, *, first: int, size: int, etag: str) -> tuple[int, ObjectFacts]:
        return self._get(key, Flow(size, take), (first, size), etag)

    def _get(
        self, key: str, into: Into, part: tuple[int, int] | None, etag: str | None
    ) -> tuple[int, ObjectFacts]:
        headers = {"x-amz-checksum-mode": "ENABLED"}
        if part is not None:
            headers["range"] = f"bytes={part[0]}-{part[0] + part[1] - 1}"
        if etag:
            headers["if-match"] = etag
        try:
            answer = self._requests.send("GET", key, headers=headers, into=into)
        except CloudError as error:
            if error.code in CHANGED:
                raise changed(self._requests.bucket.name, key) from error
            raise
        return answer.count, facts_of(answer)

    def write(
        self, key: str, body: Body, *, crc64: str, metadata: Mapping[str, str], encoding: str | None = None
    ) -> ObjectFacts:
        headers = {**_described(metadata, encoding), **_summed(crc64)}
        answer = self._requests.send("PUT", key, headers=headers, body=body)
        return facts_of(answer, size=body.size)

    def write_many(
        self, writes: Iterator[SmallWrite], written: Callable[[SmallWrite], None], *, at_once: int
    ) -> None:
        def asked() -> Iterator[Asked[SmallWrite]]:
            for write in writes:
                headers = {**_described(write.metadata, None), **_summed(write.crc64)}
                head = self._requests.prepared("PUT", write.key, headers, len(write.content))
                yield Asked(write, head, write.content)

        def answered(write: SmallWrite, status: int, _headers: Mapping[str, str], _body: memoryview) -> None:
            if 200 <= status < 300:
                written(write)

        crowd = self._requests.crowd(at_once, answered)
        if crowd is not None:
            crowd.run(asked())

    def read_many(
        self,
        reads: Iterator[SmallRead],
        arrived: Callable[[SmallRead, memoryview, ObjectFacts], None],
        *,
        at_once: int,
    ) -> None:
        def asked() -> Iterator[Asked[SmallRead]]:
            for read in reads:
                headers = {"x-amz-checksum-mode": "ENABLED", "if-match": read.etag}
                head = self._requests.prepared("GET", read.key, headers)
                yield Asked(read, head, most=max(read.size, _REFUSAL))

        def answered(read: SmallRead, status: int, headers: Mapping[str, str], body: memoryview) -> None:
            if status == 200 and len(body) == read.size:
                arrived(read, body, facts_of(Answer(status, headers, count=len(body))))

        crowd = self._requests.crowd(at_once, answered)
        if crowd is not None:
            crowd.run(asked())

    def copy(self, key: str, source: CopySource, algorithm: Algorithm) -> ObjectFacts:
        return self._copies.whole(key, source, algorithm)

    def copy_part(
        self, key: str, upload: str, number: int, source: CopySource, *, first: int, size: int
    ) -> UploadedPart:
        return self._copies.part(key, upload, number, source, first=first, size=size)

    def begin(
        self,
        key: str,
        *,
        metadata: Mapping[str, str],
        encoding: str | None = None,
        described: Mapping[str, str] | None = None,
    ) -> str:
        headers = {
            **_described(metadata, encoding),
            **(described or {}),
            "x-amz-checksum-algorithm": "CRC64NVME",
            "x-amz-checksum-type": "FULL_OBJECT",
        }
        answer = self._requests.send("POST", key, query=(("uploads", ""),), headers=headers, once=True)
        found = xml_of(answer.body).findtext("UploadId")
        if not found:
            raise CloudError(f"S3 began an upload of {key} without an id.", code="NoUploadId")
        return found

    def write_part(self, key: str, upload: str, number: int, body: Body, *, crc64: str) -> str:
        answer = self._requests.send(
            "PUT",
            key,
            query=(("partNumber", str(number)), ("uploadId", upload)),
            headers=_summed(crc64),
            body=body,
        )
        return answer.headers.get("etag", "")

    def parts(self, key: str, upload: str) -> Sequence[UploadedPart] | None:
        found: list[UploadedPart] = []
        try:
            for page, _ in self._pages((("uploadId", upload),), _next_parts, key=key):
                found.extend(
                    UploadedPart(
                        number=int(item.findtext("PartNumber") or 0),
                        size=int(item.findtext("Size") or 0),
                        etag=item.findtext("ETag") or "",
                        crc64=item.findtext("ChecksumCRC64NVME"),
                    )
                    for item in page.findall("Part")
                )
        except NotFoundError:
            return None
        return found

    def complete(
        self, key: str, upload: str, parts: Sequence[UploadedPart], *, crc64: str | None
    ) -> ObjectFacts:
        listed = "".join(
            f"<Part><PartNumber>{each.number}</PartNumber><ETag>{escape(each.etag)}</ETag>"
            + (f"<ChecksumCRC64NVME>{each.crc64}</ChecksumCRC64NVME>" if each.crc64 else "")
            + "</Part>"
            for each in parts
        )
        body = (
            f'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{listed}'
            "</CompleteMultipartUpload>"
        )
        size = sum(each.size for each in parts)
        answer = self._requests.send(
            "POST",
            key,
            query=(("uploadId", upload),),
            headers={
                "content-type": "application/xml",
                **({"x-amz-checksum-crc64nvme": crc64} if crc64 else {}),
                "x-amz-checksum-type": "FULL_OBJECT",
                "x-amz-mp-object-size": str(size),
            },
            body=_Bytes(body.encode()),
            silence=COMPLETING_SECONDS,
        )
        root = xml_of(answer.body)
        if root.tag == "Error":
            # S3 sends 200 before it knows whether the object can be made.
            raise CloudError(
                f"S3 could not complete {self.address}/{key}: {root.findtext('Message')}",
                code=root.findtext("Code"),
                next_step="Repeat the command; it continues where it was.",
            )
        kept = root.findtext("ChecksumCRC64NVME")
        return ObjectFacts(
            size=size,
            etag=root.findtext("ETag") or "",
            modified_ns=date_ns(answer),
            whole_sum=WholeSum(algorithm="crc64nvme", value=kept) if kept and "-" not in kept else None,
        )

    def abort(self, key: str, upload: str) -> None:
        try:
            self._requests.send("DELETE", key, query=(("uploadId", upload),))
        except NotFoundError:
            return

    def unfinished(self, prefix: str) -> Iterator[UnfinishedUpload]:
        for page, decode in self._pages((("prefix", prefix), ("uploads", "")), _next_uploads):
            for item in page.findall("Upload"):
                yield UnfinishedUpload(
                    key=decode(item.findtext("Key") or ""),
                    upload=item.findtext("UploadId") or "",
                    begun_ns=iso_ns(item.findtext("Initiated") or ""),
                )

    def delete(self, keys: Sequence[str]) -> Mapping[str, str]:
        assert len(keys) <= _DELETED_AT_ONCE  # noqa: S101
        listed = "".join(f"<Object><Key>{escape(each)}</Key></Object>" for each in keys)
        body = f"<Delete><Quiet>true</Quiet>{listed}</Delete>".encode()
        answer = self._requests.send(
            "POST",
            None,
            query=(("delete", ""),),
            headers={"content-type": "application/xml", **_summed(self._crc64(body))},
            body=_Bytes(body),
        )
        return {
            item.findtext("Key") or "": item.findtext("Message") or item.findtext("Code") or "refused"
            for item in xml_of(answer.body).findall("Error")
        }

    def _pages(
        self,
        query: Query,
        following: Callable[[ElementTree.Element], Query],
        *,
        key: str | None = None,
    ) -> Iterator[tuple[ElementTree.Element, Callable[[str], str]]]:
        more: Query = ()
        encoding: Query = () if key is not None else (("encoding-type", "url"),)
        while True:
            answer = self._requests.send("GET", key, query=(*query, *encoding, *more))
            page = xml_of(answer.body)
            decode = unquote_plus if page.findtext("EncodingType") == "url" else str
            yield page, decode
            if page.findtext("IsTruncated") != "true":
                return
            next_page = tuple(
                (name, decode(value) if name.endswith("marker") else value) for name, value in following(page)
            )
            if not next_page or next_page == more:
                raise CloudError(
                    f"The list of {self.address} answers with the same page again and again.",
                    code="RepeatedPage",
                    next_step="Repeat later; if it stays so, report it.",
                )
            more = next_page


def _next_list(page: ElementTree.Element) -> Query:
    return _found(page, (("NextContinuationToken", "continuation-token"),))


def _next_parts(page: ElementTree.Element) -> Query:
    return _found(page, (("NextPartNumberMarker", "part-number-marker"),))


def _next_uploads(page: ElementTree.Element) -> Query:
    return _found(page, (("NextKeyMarker", "key-marker"), ("NextUploadIdMarker", "upload-id-marker")))


def _found(page: ElementTree.Element, names: Sequence[tuple[str, str]]) -> Query:
    values = ((asked, page.findtext(given)) for given, asked in names)
    return tuple((asked, value) for asked, value in values if value)


def _described(metadata: Mapping[str, str], encoding: str | None) -> dict[str, str]:
    """Header fields of a new object. Values are quoted: only ASCII arrives everywhere as it was sent."""
    headers = {f"{META}{name}": quote(value, safe=" !#$&'()*+,/:;=?@[]~") for name, value in metadata.items()}
    headers["content-type"] = "application/octet-stream"
    if encoding:
        headers["content-encoding"] = encoding
    return headers


def _summed(crc64: str) -> dict[str, str]:
    """Header fields that make S3 check a body, and keep the checksum; some stores look for the first only."""
    return {"x-amz-sdk-checksum-algorithm": "CRC64NVME", "x-amz-checksum-crc64nvme": crc64}
