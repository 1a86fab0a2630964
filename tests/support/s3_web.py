"""The in-memory S3 behind the agent's Web: serves S3 requests from the same buckets."""

from __future__ import annotations

import io
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from support.s3_in_memory import OWNER, S3InMemory

from runctl_auto.agent.store.retrying import Retrier
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import PART_BYTES, S3Store
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.web import Body, Response, Web


class S3Web(Web):
    """Objects, paginated listings, multipart uploads. Path-style addresses on any host."""

    def __init__(self, s3: S3InMemory) -> None:
        super().__init__()
        self._s3 = s3
        self._uploads: dict[str, dict[int, bytes]] = {}
        self.sent: list[tuple[str, str]] = []
        """Method and URL of each request."""

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        timeout: float = 30,
    ) -> Response:
        self.sent.append((method, url))
        content = body if isinstance(body, bytes) else b"".join(body or ())
        address = urlsplit(url)
        bucket, _, key = unquote(address.path).lstrip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()}
        if headers["x-amz-expected-bucket-owner"] != OWNER:
            return _error(403, "AccessDenied")
        if bucket not in self._s3.buckets:
            return _error(404, "NoSuchBucket")
        if "list-type" in query:
            return self._list(bucket, query)
        if "uploads" in query or "uploadId" in query:
            return self._upload(method, bucket, key, query, content)
        if headers.get("if-none-match") == "*" and key in self._s3.buckets[bucket]:
            return _error(412, "PreconditionFailed")
        return self._object(method, self._s3.buckets[bucket], key, content)

    def _object(self, method: str, objects: dict[str, bytes], key: str, content: bytes) -> Response:
        if method == "PUT":
            objects[key] = content
            return _answer(b"")
        if method == "DELETE":
            objects.pop(key, None)
            return _answer(b"", 204)
        if key not in objects:
            return _error(404, "NoSuchKey")
        return _answer(objects[key], headers={"Content-Length": str(len(objects[key]))})

    def _list(self, bucket: str, query: Mapping[str, str]) -> Response:
        found = self._s3.list_objects_v2(
            Bucket=bucket,
            Prefix=query.get("prefix", ""),
            Delimiter=query.get("delimiter", ""),
            ContinuationToken=query.get("continuation-token", ""),
            ExpectedBucketOwner=OWNER,
        )
        objects = self._s3.buckets[bucket]
        contents = "".join(
            f"<Contents><Key>{escape(each['Key'])}</Key><Size>{len(objects[each['Key']])}</Size></Contents>"
            for each in found.get("Contents", ())
        )
        prefixes = "".join(
            f"<CommonPrefixes><Prefix>{escape(each['Prefix'])}</Prefix></CommonPrefixes>"
            for each in found.get("CommonPrefixes", ())
        )
        token = found.get("NextContinuationToken")
        more = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
        return _answer(f"<ListBucketResult>{contents}{prefixes}{more}</ListBucketResult>".encode())

    def _upload(
        self, method: str, bucket: str, key: str, query: Mapping[str, str], content: bytes
    ) -> Response:
        if "uploads" in query:
            upload = f"upload-{len(self._uploads)}"
            self._uploads[upload] = {}
            return _answer(f"<Result><UploadId>{upload}</UploadId></Result>".encode())
        parts = self._uploads[query["uploadId"]]
        if method == "PUT":
            parts[int(query["partNumber"])] = content
            return _answer(b"", headers={"ETag": query["partNumber"]})
        if method == "POST":
            self._s3.buckets[bucket][key] = b"".join(parts[number] for number in sorted(parts))
        return _answer(b"")


def s3_store(
    s3: S3InMemory, bucket: str, part_bytes: int = PART_BYTES, *, web: S3Web | None = None
) -> S3Store:
    """The agent's store for a bucket of the in-memory S3, through `web` if given. It never waits."""
    address = Bucket(bucket, "us-east-1", OWNER, "http://s3")
    requests = S3Requests(web or S3Web(s3), address, lambda: Credentials("a", "s"))
    return S3Store(S3(requests, Retrier(sleep=lambda _: None)), part_bytes)


def _answer(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, headers or {}, io.BytesIO(content))


def _error(status: int, code: str) -> Response:
    return _answer(f"<Error><Code>{code}</Code></Error>".encode(), status)
