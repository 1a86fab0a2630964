"""The job's secrets: read from the parameter store with the instance's own role, held in memory only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.machine.json_request import JsonService, Retried
from runctl_auto.agent.spec import SecretSpec
from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.agent.store.web import Web

MOST_AT_ONCE = 10


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
        self._service = JsonService(web, "ssm", region, credentials, endpoint=endpoint, now=now)
        self._retried = retried

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
        asked: dict[str, Any] = {"Names": names, "WithDecryption": True}
        answer = self._retried(
            lambda: self._service.call("AmazonSSM.GetParameters", asked, "reading the job's secrets")
        )
        return {str(each["Name"]): str(each["Value"]) for each in answer.get("Parameters") or ()}
