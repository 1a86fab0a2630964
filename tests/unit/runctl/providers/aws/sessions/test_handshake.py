"""The handshake: what the agent asks for, and what it is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runctl_auto.providers.aws.sessions.handshake import answered, version_of


def request(*actions: dict[str, Any], agent: str = "3.3.1.0") -> bytes:
    return json.dumps({"AgentVersion": agent, "RequestedClientActions": list(actions)}).encode()


def session(kind: str, **properties: str) -> dict[str, Any]:
    return {
        "ActionType": "SessionType",
        "ActionParameters": {"SessionType": kind, "Properties": properties},
    }


def test_a_session_that_is_known_is_accepted() -> None:
    offered, response = answered(request(session("Port", portNumber="80")))
    assert (offered.kind, offered.properties, offered.refused) == ("Port", {"portNumber": "80"}, ())
    told = json.loads(response)
    assert [each["ActionStatus"] for each in told["ProcessedClientActions"]] == [1]
    assert told["Errors"] == []


def test_what_cannot_be_done_is_refused_by_name() -> None:
    encryption = {"ActionType": "KMSEncryption", "ActionParameters": {"KMSKeyId": "key"}}
    offered, response = answered(request(encryption, session("Chess")))
    assert offered.refused == ("KMSEncryption", "session type Chess")
    assert len(json.loads(response)["Errors"]) == 2


@pytest.mark.parametrize(
    ("agent", "many"), [("3.0.196.0", False), ("3.0.197.0", True), ("2.9.999.0", False), ("unknown", False)]
)
def test_old_agents_carry_one_connection(agent: str, many: bool) -> None:
    offered, _ = answered(request(session("Port"), agent=agent))
    assert offered.carries_many is many


def test_versions_are_numbers() -> None:
    assert version_of("1.2.10.0\n") == (1, 2, 10, 0)
    assert version_of("none") == ()
