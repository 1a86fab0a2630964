"""Requests to S3 that end with a time limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runctl_auto.agent.store.s3_request import Query, S3Requests
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.store.web import Body, Response

TIDYING_SECONDS = 2.0
"""After the limit, deletions are still sent, and waited for at most this long."""


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
