"""Instances without a network: their requests do not arrive and are not answered.

An instance is identified by its role credentials. Its metadata service is local and stays reachable, as on
AWS.
"""

import re
import threading
from collections.abc import Callable
from typing import Any

from sandbox.aws.cloud.roles import session_of

_ACCESS_KEY = re.compile(r"Credential=([^/]+)/")
_SILENT_SECONDS = 45.0
"""Longer than callers wait; bounds how long a request of a disconnected instance is held."""


class Disconnected:
    """The disconnected instances. Thread-safe. `instance_of` maps an access key to its instance, or None."""

    def __init__(
        self, instance_of: Callable[[str], str | None], silent_seconds: float = _SILENT_SECONDS
    ) -> None:
        self._instance_of = instance_of
        self._silent_seconds = silent_seconds
        self._instances: frozenset[str] = frozenset()
        self._changed = threading.Condition()

    def set(self, instance: str, *, connected: bool) -> None:
        with self._changed:
            self._instances = self._instances - {instance} if connected else self._instances | {instance}
            self._changed.notify_all()

    def holds(self, instance: str) -> bool:
        """Whether the instance has no network."""
        return instance in self._instances

    def instance_behind(self, environ: dict[str, Any]) -> str | None:
        """The instance whose role credentials a request is signed with."""
        told = _ACCESS_KEY.search(environ.get("HTTP_AUTHORIZATION", ""))
        return self._instance_of(told[1]) if told else None

    def may_arrive(self, environ: dict[str, Any]) -> bool:
        """Whether this request reaches the cloud; if not, blocks first, as with lost packets."""
        if not self._instances:
            return True
        instance = self.instance_behind(environ)
        if instance not in self._instances:
            return True
        with self._changed:
            self._changed.wait_for(lambda: instance not in self._instances, self._silent_seconds)
        return False


def instance_of_session(access_key: str) -> str | None:
    """The instance whose role session has this key (the session contains its id). Reads moto's tables."""
    session = session_of(access_key)
    return session.name if session is not None else None
