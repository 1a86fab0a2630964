"""A moment after which nothing is transferred: the cloud has announced when it takes the machine back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from runctl_auto.agent.errors import OutOfTimeError
from runctl_auto.agent.s3_request import Query, S3Requests
from runctl_auto.agent.web import Body, Response

TIDYING_SECONDS = 2.0
"""After the limit, deletions are still sent, and waited for at most this long."""


class TimeLimit:
    """No limit until `set`. `clock` is in seconds since the epoch. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: float | None = None
        self._lock = threading.Lock()
        self._sent = 0

    def set(self, until: float) -> None:
        """Nothing is transferred after `until`; of several limits the first counts."""
        with self._lock:
            self._until = until if self._until is None else min(self._until, until)

    def left(self) -> float:
        """Seconds that are left; infinite without a limit."""
        until = self._until
        return float("inf") if until is None else max(0.0, until - self._clock())

    def check(self) -> None:
        """Raises OutOfTimeError when no time is left."""
        if not self.left():
            raise OutOfTimeError("the time until the machine is taken back is used up")

    def count(self, sent: int) -> None:
        with self._lock:
            self._sent += sent

    @property
    def sent(self) -> int:
        """Bytes of bodies that were sent."""
        return self._sent


class LimitedRequests(S3Requests):
    """Requests that end with the limit, also in the middle of a body."""

    def __init__(self, requests: S3Requests, limit: TimeLimit) -> None:
        self._requests = requests
        self._limit = limit

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
        """As without a limit; raises OutOfTimeError when no time is left."""
        left = self._limit.left()
        if method == "DELETE":
            left = max(left, TIDYING_SECONDS)
        elif not left:
            self._limit.check()
        sent = body if isinstance(body, bytes) else self._watched(body)
        answer = self._requests.send(
            method,
            key,
            query=query,
            body=sent,
            body_sha256=body_sha256,
            headers=headers,
            timeout=min(timeout, left),
        )
        if isinstance(body, bytes):
            self._limit.count(len(body))
        return answer

    def _watched(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._limit.check()
            yield chunk
            self._limit.count(len(chunk))
