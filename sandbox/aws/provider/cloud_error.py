"""What the cloud refused, in the words of the official provider, so that errors read the same on either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class CloudError(Exception):
    """A call that failed: `code` is the service's own, the text has the official provider's form."""

    def __init__(self, doing: str, code: str, detail: str) -> None:
        super().__init__(f"{doing}: {detail}" if doing else detail)
        self.code = code
        self.detail = detail

    def while_doing(self, doing: str) -> CloudError:
        """The same failure, said of a larger piece of work."""
        return CloudError(doing, self.code, self.detail)


class RefusedError(Exception):
    """The request is one that the cloud, or this provider, does not carry out; the text says what to do."""


def describe_failure(
    response: Mapping[str, Any],
    *,
    service: str,
    operation: str,
    modelled: frozenset[str],
    attempts: int | None,
) -> str:
    """The text for an error response. attempts: how many were made when they ran out, else None.

    modelled: the codes that the service's model declares for the operation; those appear without "api error".
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
