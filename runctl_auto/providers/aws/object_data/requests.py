"""Signed requests to one bucket over kept connections, with retries and typed errors.

The body is not part of the signature: S3 checks it by the CRC64NVME that travels in the signed header, which
costs a tenth of a SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote
from xml.sax.saxutils import unescape

from runctl_auto.agent.store.s3_request import encoded_query
from runctl_auto.agent.store.sigv4 import ALGORITHM, Credentials
from runctl_auto.errors import CloudError, UnreachableError
from runctl_auto.local.retry import RetryPolicy
from runctl_auto.providers.aws import retry
from runctl_auto.providers.aws.errors import DAMAGED, next_step_for, passes
from runctl_auto.providers.aws.object_data.connection import (
    ANSWER_SECONDS,
    Answer,
    ConnectionBroken,
    Host,
    Into,
    Wire,
)
from runctl_auto.providers.aws.object_data.crowd import Answered, Crowd, Route
from runctl_auto.providers.objects import Body

BULK_CALLS = RetryPolicy(attempts=7, first_wait=0.2, cap=20.0)
"""Up to about 25 s for one request: a bucket that scales up answers 503 for that long."""
UNSIGNED = "UNSIGNED-PAYLOAD"
_AT_ONCE_AGAIN = 2
"""How often a request is repeated without a wait: its body arrived damaged, or it belongs elsewhere."""

Result = TypeVar("Result")
Query = Sequence[tuple[str, str]]


class S3Refusal(Exception):
    """S3 refused a request; ``response`` has the form that botocore gives to it."""

    def __init__(self, operation: str, status: int, code: str, message: str, answer: Answer) -> None:
        super().__init__(f"{operation}: S3 answered {status} {code}: {message}")
        self.status = status
        self.code = code
        self.answer = answer
        self.response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }


class _Elsewhere(Exception):
    """The request has to be repeated at once: in another region, or with the server's clock."""


@dataclass(frozen=True, kw_only=True)
class BucketAt:
    """A bucket and how it is reached. ``owner``: the account that must own it, None for any."""

    name: str
    region: str
    host: Host
    path: str = ""
    owner: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True)
class _Request:
    method: str
    key: str | None
    query: Query
    headers: Mapping[str, str]
    body: Body | None
    into: Into | None
    once: bool
    silence: float = ANSWER_SECONDS


class Requests:
    """Sends signed requests to a bucket; one connection for each thread that asks.

    ``last_date`` is the time that the server told in its last answer, and the clock's when it did.
    ``open_wire`` opens a connection to the bucket's host; ``locate`` gives the bucket in another region.
    """

    def __init__(
        self,
        bucket: BucketAt,
        credentials: Callable[[], Credentials],
        open_wire: Callable[[Host], Wire],
        *,
        locate: Callable[[str], BucketAt] | None = None,
        route: Callable[[Host], Route | None] = lambda _: None,
        policy: RetryPolicy = BULK_CALLS,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.bucket = bucket
        self.sent_bytes = 0
        self.last_date: tuple[str | None, float] = (None, 0.0)
        self._credentials = credentials
        self._open_wire = open_wire
        self._locate = locate
        self._route = route
        self._policy = policy
        self._clock = clock
        self._sleep = sleep
        self._offset = 0.0
        self._keys: dict[tuple[str, ...], bytes] = {}
        self._threads = threading.local()
        self._counting = threading.Lock()

    def send(
        self,
        method: str,
        key: str | None,
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        into: Into | None = None,
        once: bool = False,
        silence: float = ANSWER_SECONDS,
    ) -> Answer:
        """The answer to a request that succeeded, repeated on transient errors unless it may be sent
        ``once``.

        ``key`` None asks the bucket itself; the server may be silent for ``silence`` seconds. Raises
        ``CloudError`` and its subclasses.
        """
        request = _Request(method, key, query, headers or {}, body, into, once, silence)
        where = {"bucket": self.bucket.name}
        try:
            return self._attempt(request)
        except (S3Refusal, CloudError) as error:
            failure = error
        attempts = self._policy.attempts - 1
        if once or not passes(failure):
            attempts = 0
        if attempts:
            self._sleep(self._policy.first_wait)
        return retry.call(
            lambda: self._attempt(request) if attempts else _raise(failure),
            self._named(request),
            policy=replace(self._policy, attempts=max(1, attempts)),
            where=where,
            sleep=self._sleep,
        )

    def prepared(self, method: str, key: str, headers: Mapping[str, str], size: int = 0) -> bytes:
        """The signed head of a request that is sent by the caller, with a body of ``size`` bytes."""
        return self._head(_Request(method, key, (), headers, None, None, False), size)

    def crowd(self, at_once: int, answered: Answered) -> Crowd | None:
        """Sends prepared requests on ``at_once`` connections; None where connections need more than that."""
        route = self._route(self.bucket.host)
        return None if route is None else Crowd(route, at_once, answered)

    def _attempt(self, request: _Request) -> Answer:
        for _ in range(_AT_ONCE_AGAIN):
            try:
                return self._exchange(request)
            except _Elsewhere:
                continue
            except S3Refusal as refusal:
                if refusal.code not in DAMAGED:
                    raise
        return self._exchange(request)

    def _exchange(self, request: _Request) -> Answer:
        body = request.body
        size = body.size if body is not None else 0
        head = self._head(request, size)
        pieces = body.pieces if body is not None else tuple
        if size:
            with self._counting:
                self.sent_bytes += size
        try:
            answer = self._wire().exchange(
                head, pieces, size, request.into, once=request.once, silence=request.silence
            )
        except ConnectionBroken as broken:
            raise UnreachableError(
                f"{self._named(request)}: {broken}",
                where={"bucket": self.bucket.name},
                next_step=next_step_for(UnreachableError),
            ) from broken
        self.last_date = (answer.headers.get("date"), self._clock())
        if 200 <= answer.status < 300:
            return answer
        refusal = _refusal(self._named(request), answer)
        self._follow(refusal)
        raise refusal

    def _follow(self, refusal: S3Refusal) -> None:
        """Raises ``_Elsewhere`` when a repeat with what the server said can succeed."""
        headers = refusal.answer.headers
        region = headers.get("x-amz-bucket-region") or _text(refusal.answer.body, "Region")
        if (
            region
            and region != self.bucket.region
            and refusal.status in (301, 307, 400, 403)
            and self._locate
        ):
            self.bucket = self._locate(region)
            self._threads = threading.local()
            raise _Elsewhere
        if refusal.code == "RequestTimeTooSkewed" and "date" in headers:
            offset = parsedate_to_datetime(headers["date"]).timestamp() - self._clock()
            if abs(offset - self._offset) > 60:
                self._offset = offset
                raise _Elsewhere

    def _wire(self) -> Wire:
        found: Wire | None = getattr(self._threads, "wire", None)
        if found is None:
            found = self._threads.wire = self._open_wire(self.bucket.host)
        return found

    def _head(self, request: _Request, size: int) -> bytes:
        """The signed head of a request (Signature Version 4)."""
        method, key, query = request.method, request.key, request.query
        bucket, credentials = self.bucket, self._credentials()
        moment = time.gmtime(self._clock() + self._offset)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", moment)
        path = bucket.path + "/" + (quote(key, safe="/-_.~") if key is not None else "")
        if key is None and bucket.path:
            path = bucket.path
        search = encoded_query(query) if query else ""
        signed = {
            "host": bucket.host.header,
            "x-amz-content-sha256": UNSIGNED,
            "x-amz-date": stamp,
            **request.headers,
        }
        if bucket.owner:
            signed["x-amz-expected-bucket-owner"] = bucket.owner
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        names = sorted(signed)
        listed = ";".join(names)
        canonical = "\n".join(
            (method, path, search, *(f"{name}:{signed[name]}" for name in names), "", listed, UNSIGNED)
        )
        scope = f"{stamp[:8]}/{bucket.region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}".encode()
        key_of_day = self._key_of_day(credentials.secret_key, stamp[:8], bucket.region)
        signature = hmac.digest(key_of_day, to_sign, "sha256").hex()
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        length = f"content-length: {size}\r\n" if size or method in ("PUT", "POST") else ""
        target = f"{path}?{search}" if search else path
        return (
            f"{method} {target} HTTP/1.1\r\n{lines}{length}"
            f"authorization: {ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={listed}, Signature={signature}\r\n\r\n"
        ).encode()

    def _key_of_day(self, secret: str, day: str, region: str) -> bytes:
        known = self._keys.get((secret, day, region))
        if known is None:
            known = f"AWS4{secret}".encode()
            for step in (day, region, "s3", "aws4_request"):
                known = hmac.digest(known, step.encode(), "sha256")
            self._keys = {(secret, day, region): known}
        return known

    def _named(self, request: _Request) -> str:
        return f"s3 {request.method} s3://{self.bucket.name}/{request.key or ''}"


def _raise(error: Exception) -> Answer:
    raise error


def _refusal(operation: str, answer: Answer) -> S3Refusal:
    code = _text(answer.body, "Code") or str(answer.status)
    return S3Refusal(operation, answer.status, code, _text(answer.body, "Message") or "no message", answer)


def _text(body: bytes, tag: str) -> str | None:
    found = re.search(f"<{tag}>([^<]*)</{tag}>", body.decode("utf-8", "replace"))
    return unescape(found.group(1)) if found else None
