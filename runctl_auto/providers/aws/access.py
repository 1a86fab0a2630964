"""Calls to AWS from the developer's machine: cached clients, retries on every call, typed errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from runctl_auto.errors import CloudError
from runctl_auto.local.retry import CONTROL_CALLS
from runctl_auto.providers.aws import retry
from runctl_auto.providers.call_times import timed_call

Client = Any
"""A client of botocore or boto3: its methods are created at run time from the service's model."""


class ClientFactory(Protocol):
    """Creates a client of a service for a region, with botocore's own retries disabled."""

    def __call__(self, service: str, region: str) -> Client: ...


class Cloud:
    """One region of an account. Not thread-safe; create one per thread."""

    def __init__(
        self, factory: ClientFactory, region: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.region = region
        self._factory = factory
        self.endpoint_url: str | None = getattr(factory, "endpoint_url", None)
        """What replaces AWS's own addresses, if that is known."""
        self._sleep = sleep
        self._clients: dict[str, Client] = {}

    def in_region(self, region: str) -> Cloud:
        """The same account in another region."""
        return self if region == self.region else Cloud(self._factory, region, sleep=self._sleep)

    def client(self, service: str) -> Client:
        """The bare client: for callers with their own retries (all others use ``call``)."""
        if service not in self._clients:
            self._clients[service] = self._factory(service, self.region)
        return self._clients[service]

    def call(self, service: str, operation: str, **parameters: object) -> dict[str, Any]:
        """One API call, retried on transient errors. Raises ``CloudError`` and its subclasses."""
        method = getattr(self.client(service), operation)
        with timed_call(service):
            answer: dict[str, Any] = self.retried(lambda: method(**parameters), f"{service} {operation}")
        return answer

    def pages(self, service: str, operation: str, key: str, **parameters: object) -> Iterator[Any]:
        """Items under ``key`` of all pages of a list call; each page is one retried call.

        Raises ``CloudError`` when a page refers to itself as the next.
        """
        while True:
            page = self.call(service, operation, **parameters)
            yield from page.get(key) or []
            following = _next_page(page)
            if not following:
                return
            if following.items() <= parameters.items():
                raise CloudError(
                    f"{service} {operation} answers with the same page again and again.",
                    code="RepeatedPage",
                    where={"region": self.region},
                    next_step="Repeat later; if it stays so, report it.",
                )
            parameters = {**parameters, **following}

    def pause(self, seconds: float) -> None:
        """Waits between two looks at something that changes by itself."""
        self._sleep(seconds)

    def retried(self, operation: Callable[[], Any], what: str) -> Any:
        """Runs a multi-step operation (call and read the body) under the retry policy."""
        return retry.call(
            operation,
            what,
            policy=CONTROL_CALLS,
            where={"region": self.region},
            sleep=self._sleep,
        )


_PAGE_TOKENS: tuple[dict[str, str], ...] = (
    {"NextToken": "NextToken"},
    {"nextToken": "nextToken"},
    {"PaginationToken": "PaginationToken"},
    {"NextPageToken": "NextPageToken"},
    {"NextContinuationToken": "ContinuationToken"},
    {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"},
    {"Marker": "Marker"},
    {"ContinuationToken": "ContinuationToken"},
)


def _next_page(page: Mapping[str, Any]) -> dict[str, object]:
    """The parameters that request the next page; empty after the last."""
    if page.get("IsTruncated") is False:
        return {}
    for style in _PAGE_TOKENS:
        tokens: dict[str, object] = {asked: page[given] for given, asked in style.items() if page.get(given)}
        if tokens:
            return tokens
    return {}
