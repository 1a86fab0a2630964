"""One signed request to a service with AWS's query protocol, without retries."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import urlencode

from runctl_auto.agent.errors import ServiceError
from runctl_auto.agent.store.sigv4 import Credentials, signed_headers
from runctl_auto.agent.store.web import Web

TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class QueryService:
    """A service of a region, such as `autoscaling`; `endpoint` replaces AWS's own address."""

    web: Web
    service: str
    version: str
    region: str
    credentials: Callable[[], Credentials]
    endpoint: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)

    def call(self, action: str, parameters: Mapping[str, str]) -> None:
        """Raises ServiceError for a response that is no success."""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        url = (self.endpoint or f"https://{self.service}.{self.region}.{suffix}").rstrip("/") + "/"
        body = urlencode({"Action": action, "Version": self.version, **parameters}).encode()
        headers = signed_headers(
            "POST",
            url,
            {"content-type": "application/x-www-form-urlencoded"},
            payload_sha256=hashlib.sha256(body).hexdigest(),
            credentials=self.credentials(),
            region=self.region,
            now=self.now(),
            service=self.service,
        )
        with self.web.send("POST", url, headers, body, TIMEOUT_SECONDS) as answer:
            text = answer.read(65536).decode("utf-8", "replace")
        if not 200 <= answer.status < 300:
            code = re.search("<Code>([^<]*)", text)
            raise ServiceError(action, answer.status, code[1] if code else "", text)
