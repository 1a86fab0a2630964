"""The handshake of a data channel: the machine's agent says what the session is, the client if it can."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CLIENT_VERSION = "1.2.707.0"
"""What the agent is told: the version of the plugin whose protocol this client speaks. From 1.1.70 on the
agent carries many connections in one port session."""
_SUCCESS, _UNSUPPORTED = 1, 3
_TYPES = frozenset({"Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"})
_FIRST_WITH_MANY = (3, 0, 196, 0)


@dataclass(frozen=True)
class Offered:
    """What the agent offers: the session's type, its properties; ``refused`` says what of it this client
    cannot do."""

    agent_version: str
    kind: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    refused: tuple[str, ...] = ()

    @property
    def carries_many(self) -> bool:
        """Whether a port session carries many connections."""
        return version_of(self.agent_version) > _FIRST_WITH_MANY


def version_of(text: str) -> tuple[int, ...]:
    """The numbers of a version; empty for a text that is none."""
    parts = text.strip().split(".")
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def answered(payload: bytes) -> tuple[Offered, bytes]:
    """The request as it is understood, and the response to send. Raises ValueError for none."""
    request = json.loads(payload)
    kind, properties, done, refused = "", {}, [], []
    for action in request["RequestedClientActions"]:
        name = str(action["ActionType"])
        parameters = action.get("ActionParameters") or {}
        wanted = str(parameters.get("SessionType") or "")
        if name == "SessionType" and wanted in _TYPES:
            kind, properties = wanted, dict(parameters.get("Properties") or {})
            done.append(_processed(name, _SUCCESS, ""))
            continue
        why = f"session type {wanted}" if name == "SessionType" else name
        refused.append(why)
        done.append(_processed(name, _UNSUPPORTED, f"{why} is not supported"))
    offered = Offered(str(request.get("AgentVersion") or ""), kind, properties, tuple(refused))
    errors = [each["Error"] for each in done if each["Error"]]
    response = {"ClientVersion": CLIENT_VERSION, "ProcessedClientActions": done, "Errors": errors}
    return offered, json.dumps(response).encode()


def _processed(action: str, status: int, error: str) -> dict[str, Any]:
    return {"ActionType": action, "ActionStatus": status, "ActionResult": None, "Error": error}
