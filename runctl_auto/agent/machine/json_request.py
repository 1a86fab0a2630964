"""One signed request to a service with AWS's JSON protocol, without retries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from runctl_auto.agent.errors import AgentError, S3Error
from runctl_auto.agent.store.sigv4 import Credentials, signed_headers
from runctl_auto.agent.store.web import Web

TIMEOUT_SECONDS = 30.0


class JsonServiceError(S3Error):
    """The service returned an error; retried like those of S3. ``doing`` is what it was asked for."""

    def __init__(self, doing: str, status: int, code: str, message: str) -> None:
        AgentError.__init__(self, f"{doing}: the service answered {status} {code}: {message}")
        self.status = status
        self.code = code


class Retried(Protocol):
    """Runs an operation until it succeeds or its error is final."""

    def __call__(self, operation: Callable[[], dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True)
class JsonService:
    """A service of a region by the name that it signs with. Its ``host`` is named like it unless said
    otherwise; ``endpoint`` replaces AWS's own address.
    """

    web: Web
    service: str
    region: str
    credentials: Callable[[], Credentials]
    host: str | None = None
    endpoint: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)

    def call(self, target: str, parameters: Mapping[str, Any], doing: str) -> dict[str, Any]:
        """The answer; empty for one that is no JSON object. Raises JsonServiceError."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        address = self.endpoint or f"https://{self.host or self.service}.{self.region}.{suffix}"
        url = address.rstrip("/") + "/"
        body = json.dumps(parameters).encode()
        headers = signed_headers(
            "POST",
            url,
            {"content-type": "application/x-amz-json-1.1", "x-amz-target": target},
            payload_sha256=hashlib.sha256(body).hexdigest(),
            credentials=self.credentials(),
            region=self.region,
            now=self.now(),
            service=self.service,
        )
        with self.web.send("POST", url, headers, body, TIMEOUT_SECONDS) as answer:
            content, status = answer.read(), answer.status
        try:
            data = json.loads(content or b"{}")
        except ValueError:
            data = {}
        if not isinstance(data, dict):
            data = {}
        if not 200 <= status < 300:
            code = str(data.get("__type") or status).rpartition("#")[2]
            message = str(data.get("message") or data.get("Message") or "")
            raise JsonServiceError(doing, status, code, message)
        return data
