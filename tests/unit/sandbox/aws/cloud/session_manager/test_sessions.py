"""Sessions of the emulated Session Manager: opened, connected end to end, ended, told."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import pytest

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.session_manager.nodes import Nodes
from sandbox.aws.cloud.session_manager.sessions import Sessions
from sandbox.hosts.guest import session_messages as messages
from sandbox.hosts.guest.session_messages import Message
from sandbox.hosts.guest.websocket_frames import BINARY, TEXT, Closed, WebSocket

MACHINE, OWNER, ADDRESS = "i-0123456789abcdef0", "arn:aws:sts::1:user/ann", "127.0.0.1:99"


class Scripted(WebSocket):
    """An end that says what it is given, then leaves; what it is sent is kept."""

    def __init__(self, *says: tuple[int, bytes]) -> None:
        self.says = deque(says)
        self.sent: list[bytes] = []
        self.closed = False

    def send(self, data: bytes, kind: int = BINARY) -> None:
        self.sent.append(data)

    def receive(self) -> tuple[int, bytes]:
        if not self.says:
            raise Closed("it left")
        return self.says.popleft()

    def close(self) -> None:
        self.closed = True


def hello(token: str) -> tuple[int, bytes]:
    return TEXT, json.dumps({"TokenValue": token}).encode()


@pytest.fixture
def nodes() -> Nodes:
    found = Nodes(lambda: 1000.0, lambda instance: False)
    found.register(MACHINE, {})
    return found


@pytest.fixture
def cut_off() -> set[str]:
    return set()


@pytest.fixture
def sessions(nodes: Nodes, cut_off: set[str]) -> Sessions:
    return Sessions(nodes, lambda instance: True, cut_off.__contains__, lambda: 1000.0)


def started(sessions: Sessions, **asked: Any) -> dict[str, Any]:
    answer = sessions.start({"Target": MACHINE, **asked}, OWNER, ADDRESS)
    assert not isinstance(answer, AwsError)
    return answer


def code_of(answer: dict[str, Any] | AwsError) -> str:
    assert isinstance(answer, AwsError)
    return answer.code


def agent_token(sessions: Sessions, session: str) -> str:
    answer = sessions.open_agent_channel(session, MACHINE)
    assert not isinstance(answer, AwsError)
    return str(answer["TokenValue"])


def test_what_one_end_sends_reaches_the_other_also_when_it_comes_later(sessions: Sessions) -> None:
    told = started(sessions)
    session = told["SessionId"]
    client = Scripted(hello(told["TokenValue"]), (BINARY, b"x" * 200))
    sessions.serve(session, client)
    agent = Scripted(hello(agent_token(sessions, session)), (BINARY, b"y" * 200))
    sessions.serve(session, agent)
    assert agent.sent[0] == b"x" * 200
    later = sessions.resume({"SessionId": session}, ADDRESS)
    assert not isinstance(later, AwsError)


@pytest.mark.parametrize("first", [hello("wrong"), (TEXT, b"no json"), (BINARY, b"x"), (TEXT, b"[]")])
def test_without_its_token_nobody_is_connected(sessions: Sessions, first: tuple[int, bytes]) -> None:
    told = started(sessions)
    stranger = Scripted(first, (BINARY, b"x" * 200))
    sessions.serve(told["SessionId"], stranger)
    assert stranger.closed
    agent = Scripted(hello(agent_token(sessions, told["SessionId"])))
    sessions.serve(told["SessionId"], agent)
    assert agent.sent == []


def test_the_client_is_told_the_end_that_the_agent_tells(sessions: Sessions) -> None:
    told = started(sessions)
    session = told["SessionId"]
    client = Scripted()
    found = sessions._sessions[session]
    found.ends["client"] = client
    state = Message(messages.AGENT_STATE, b"{}").encoded()
    sessions.serve(session, Scripted(hello(agent_token(sessions, session)), (BINARY, state)))
    assert Message.decoded(client.sent[-1]).kind == messages.CHANNEL_CLOSED
    (shown,) = sessions.describe({"State": "History"})["Sessions"]  # type: ignore[index]
    assert (shown["Owner"], shown["Status"], shown["Target"]) == (OWNER, "Terminated", MACHINE)
    assert sessions.describe({"State": "Active"}) == {"Sessions": []}


def test_a_session_that_has_ended_is_not_resumed(sessions: Sessions) -> None:
    session = started(sessions)["SessionId"]
    sessions.terminate({"SessionId": session})
    assert sessions.resume({"SessionId": session}, ADDRESS) == {"SessionId": session}
    assert code_of(sessions.open_agent_channel(session, MACHINE)) == "InvalidSession"


def test_messages_of_a_machine_without_a_network_are_lost(sessions: Sessions, cut_off: set[str]) -> None:
    told = started(sessions)
    cut_off.add(MACHINE)
    sessions.serve(told["SessionId"], Scripted(hello(told["TokenValue"]), (BINARY, b"x" * 200)))
    cut_off.clear()
    agent = Scripted(hello(agent_token(sessions, told["SessionId"])))
    sessions.serve(told["SessionId"], agent)
    assert agent.sent == []


def test_another_instance_has_no_part_in_it(sessions: Sessions) -> None:
    session = started(sessions)["SessionId"]
    assert code_of(sessions.open_agent_channel(session, "i-other")) == "InvalidSession"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"Target": "i-unknown"}, "TargetNotConnected"),
        ({"DocumentName": "AWS-StartSSHSession"}, "InvalidDocument"),
        ({"DocumentName": "AWS-StartPortForwardingSession"}, "InvalidParameters"),
        ({"DocumentName": "AWS-StartInteractiveCommand"}, "InvalidParameters"),
    ],
)
def test_what_cannot_be_opened_is_refused(sessions: Sessions, asked: dict[str, Any], code: str) -> None:
    assert code_of(sessions.start({"Target": MACHINE, **asked}, OWNER, ADDRESS)) == code


def test_the_agent_is_told_of_the_session(sessions: Sessions, nodes: Nodes) -> None:
    parameters = {"portNumber": ["8080"], "localPortNumber": ["0"]}
    told = started(sessions, DocumentName="AWS-StartPortForwardingSession", Parameters=parameters)
    (message,) = nodes.poll(MACHINE, 0) or ()
    assert message["SessionId"] == told["SessionId"]
    assert (message["SessionType"], message["Properties"]["portNumber"]) == ("Port", "8080")
    assert told["StreamUrl"].startswith(f"ws://{ADDRESS}/v1/data-channel/{told['SessionId']}")
