"""The calls of Systems Manager that the sandbox answers itself, and the data channels' address."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.operations import AwsCall
from sandbox.aws.cloud.session_manager.commands import Commands
from sandbox.aws.cloud.session_manager.nodes import Nodes
from sandbox.aws.cloud.session_manager.sessions import Sessions
from sandbox.hosts.guest.websocket_frames import WebSocket, accept_value

CHANNELS = "/v1/data-channel/"
SERVICE = "ssmmessages"
_OF_SSM = frozenset(
    {
        "CancelCommand",
        "DescribeInstanceInformation",
        "DescribeSessions",
        "GetCommandInvocation",
        "ResumeSession",
        "SendCommand",
        "StartSession",
        "TerminateSession",
    }
)
_LONGEST_POLL = 20.0
_OWNER = "arn:aws:sts::123456789012:user/moto"
"""Whom GetCallerIdentity names for the cloud's keys."""


class SessionManager:
    """Answers without the cloud's locks. `instance_of` returns the instance that a request's credentials
    belong to, `is_running` whether an instance runs, `is_cut_off` whether it has no network or hangs."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        instance_of: Callable[[dict[str, Any]], str | None],
        is_running: Callable[[str], bool],
        is_cut_off: Callable[[str], bool],
    ) -> None:
        self._instance_of = instance_of
        self._is_running = is_running
        self._nodes = Nodes(clock, is_cut_off)
        self._commands = Commands(self._nodes, is_running, clock)
        self._sessions = Sessions(self._nodes, is_running, is_cut_off, clock)

    @staticmethod
    def serves(call: AwsCall) -> bool:
        return call.service == "ssm" and call.operation in _OF_SSM

    @staticmethod
    def is_of_agent(call: AwsCall) -> bool:
        """Calls that instances make all the time by themselves: no test numbers or holds them."""
        return call.service == SERVICE or call.name == "ssm:UpdateInstanceInformation"

    def answer(self, call: AwsCall, body: bytes, environ: dict[str, Any]) -> dict[str, Any] | AwsError:
        try:
            asked = json.loads(body or b"{}")
        except ValueError:
            return AwsError("ValidationException", "the request is no JSON")
        if self.is_of_agent(call):
            return self._of_agent(call.operation, asked, environ)
        address = environ.get("HTTP_HOST", "")
        answers: dict[str, Callable[[], dict[str, Any] | AwsError]] = {
            "SendCommand": lambda: self._commands.send(asked),
            "CancelCommand": lambda: self._commands.cancel(asked),
            "GetCommandInvocation": lambda: self._commands.invocation(asked),
            "StartSession": lambda: self._sessions.start(asked, _OWNER, address),
            "ResumeSession": lambda: self._sessions.resume(asked, address),
            "TerminateSession": lambda: self._sessions.terminate(asked),
            "DescribeSessions": lambda: self._sessions.describe(asked),
            "DescribeInstanceInformation": lambda: self._information(asked),
        }
        return answers[call.operation]()

    def _information(self, asked: dict[str, Any]) -> dict[str, Any] | AwsError:
        wanted: set[str] | None = None
        for each in asked.get("Filters") or ():
            if each.get("Key") != "InstanceIds":
                return AwsError("InvalidFilterKey", "The sandbox filters by InstanceIds alone")
            wanted = set(each.get("Values") or ())
        return {
            "InstanceInformationList": [
                {
                    "InstanceId": node.instance,
                    "PingStatus": "Online" if self._nodes.is_connected(node.instance) else "ConnectionLost",
                    "LastPingDateTime": node.seen,
                    "RegistrationDate": node.registered,
                    "ResourceType": "EC2Instance",
                    **node.about,
                }
                for node in self._nodes.all()
                if (wanted is None or node.instance in wanted) and self._is_running(node.instance)
            ]
        }

    def _of_agent(
        self, operation: str, asked: dict[str, Any], environ: dict[str, Any]
    ) -> dict[str, Any] | AwsError:
        """Calls of an instance's agent, each with the role credentials of its own instance."""
        instance = self._instance_of(environ)
        if instance is None or asked.get("InstanceId", instance) != instance:
            return AwsError("AccessDeniedException", "only an instance may make this call, for itself", 403)
        match operation:
            case "UpdateInstanceInformation":
                names = ("AgentVersion", "PlatformType", "IPAddress", "ComputerName")
                self._nodes.register(instance, {name: str(asked[name]) for name in names if name in asked})
                return {}
            case "CreateControlChannel" | "CreateDataChannel":
                return {}
            case "OpenDataChannel":
                return self._sessions.open_agent_channel(str(asked.get("SessionId")), instance)
            case "OpenControlChannel":
                return self._control(instance, asked)
        return AwsError("InvalidAction", f"The sandbox's {SERVICE} cannot do {operation}")

    def _control(self, instance: str, asked: dict[str, Any]) -> dict[str, Any] | AwsError:
        reply = asked.get("Reply")
        if isinstance(reply, dict):
            self._commands.replied(instance, reply)
            return {}
        told = self._nodes.poll(instance, min(float(asked.get("WaitSeconds") or 0), _LONGEST_POLL))
        if told is None:
            return AwsError("InvalidInstanceId", f"{instance} is not registered")
        wanted = [
            each
            for each in told
            if each["Kind"] != "command" or self._commands.delivered(each["CommandId"], instance)
        ]
        return {"Messages": wanted}

    def serve_channel(self, environ: dict[str, Any]) -> None:
        """Takes the connection of a request over as an end of a data channel, until it closes."""
        connection = environ["werkzeug.socket"]
        key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
        session = environ.get("PATH_INFO", "").removeprefix(CHANNELS)
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_value(key)}\r\n\r\n"
        )
        try:
            connection.settimeout(None)
            connection.sendall(answer.encode())
        except OSError:
            return
        self._sessions.serve(session, WebSocket(connection))


def is_channel(environ: dict[str, Any]) -> bool:
    """Whether a request asks for a data channel: the token in its first message is what admits it."""
    upgrade = str(environ.get("HTTP_UPGRADE", "")).lower() == "websocket"
    return upgrade and str(environ.get("PATH_INFO", "")).startswith(CHANNELS)
