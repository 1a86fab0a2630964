"""The password of AWS's container registry, which the machine's role asks for; it counts for 12 hours."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from runctl_auto.agent.errors import AgentError, S3Error
from runctl_auto.agent.machine.parameters import Retried
from runctl_auto.agent.store.sigv4 import Credentials, signed_headers
from runctl_auto.agent.store.web import Web

TIMEOUT_SECONDS = 30.0
_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"


class RegistryTokenError(S3Error):
    """The registry's service returned an error; retried like those of S3."""

    def __init__(self, status: int, code: str, message: str) -> None:
        AgentError.__init__(
            self, f"asking for the registry's password: the service answered {status} {code}: {message}"
        )
        self.status = status
        self.code = code


@dataclass(frozen=True)
class AwsRegistry:
    """``endpoint`` replaces AWS's own address."""

    web: Web
    credentials: Callable[[], Credentials]
    retried: Retried
    endpoint: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)

    def password(self, region: str) -> tuple[str, str]:
        """User and password for the registries of a region. Blocks; raises AgentError."""
        answer = self.retried(lambda: self._call(region))
        try:
            text = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise AgentError(f"the registry's service answered without a password: {error!r}") from error
        user, _, password = text.partition(":")
        return user, password

    def _call(self, region: str) -> dict[str, Any]:
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        url = (self.endpoint or f"https://api.ecr.{region}.{suffix}").rstrip("/") + "/"
        body = b"{}"
        headers = signed_headers(
            "POST",
            url,
            {"content-type": "application/x-amz-json-1.1", "x-amz-target": _TARGET},
            payload_sha256=hashlib.sha256(body).hexdigest(),
            credentials=self.credentials(),
            region=region,
            now=self.now(),
            service="ecr",
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
            raise RegistryTokenError(status, code, str(data.get("message") or data.get("Message") or ""))
        return data
