"""The job's secrets: read from the parameter store with the instance's own role, held in memory only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, Protocol

from runctl_auto.agent.errors import AgentError, S3Error
from runctl_auto.agent.spec import SecretSpec
from runctl_auto.agent.store.sigv4 import Credentials, signed_headers
from runctl_auto.agent.store.web import Web

MOST_AT_ONCE = 10
TIMEOUT_SECONDS = 30.0


class ParameterStoreError(S3Error):
    """The parameter store returned an error; retried like those of S3."""

    def __init__(self, status: int, code: str, message: str) -> None:
        AgentError.__init__(
            self, f"reading the job's secrets: the service answered {status} {code}: {message}"
        )
        self.status = status
        self.code = code


class Retried(Protocol):
    """Runs an operation until it succeeds or its error is final."""

    def __call__(self, operation: Callable[[], dict[str, Any]]) -> dict[str, Any]: ...


class Parameters:
    """The parameter store of a region. `endpoint` replaces AWS's own address."""

    def __init__(
        self,
        web: Web,
        region: str,
        credentials: Callable[[], Credentials],
        retried: Retried,
        *,
        endpoint: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self._url = f"{(endpoint or f'https://ssm.{region}.{suffix}').rstrip('/')}/"
        self._web = web
        self._region = region
        self._credentials = credentials
        self._retried = retried
        self._now = now

    def secrets(self, wanted: Sequence[SecretSpec]) -> dict[str, str]:
        """Values by the name of their variable. Blocks; raises AgentError that names the missing ones."""
        found: dict[str, str] = {}
        for start in range(0, len(wanted), MOST_AT_ONCE):
            found.update(self._read([each.parameter for each in wanted[start : start + MOST_AT_ONCE]]))
        missing = [each.parameter for each in wanted if each.parameter not in found]
        if missing:
            raise AgentError(f"secrets of the job are not in the parameter store: {', '.join(missing)}")
        return {each.name: found[each.parameter] for each in wanted}

    def _read(self, names: list[str]) -> dict[str, str]:
        answer = self._retried(lambda: self._call("GetParameters", {"Names": names, "WithDecryption": True}))
        return {str(each["Name"]): str(each["Value"]) for each in answer.get("Parameters") or ()}

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(parameters).encode()
        headers = signed_headers(
            "POST",
            self._url,
            {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"AmazonSSM.{operation}"},
            payload_sha256=hashlib.sha256(body).hexdigest(),
            credentials=self._credentials(),
            region=self._region,
            now=self._now(),
            service="ssm",
        )
        with self._web.send("POST", self._url, headers, body, TIMEOUT_SECONDS) as answer:
            content = answer.read()
            status = answer.status
        try:
            data = json.loads(content or b"{}")
        except ValueError:
            data = {}
        if not isinstance(data, dict):
            data = {}
        if not 200 <= status < 300:
            code = str(data.get("__type") or status).rpartition("#")[2]
            raise ParameterStoreError(status, code, str(data.get("message") or data.get("Message") or ""))
        return data
