"""Calls of a host's session agent to the cloud, with the credentials of the instance's role."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

_TOKEN_SECONDS = 300
_CREDENTIALS_SECONDS = 60.0
_METADATA_SECONDS = 5.0
CONTROL = "MessageGateway"


class CloudError(Exception):
    """The metadata service or the cloud did not answer, or refused."""


class Metadata:
    """The instance's own metadata service."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._prefix = parts.path.rstrip("/")
        self._credentials: tuple[float, dict[str, str]] | None = None

    def get(self, path: str) -> str:
        token = self._ask(
            "PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_SECONDS)}
        )
        return self._ask("GET", f"/latest/{path}", {"X-aws-ec2-metadata-token": token})

    def credentials(self) -> dict[str, str]:
        """The role's; kept for a minute. Raises CloudError for an instance without a role."""
        if self._credentials is None or time.monotonic() - self._credentials[0] > _CREDENTIALS_SECONDS:
            place = "meta-data/iam/security-credentials/"
            role = self.get(place).splitlines()[0]
            self._credentials = (time.monotonic(), json.loads(self.get(place + role)))
        return self._credentials[1]

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        connection = http.client.HTTPConnection(*self._place, timeout=_METADATA_SECONDS)
        try:
            connection.request(method, self._prefix + path, headers=headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise CloudError(f"the metadata service: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise CloudError(f"the metadata service answered {answer.status} to {path}")
        return text


class Cloud:
    """The cloud at `url`. Each call has a connection of its own, so that threads may share the object."""

    def __init__(self, url: str, region: str, metadata: Metadata) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self._region = region
        self._metadata = metadata

    def call(
        self, service: str, target: str, content: dict[str, Any], seconds: float = 15.0
    ) -> dict[str, Any]:
        """One call in AWS's JSON protocol. Raises CloudError."""
        # The cloud refuses a role's JSON with an ampersand: it could be read as a form, too.
        body = json.dumps(content).encode().replace(b"&", b"\\u0026")
        headers = self._signed(service, target, body)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=seconds)
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise CloudError(f"{target}: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise CloudError(f"{target}: {answer.status} {text[:500].decode(errors='replace')}")
        found = json.loads(text)
        return found if isinstance(found, dict) else {}

    def _signed(self, service: str, target: str, body: bytes) -> dict[str, str]:
        keys = self._metadata.credentials()
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": f"{self.host}:{self.port}",
            "x-amz-date": stamp,
            "x-amz-security-token": keys["Token"],
            "x-amz-target": target,
        }
        scope = f"{stamp[:8]}/{self._region}/{service}/aws4_request"
        names = ";".join(sorted(headers))
        canonical = "\n".join(
            ["POST", "/", "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names,
             hashlib.sha256(body).hexdigest()]
        )  # fmt: skip
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{keys['SecretAccessKey']}".encode()
        for step in scope.split("/"):
            key = hmac.new(key, step.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={keys['AccessKeyId']}/{scope}, SignedHeaders={names}, "
            f"Signature={signature}"
        )
        return headers
