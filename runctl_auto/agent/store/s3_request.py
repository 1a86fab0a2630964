"""One signed request to the job's bucket, without retries."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import quote

from runctl_auto.agent.errors import NoSuchKeyError, S3Error
from runctl_auto.agent.store.sigv4 import Credentials, signed_headers
from runctl_auto.agent.store.web import Body, Response, Web

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Bucket:
    """A bucket; `owner` is the account that must own it (empty: any), `endpoint` replaces AWS's address."""

    name: str
    region: str
    owner: str
    endpoint: str | None = None

    def url(self, key: str, query: Query = ()) -> str:
        """Virtual-hosted on AWS; path style at another endpoint, and for a name with dots, to which S3's
        wildcard certificate does not apply.
        """
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        host = f"s3.{self.region}.{suffix}"
        if self.endpoint:
            base = f"{self.endpoint.rstrip('/')}/{self.name}"
        elif "." in self.name:
            base = f"https://{host}/{self.name}"
        else:
            base = f"https://{self.name}.{host}"
        return f"{base}/{quote(key, safe='/-_.~')}" + (f"?{encoded_query(query)}" if query else "")


def encoded_query(query: Query) -> str:
    """The query as the signature requires it: sorted, everything encoded but the unreserved characters."""
    return "&".join(
        sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    )


class S3Requests:
    """Signs with the current credentials and sends. Raises S3Error for a response that is no success."""

    def __init__(
        self,
        web: Web,
        bucket: Bucket,
        credentials: Callable[[], Credentials],
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        count: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._web = web
        self._bucket = bucket
        self._credentials = credentials
        self._now = now
        self._count = count

    def send(
        self,
        method: str,
        key: str,
        *,
        query: Query = (),
        body: Body = b"",
        body_sha256: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
    ) -> Response:
        """The open response. A body that is not bytes needs `body_sha256` and a content-length header."""
        url = self._bucket.url(key, query)
        sent = dict(headers or {})
        if self._bucket.owner:
            sent["x-amz-expected-bucket-owner"] = self._bucket.owner
        carries = method in ("PUT", "POST")
        if isinstance(body, bytes):
            body_sha256 = hashlib.sha256(body).hexdigest()
        if method == "PUT" and not query:
            # S3 keeps it with the object; of an upload in parts it computes a CRC64NVME of the whole itself.
            sent["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(str(body_sha256))).decode("ascii")
        if carries:
            sent.setdefault("content-type", "application/octet-stream")
            if isinstance(body, bytes):
                sent["content-length"] = str(len(body))
        sent = signed_headers(
            method,
            url,
            sent,
            payload_sha256=str(body_sha256),
            credentials=self._credentials(),
            region=self._bucket.region,
            now=self._now(),
        )
        self._count(int(sent.get("content-length", 0)))
        answer = self._web.send(method, url, sent, body if carries else None, timeout)
        if 200 <= answer.status < 300:
            return answer
        with answer:
            raise _error(f"{method} s3://{self._bucket.name}/{key}", answer)


def _error(operation: str, answer: Response) -> S3Error:
    text = answer.read(65536).decode("utf-8", "replace")
    found = {tag: re.search(f"<{tag}>([^<]*)</{tag}>", text) for tag in ("Code", "Message")}
    code, message = (match.group(1) if match else "" for match in found.values())
    missing = answer.status == 404 and code in ("", "NoSuchKey")
    kind = NoSuchKeyError if missing else S3Error
    error = kind(operation, answer.status, code or str(answer.status), message)
    error.region = answer.headers.get("x-amz-bucket-region")
    return error
