"""The password of AWS's container registry, which the machine's role asks for; it counts for 12 hours."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.machine.json_request import JsonService, Retried
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.web import Web

_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"


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
        service = JsonService(
            self.web, "ecr", region, self.credentials, host="api.ecr", endpoint=self.endpoint, now=self.now
        )
        answer = self.retried(lambda: service.call(_TARGET, {}, "asking for the registry's password"))
        try:
            text = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise AgentError(f"the registry's service answered without a password: {error!r}") from error
        user, _, password = text.partition(":")
        return user, password
