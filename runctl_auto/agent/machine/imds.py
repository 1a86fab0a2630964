"""The instance metadata service, version 2 (with a session token)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timezone

from runctl_auto.agent.errors import CredentialsError, UnreachableError
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.web import Web

DEFAULT_ENDPOINT = "http://169.254.169.254/"
TOKEN_SECONDS = 21600
RENEW_BEFORE_SECONDS = 300
TIMEOUT_SECONDS = 5.0


class InstanceMetadata:
    """Reads the metadata of this instance; raises UnreachableError when the service is unreachable."""

    def __init__(self, web: Web, endpoint: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self._web = web
        self._endpoint = (endpoint or DEFAULT_ENDPOINT).rstrip("/")
        self._clock = clock
        self._token = ""
        self._token_ends = 0.0
        self._credentials: Credentials | None = None
        self._credentials_end = 0.0

    def get(self, path: str) -> str | None:
        """The text at `path` below /latest/, None when there is none."""
        for _ in range(2):
            headers = {"X-aws-ec2-metadata-token": self._session_token()}
            with self._web.send(
                "GET", f"{self._endpoint}/latest/{path}", headers, None, TIMEOUT_SECONDS
            ) as answer:
                text = answer.read().decode("utf-8", "replace")
                status = answer.status
            if status == 200:
                return text
            if status == 404:
                return None
            self._token = ""
        raise UnreachableError(f"the instance metadata service answered {status} for {path}")

    def credentials(self) -> Credentials:
        """The role's credentials, cached until shortly before they expire."""
        if self._credentials is None or self._clock() > self._credentials_end - RENEW_BEFORE_SECONDS:
            self._credentials, self._credentials_end = self._fetch_credentials()
        return self._credentials

    def forget_credentials(self) -> None:
        """Makes the next call of `credentials` query the service."""
        self._credentials = None

    def _session_token(self) -> str:
        if not self._token or self._clock() > self._token_ends - RENEW_BEFORE_SECONDS:
            headers = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
            with self._web.send(
                "PUT", f"{self._endpoint}/latest/api/token", headers, b"", TIMEOUT_SECONDS
            ) as answer:
                text = answer.read().decode("ascii", "replace")
                if answer.status != 200:
                    raise UnreachableError(f"the instance metadata service gave no token: {answer.status}")
            self._token, self._token_ends = text, self._clock() + TOKEN_SECONDS
        return self._token

    def _fetch_credentials(self) -> tuple[Credentials, float]:
        folder = "meta-data/iam/security-credentials/"
        names = (self.get(folder) or "").split()
        found = self.get(folder + names[0]) if names else None
        if not found:
            raise CredentialsError(
                "the instance has no role credentials (instance profile missing or not ready)"
            )
        try:
            data = json.loads(found)
            keys = Credentials(data["AccessKeyId"], data["SecretAccessKey"], data["Token"])
            ends = datetime.strptime(data["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        except (ValueError, KeyError, TypeError) as error:
            raise CredentialsError(f"the role's credentials cannot be read: {error!r}") from error
        return keys, ends.timestamp()
