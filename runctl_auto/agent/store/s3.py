"""One bucket: its requests with retries, and its listings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from xml.etree import ElementTree

from runctl_auto.agent.errors import (
    AgentError,
    CredentialsError,
    IntegrityError,
    NoSuchKeyError,
    S3Error,
    UnreachableError,
)
from runctl_auto.agent.store.limited_requests import LimitedRequests
from runctl_auto.agent.store.outage import Outage
from runctl_auto.agent.store.retrying import Retrier
from runctl_auto.agent.store.s3_codes import PASSING_CODES, STALE_CREDENTIALS_CODES
from runctl_auto.agent.store.s3_request import Query, S3Requests
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.store.web import Response

T = TypeVar("T")

CHUNK = 1024 * 1024
BODY_TIMEOUT_SECONDS = 120.0
MOST_ANSWER_BYTES = 16 * CHUNK
"""Of S3's own answers: a page of a listing has at most 1,000 keys of 1,024 bytes."""
OUTAGE_SECONDS = 120.0
"""After this long without any answer a call is made only once: without a network the machine must still end.
"""


@dataclass(frozen=True)
class StoredObject:
    """An object as listed: `etag` with its quotes, `modified` as S3 writes times."""

    key: str
    size: int
    etag: str
    modified: str


@dataclass(frozen=True)
class S3:
    """Requests to one bucket. Every call blocks until done or raises an AgentError.

    `forgive_until`: before this time of the retrier's clock a 403 is taken for permissions that have not
    propagated yet. `patience_seconds`: transient errors are retried for at least that long, unless the
    `outage` that they are part of has lasted OUTAGE_SECONDS. `expects_objects`: a missing object is such an
    error. With a `limit` no request outlives it.
    """

    requests: S3Requests
    retrier: Retrier = field(default_factory=Retrier)
    forget_credentials: Callable[[], None] = lambda: None
    forgive_until: float = 0.0
    patience_seconds: float = 0.0
    outage: Outage = field(default_factory=Outage)
    expects_objects: bool = False
    limit: TimeLimit | None = None

    def patient(self, seconds: float) -> S3:
        """The same bucket, retrying for at least `seconds`: for data that must not be lost."""
        return replace(self, patience_seconds=seconds)

    def within(self, limit: TimeLimit) -> S3:
        """The same bucket, up to a time limit that is set later or never."""
        return replace(self, requests=LimitedRequests(self.requests, limit), limit=limit)

    def expecting_objects(self) -> S3:
        """The same bucket, for objects that are known to exist: for 15 minutes after versioning was enabled,
        S3 may answer 404 for them now and then.
        """
        return replace(self, expects_objects=True)

    def request(
        self,
        method: str,
        key: str,
        *,
        query: Query = (),
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        at_most: int = MOST_ANSWER_BYTES,
    ) -> bytes:
        """The whole body of the response. Raises IntegrityError when it is larger than `at_most` bytes."""

        def attempt() -> bytes:
            with self.requests.send(method, key, query=query, body=body, headers=headers) as answer:
                return _whole(answer, key, at_most)

        return self.retried(attempt)

    def retried(self, operation: Callable[[], T]) -> T:
        """Result of an operation, retried like the bucket's own requests."""
        started = self.retrier.clock()
        return self.retrier.call(
            lambda: self._watched(operation), self._is_passing, lambda error: self._patience(error, started)
        )

    def list_stored(self, prefix: str) -> Iterator[StoredObject]:
        """Objects below `prefix`, in order; pages are requested as needed."""
        for page in self._pages((("prefix", prefix),)):
            for item in page.findall("Contents"):
                yield StoredObject(
                    key=item.findtext("Key") or "",
                    size=int(item.findtext("Size") or 0),
                    etag=item.findtext("ETag") or "",
                    modified=item.findtext("LastModified") or "",
                )

    def list_folders(self, prefix: str) -> list[str]:
        """Names directly below `prefix` (which ends in '/') that have objects below them, in order."""
        found: list[str] = []
        for page in self._pages((("prefix", prefix), ("delimiter", "/"))):
            for item in page.findall("CommonPrefixes"):
                found.append((item.findtext("Prefix") or "")[len(prefix) :].rstrip("/"))
        return found

    def _pages(self, query: Query) -> Iterator[ElementTree.Element]:
        token: str | None = None
        while True:
            page = self._page(
                (*query, ("list-type", "2"), *((("continuation-token", token),) if token else ()))
            )
            yield page
            token = page.findtext("NextContinuationToken")
            if not token:
                return

    def _page(self, query: Query) -> ElementTree.Element:
        text = self.request("GET", "", query=query).decode()
        return ElementTree.fromstring(re.sub(r'\sxmlns="[^"]*"', "", text, count=1))  # noqa: S314

    def _watched(self, operation: Callable[[], T]) -> T:
        asked = self.retrier.clock()
        try:
            result = operation()
        except UnreachableError:
            self.outage.unanswered(asked)
            raise
        except S3Error:
            self.outage.answered()
            raise
        self.outage.answered()
        return result

    def _is_passing(self, error: AgentError) -> bool:
        if isinstance(error, S3Error) and error.code in STALE_CREDENTIALS_CODES:
            self.forget_credentials()
            return True
        if isinstance(error, UnreachableError) and self.outage.lasts(OUTAGE_SECONDS, self.retrier.clock()):
            return False
        is_late = self.expects_objects and isinstance(error, NoSuchKeyError)
        return is_late or is_passing(error) or self._is_forgiven(error)

    def _is_forgiven(self, error: AgentError) -> bool:
        refused = isinstance(error, S3Error) and error.status == 403
        return (refused or isinstance(error, CredentialsError)) and self.retrier.clock() < self.forgive_until

    def _patience(self, error: AgentError, started: float) -> float:
        if self._is_forgiven(error):
            return self.forgive_until
        patient_until = started + self.patience_seconds
        if self.limit is None:
            return patient_until
        return min(patient_until, self.retrier.clock() + self.limit.left())


def _whole(answer: Response, key: str, at_most: int) -> bytes:
    content = answer.read(at_most + 1)
    if len(content) > at_most:
        raise IntegrityError(f"{key} is larger than {at_most} bytes")
    expected = answer.headers.get("content-length")
    if expected is not None and len(content) < int(expected):
        raise UnreachableError(f"{key}: {len(content)} of {expected} bytes arrived")
    return content


def is_passing(error: AgentError) -> bool:
    """Whether repeating the same request may succeed."""
    if isinstance(error, (UnreachableError, CredentialsError)):
        return True
    if isinstance(error, S3Error):
        return error.status >= 500 or error.status == 429 or error.code in PASSING_CODES
    return False
