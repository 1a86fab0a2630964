"""Errors of the cloud, formatted as the official provider formats them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CloudError(Exception):
    """A failed call: `code` is the service's own, the message is in the official provider's format."""

    def __init__(self, doing: str, code: str, detail: str) -> None:
        super().__init__(f"{doing}: {detail}" if doing else detail)
        self.code = code
        self.detail = detail

    def while_doing(self, doing: str) -> CloudError:
        """The same error, with `doing` as its context."""
        return CloudError(doing, self.code, self.detail)


class RefusedError(Exception):
    """A request that the cloud or this provider does not support; the message says what to do."""


def describe_failure(
    response: Mapping[str, Any],
    *,
    service: str,
    operation: str,
    modelled: frozenset[str],
    attempts: int | None,
) -> str:
    """The message for an error response. attempts: the number made when retries ran out, else None.

    modelled: the error codes that the service's model declares for the operation; these omit "api error".
    """
    error = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    code, message = error.get("Code", "Unknown"), error.get("Message", "")
    exhausted = f"exceeded maximum number of attempts, {attempts}, " if attempts else ""
    host = f"HostID: {metadata.get('HostId', '')}, " if service == "S3" else ""
    kind = "" if code in modelled else "api error "
    return (
        f"operation error {service}: {operation}, {exhausted}"
        f"https response error StatusCode: {metadata.get('HTTPStatusCode', 0)}, "
        f"RequestID: {metadata.get('RequestId', '')}, {host}{kind}{code}: {message}"
    )
